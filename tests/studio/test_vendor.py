"""What others wrote and the package carries is what they published, and is named."""

from __future__ import annotations

import hashlib
import tomllib

from tests.node import PACKAGE

VENDOR = PACKAGE / "studio" / "vendor"


def test_it_is_what_was_published_and_is_named() -> None:
    every = tomllib.loads((VENDOR / "vendor.toml").read_text())
    named = {"vendor.toml"}
    notices = (PACKAGE.parents[1] / "THIRD-PARTY.md").read_text()
    for name, about in every.items():
        assert about["version"] in about["from"] and about["licence"] in notices and name in notices
        assert about["holder"] in notices and f"{name}.LICENSE" in notices
        for file, mark in about["files"].items():
            assert hashlib.sha256((VENDOR / file).read_bytes()).hexdigest() == mark, file
            named.add(file)
        assert about["version"] in (VENDOR / f"{name}.esm.js").read_text()[:400]
        assert "Permission is hereby granted" in (VENDOR / f"{name}.LICENSE").read_text()
    assert named == {path.name for path in VENDOR.iterdir()}
