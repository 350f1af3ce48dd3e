"""The file of a page: its own parts, and what all pages have, joined into one file with a strict policy."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from html import escape
from importlib.resources import files
from pathlib import PurePosixPath

from rhapsode.arithmetic.kernel import HERE
from rhapsode.export._facts import public
from rhapsode.export._target import Order

IMPORT = re.compile(r'^import \{\s*([^}]*?),?\s*\} from "(\.[^"]*)";.*\n', re.MULTILINE)
EXPORT = re.compile(r"^export ((async )?(?:class|function\*?|const) )(?=(\w+|\$))", re.MULTILINE)
STYLE = re.compile(r'^@import "([^"]*)";\n', re.MULTILINE)
SHARED = "export/page"


def page(order: Order, folder: str, model: bytes) -> bytes:
    """folder: of the modality's page, within the package: with `page.html` (what `main` holds), `page.css` and
    `page.js`. model: made by `packed`. Returns the file."""
    title = titled(order)
    css = styles(f"{SHARED}/page.css") + styles(f"{folder}/page.css")
    script = bundle(f"{folder}/page.js")
    values = {
        "title": escape(title),
        "policy": policy(css, script),
        "css": css,
        "main": _text(f"{folder}/page.html"),
        "model": base64.b64encode(model).decode(),
        "kernel": base64.b64encode((HERE / "kernel.wasm").read_bytes()).decode(),
        "script": script,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], _text(f"{SHARED}/page.html")).encode()


def policy(css: str, script: str) -> str:
    """The page's Content-Security-Policy: nothing but its own style and script, which are known by their digests."""
    allowed = {
        "default-src": "'none'",
        "script-src": f"{_source(script)} 'wasm-unsafe-eval'",
        "style-src": _source(css),
        "img-src": "data: blob:",
        "media-src": "data: blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(" ".join(each) for each in allowed.items())


def styles(path: str) -> str:
    """A style sheet within the package, with those that it imports in their places."""
    folder = PurePosixPath(path).parent
    return STYLE.sub(lambda found: styles(str(_joined(folder, found[1]))), _text(path))


def bundle(entry: str) -> str:
    """A module and all that it imports, as one module. entry: its path within the package.

    Each module becomes a function that is called once, and gives what the module exports.
    """
    paths = list(_modules(PurePosixPath(entry), set()))
    numbers = {path: n for n, path in enumerate(paths)}
    parts = []
    for path in paths:
        text = _text(str(path))

        def imported(found: re.Match[str], folder: PurePosixPath = path.parent) -> str:
            return f"const {{ {found[1].replace(' as ', ': ')} }} = $module{numbers[_joined(folder, found[2])]};\n"

        body = EXPORT.sub(r"\1", IMPORT.sub(imported, text)).strip()
        if path != paths[-1]:
            names = ", ".join(found[3] for found in EXPORT.finditer(text))
            body = f"const $module{numbers[path]} = (() => {{\n{body}\nreturn {{ {names} }};\n}})();"
        parts.append(body)
    return "\n".join([*parts, ""])


def _modules(path: PurePosixPath, seen: set[PurePosixPath]) -> Iterator[PurePosixPath]:
    """A module's path, after the paths of those that it imports."""
    seen.add(path)
    for found in IMPORT.finditer(_text(str(path))):
        other = _joined(path.parent, found[2])
        if other not in seen:
            yield from _modules(other, seen)
    yield path


def _joined(folder: PurePosixPath, name: str) -> PurePosixPath:
    parts = list(folder.parts)
    for part in PurePosixPath(name).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return PurePosixPath(*parts)


def titled(order: Order) -> str:
    """What the page is called: the output's name without its ending."""
    return PurePosixPath(order.name).stem


def facts(order: Order) -> dict[str, object]:
    """What the page says about its model."""
    model = order.model
    return {
        "name": titled(order),
        "digest": model.digest,
        "licence": order.licence,
        "network": model.network.description,
        "parameters": model.network.parameters,
        "facts": public(model.config.facts),
    }


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _text(path: str) -> str:
    return files("rhapsode").joinpath(path).read_text("utf-8")
