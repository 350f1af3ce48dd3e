"""What is left out of a folder of texts: files that programs make for themselves, not people for readers.

A folder or a file that the user names is always taken. `--all-files` takes all but the stores of version control.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

HIDDEN, PACKED, SMALL = "hidden", "folder{s} of packages and caches", "minified file{s}"
LINK = "link{s} to a folder"
"""Reasons, with {s} where a plural has an s."""
VERSIONS = frozenset((".git", ".hg", ".svn", ".bzr", "CVS"))
"""Folders of version control. They hold no text as a person wrote it."""
PACKAGES = frozenset(("node_modules", "bower_components", "site-packages", "__pycache__", "__MACOSX", "htmlcov"))
BUILT = frozenset(("build", "dist", "target", "out", "bin", "obj", "coverage", "vendor", "third_party", "_build"))
"""Folders of a program's project that are made from it, or that others made. Elsewhere, they are as any other."""
PROJECT = re.compile(
    r"\.git|pyproject\.toml|setup\.(?:py|cfg)|package\.json|Cargo\.toml|go\.mod|pom\.xml|build\.gradle(?:\.kts)?|Makefile|"
    r"CMakeLists\.txt|composer\.json|Gemfile|meson\.build|.*\.(?:sln|csproj|cabal)|conf\.py"
)
"""Files that such a project has."""
ENVIRONMENT = frozenset(("pyvenv.cfg", "CACHEDIR.TAG"))
"""Files that a virtual environment, or a cache of any program, has."""
LOCKS = re.compile(r".+\.lock|.+-lock\.(?:json|ya?ml)|.+\.lockfile|go\.sum|npm-shrinkwrap\.json|\.?~lock\..*")
BACKUPS = re.compile(r".+~|#.*#|~\$.*|.+\.(?:bak|orig|rej|sw[op]|tmp|pyc|pyo)")
MINIFIED = re.compile(r".+\.min\.(?:js|css|mjs|html)|.+\.(?:js|css|mjs)\.map|.+\.bundle\.js")
CODE = (".js", ".mjs", ".cjs", ".css")
LONG = 1000
"""Characters of a line that no person has typed: code whose lines have as many, on average, is minified."""


def of_folder(parent: str, name: str, siblings: Collection[str]) -> str:
    """Why a folder within another is left out; "" if it is not. siblings: all names in `parent`."""
    if name.startswith(".") or name in VERSIONS:
        return HIDDEN
    if name in PACKAGES or name.endswith((".egg-info", ".dist-info")):
        return PACKED
    if name in BUILT and any(map(PROJECT.fullmatch, siblings)):
        return "folder{s} of builds and copies"
    if any(os.path.exists(os.path.join(parent, name, mark)) for mark in ENVIRONMENT):
        return PACKED
    return ""


def of_file(name: str) -> str:
    """Why a file of this name is left out; "" if it is not."""
    if name.startswith("."):
        return HIDDEN
    for pattern, why in ((LOCKS, "lock file{s}"), (BACKUPS, "backup{s}"), (MINIFIED, SMALL)):
        if pattern.fullmatch(name):
            return why
    return ""


def of_head(name: str, head: bytes) -> str:
    """The same, by the first bytes of a file."""
    if name.lower().endswith(CODE) and len(head) > LONG * (1 + head.count(b"\n")):
        return SMALL
    return ""


def walked(folder: str, all_files: bool, refuse: object = None) -> Iterator[tuple[str, str]]:
    """(path, why it is left out, "" if it is not) of each file of a folder and its subfolders, and of each subfolder
    that is left out as a whole. The files of a folder come before those of its subfolders.

    refuse: is called with the `OSError` of a folder that cannot be read.
    """
    for parent, folders, names in os.walk(folder, onerror=refuse):  # type: ignore[arg-type]
        kept = []
        for name in sorted(folders):
            why = of_folder(parent, name, {*folders, *names})
            if all_files and name not in VERSIONS:
                why = ""
            if not why and os.path.islink(os.path.join(parent, name)):
                why = LINK  # it may lead back
            if why:
                yield os.path.join(parent, name), why
            else:
                kept.append(name)
        folders[:] = kept
        for name in sorted(names):
            yield os.path.join(parent, name), "" if all_files else of_file(name)


def taken(folder: str, all_files: bool = False) -> Iterator[Path]:
    """The files of a folder that are not left out."""
    return (Path(path) for path, why in walked(folder, all_files) if not why and os.path.isfile(path))
