"""`rhapsode studio`: its address."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from rhapsode.cli import main

pytest.importorskip("uvicorn")


def test_a_folder_has_its_own_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else a browser would not find again what it has kept of the studio."""
    from rhapsode.cli.studio import port_of
    from rhapsode.serving.run import Sockets

    def closes(own: Any, sockets: list[socket.socket]) -> None:
        for one in sockets:
            one.close()

    def told(*options: str) -> str:
        assert main(["studio", "--no-browser", *options]) == 0
        return capsys.readouterr().err

    monkeypatch.setattr(Sockets, "run", closes)
    monkeypatch.chdir(tmp_path)
    own = port_of(tmp_path)
    assert own == port_of(Path()) != port_of(tmp_path / "other")
    first = told()
    assert f"http://127.0.0.1:{own}/?" in first and "is taken" not in first
    assert f":{own}/?" not in told("--port", "0")
    with socket.create_server(("127.0.0.1", own)):
        other = told()
        assert f"Port {own} is taken" in other and f":{own}/?" not in other
        assert main(["studio", "--no-browser", "--port", str(own)]) == 2
    assert "Give another --port" in capsys.readouterr().err
