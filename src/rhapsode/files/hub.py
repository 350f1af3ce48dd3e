"""Models on the Hugging Face Hub: `hf://USER/MODEL`, or `hf://USER/MODEL@REVISION`.

The library huggingface_hub does the work (`pip install 'rhapsode[hub]'`).

What was downloaded stays in the cache. A name without a revision, or with a commit's hash, then needs no network; a
branch or a tag is asked for again, so `@main` brings the newest. The folder in the cache is the library's own.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rhapsode.errors import UserError
from rhapsode.files.cache import cache_folder
from rhapsode.files.checkpoint import HUB_PREFIX
from rhapsode.report import QUIET

if TYPE_CHECKING:
    from huggingface_hub import HfApi

REPOSITORY = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")
COMMIT = re.compile(r"[0-9a-f]{40}")
MAIN = "main"


class Place(NamedTuple):
    """A repository, as `USER/MODEL`, and a branch, a tag or a commit of it; empty if none is named."""

    repository: str
    revision: str = ""

    @property
    def name(self) -> str:
        """As users write it."""
        return f"{HUB_PREFIX}{self.repository}{'@' * bool(self.revision)}{self.revision}"


def parsed(name: str) -> Place:
    """The place that `hf://USER/MODEL@REVISION` names; `hf://` and the revision may be left out. Raises `UserError`."""
    repository, _, revision = name.removeprefix(HUB_PREFIX).partition("@")
    if not REPOSITORY.fullmatch(repository) or name.endswith("@"):
        raise UserError(
            f"{name!r} is no model on the Hugging Face Hub. Write hf://USER/MODEL, or hf://USER/MODEL@REVISION."
        )
    return Place(repository, revision)


def located(name: str) -> Path:
    """The file of the model that `hf://USER/MODEL@REVISION` names, in the cache, with the other files of the model
    beside it. They are downloaded if they are not there, and checked. Raises `UserError`."""
    place = parsed(name)
    api = _api(place.name)
    fixed = not place.revision or COMMIT.fullmatch(place.revision)
    with _explained(place):
        return (_kept(place) if fixed else None) or _downloaded(api, place)


def _kept(place: Place) -> Path | None:
    """The model file in the cache; None if it, or another file of the model, is not there or damaged."""
    from huggingface_hub import try_to_load_from_cache

    from rhapsode.files import checkpoint

    def path(name: str, revision: str) -> Any:
        """None if nothing is known of such a file; something else if it is known that there is none."""
        return try_to_load_from_cache(place.repository, name, cache_dir=_cache(), revision=revision)

    found = path(checkpoint.MODEL, place.revision or MAIN)
    if not isinstance(found, str):
        return None
    try:
        for part, needed in checkpoint.parts(checkpoint.load_info(Path(found))[0]).items():
            kept = path(part, Path(found).parent.name)
            if isinstance(kept, str):
                _check(Path(kept))
            elif needed or kept is None:
                return None
    except UserError:
        return None
    return Path(found)


def _check(path: Path) -> None:
    """Raises `UserError` if a file of Rhapsode is damaged. A command may ask several times; it is read once."""
    known = path.stat()
    _check_once(path, known.st_mtime_ns, known.st_size)


@cache
def _check_once(path: Path, *known: int) -> None:
    from rhapsode.files import checkpoint

    checkpoint.stored(path)


def _downloaded(api: HfApi, place: Place) -> Path:
    """Raises `UserError`, and the library's errors."""
    from huggingface_hub.errors import NotASafetensorsRepoError, RemoteEntryNotFoundError, SafetensorsParsingError

    from rhapsode.files import checkpoint

    revision = place.revision or MAIN
    try:
        header = api.parse_safetensors_file_metadata(place.repository, checkpoint.MODEL, revision=revision)
        ours = checkpoint.KEY in header.metadata
    except (RemoteEntryNotFoundError, NotASafetensorsRepoError, SafetensorsParsingError):
        ours = False
    if not ours:  # other programs call their models so, too, and some are very large
        raise UserError(f"{place.name} is not a model of Rhapsode: it has no {checkpoint.MODEL} that Rhapsode wrote.")
    found = _fetched(api, place.repository, revision, checkpoint.MODEL)
    commit = found.parent.name
    for part, needed in checkpoint.parts(checkpoint.load_info(found)[0]).items():
        try:
            _fetched(api, place.repository, commit, part)
        except RemoteEntryNotFoundError:
            if needed:
                raise UserError(f"{place.name} is incomplete: it has no {part}. Tell its author.") from None
    return found


