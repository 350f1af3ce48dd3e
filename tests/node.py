"""Runs the JavaScript of pages in node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import rhapsode

PACKAGE = Path(rhapsode.__file__).parent


def run(folder: str, body: str, data: Any = None) -> Any:
    """What a script returns; the test is skipped where there is no node.

    folder: within the package. body: of an async function of `data`, and of `use`, which gives a module of the folder:
    `const { svg } = await use("svg.js")`.
    """
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node (apt-get install nodejs)")
    script = f"""
        import {{ readFileSync }} from "node:fs";
        const use = (name) => import(new URL(name, {json.dumps((PACKAGE / folder).as_uri() + "/")}));
        const data = JSON.parse(readFileSync(0, "utf8"));
        const found = await (async () => {{ {body} }})();
        process.stdout.write(JSON.stringify(found ?? null));
    """
    done = subprocess.run(
        [node, "--no-warnings", "--input-type=module", "-e", script],
        input=json.dumps(data),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