def _fetched(api: HfApi, repository: str, revision: str, name: str) -> Path:
    """One file, in the cache; it is downloaded again if it is damaged. Raises the library's errors, and `UserError`."""
    how: dict[str, Any] = {"revision": revision, "cache_dir": _cache()}
    found = Path(api.hf_hub_download(repository, name, **how))
    try:
        _check(found)
    except UserError:
        found = Path(api.hf_hub_download(repository, name, force_download=True, **how))
        _check(found)
    return found


def push(place: Place, files: Mapping[str, bytes], private: bool, token: str | None) -> str:
    """Upload files, name → contents, in one commit. A repository that is not there is made. Returns its address.

    private: of a new repository. token: None for that of $HF_TOKEN or of the library's login. Raises `UserError`.
    """
    api = _api(place.name, token)
    from huggingface_hub import CommitOperationAdd, get_token

    if not (token or get_token()):
        raise UserError(
            f"to upload to {place.name}, the hub wants a token that may write. Make one at "
            "https://huggingface.co/settings/tokens, and set HF_TOKEN, or name a file that holds it: --token-file FILE."
        )
    with _explained(place):
        address = api.create_repo(place.repository, private=private or None, exist_ok=True)
        if private and not api.model_info(place.repository).private:
            raise UserError(
                f"{place.name} is there already, and everyone can see it. Make it private on its page, or choose "
                "another name. Nothing was uploaded."
            )
        operations = [CommitOperationAdd(name, contents) for name, contents in files.items()]
        api.create_commit(place.repository, operations, commit_message="A model of Rhapsode")
    return str(address)


def _cache() -> Path:
    return cache_folder() / "hub"


def _api(name: str, token: str | None = None) -> HfApi:
    """The library. Raises `UserError` if it is not installed."""
    try:
        from huggingface_hub import HfApi
        from huggingface_hub.utils.tqdm import disable_progress_bars
    except ImportError:
        raise UserError(
            f"{name}: for the Hugging Face Hub, the library huggingface_hub is needed. Install it with: "
            "pip install 'rhapsode[hub]'"
        ) from None
    from rhapsode import __version__

    if QUIET.get() or not sys.stderr.isatty():
        disable_progress_bars()
    endpoint = os.environ.get("HF_ENDPOINT") or None
    return HfApi(endpoint, token, library_name="rhapsode", library_version=__version__)


@contextmanager
def _explained(place: Place) -> Iterator[None]:
    """The library's errors as `UserError`."""
    from huggingface_hub import errors

    # The second are those of the library's HTTP client, which is another one in other versions.
    network: tuple[type[BaseException], ...] = (OSError, *errors.HfHubHTTPError.__bases__)
    failures: tuple[type[BaseException], ...] = (ValueError, RuntimeError, *network)
    try:
        yield
    except errors.GatedRepoError:
        raise UserError(
            f"{place.name}: its owner gives it to those who ask. Ask on its page, then set HF_TOKEN to your token."
        ) from None
    except errors.RepositoryNotFoundError:
        raise UserError(
            f"{place.name}: there is no such model on the hub, or it is private: then set HF_TOKEN to a token that may "
            "read it (or write, to upload)."
        ) from None
    except errors.RevisionNotFoundError:
        raise UserError(
            f"{place.name}: the model has no revision {place.revision!r}. Leave it out for {MAIN}."
        ) from None
    except errors.HFValidationError as error:
        raise UserError(f"{place.name} is no name that the hub allows: {error}") from None
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        why = (
            "the token is not valid, or may not do this"
            if status in (401, 403)
            else error.server_message or "no reason"
        )
        raise UserError(f"{place.name}: the hub refused (HTTP {status}): {why}.") from None
    except failures as error:
        cause = error if isinstance(error, network) else error.__cause__ or error  # uploads wrap it
        said = (str(cause).splitlines() or [type(cause).__name__])[0][:200]
        if not isinstance(cause, network):
            raise UserError(f"{place.name}: the library huggingface_hub gave up: {said}. Try again.") from None
        raise UserError(
            f"{place.name}: the hub cannot be reached ({said}). It is needed once; what was downloaded before is used "
            "without it. Check the network, and try again."
        ) from None
