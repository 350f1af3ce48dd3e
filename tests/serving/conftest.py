"""A server in this process, on a port of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from rhapsode.inference.model import Model
from rhapsode.inference.states import States
from rhapsode.report import Report
from tests.conftest import MakeModel

uvicorn = pytest.importorskip("uvicorn")

from rhapsode.serving.app import Server  # noqa: E402
from rhapsode.serving.guard import Rules  # noqa: E402
from rhapsode.serving.run import configured  # noqa: E402
from rhapsode.serving.served import Served  # noqa: E402

Serve = Callable[..., Any]


class Failures(Report):
    """What a server warned of."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def warn(self, text: str) -> None:
        self.told.append(text)


@contextmanager
def serving(
    models: dict[str, Model], rules: Rules | None = None, rows: int = 8, waiting: int = 64
) -> Iterator[tuple[str, Server]]:
    """The address, such as http://127.0.0.1:1234, and the server. Fails if the server failed at a request."""
    failures, states = Failures(), States()
    served = [Served(name, model, rows, waiting, states) for name, model in models.items()]
    server = Server(served, rules or Rules(), failures)
    with running(server) as address:
        yield address, server
    assert failures.told == []


@contextmanager
def running(server: Server) -> Iterator[str]:
    """The address of a server that runs."""
    config = configured(server, "127.0.0.1", 0)
    socket = config.bind_socket()
    runner = uvicorn.Server(config)
    thread = threading.Thread(target=runner.run, kwargs={"sockets": [socket]}, daemon=True)
    thread.start()
    until = time.monotonic() + 30
    while not runner.started and time.monotonic() < until:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        runner.should_exit = True
        thread.join(30)
        assert server.close(10)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def book(tiny_model: MakeModel) -> Model:
    return tiny_model(codec="chars+end", arithmetic="integers", reset="document", sharpness=1.5)


@pytest.fixture(scope="module")
def endless(tiny_model: MakeModel) -> Model:
    """Its texts have no end."""
    return tiny_model(codec="chars", arithmetic="integers", sharpness=1.5)


@pytest.fixture(scope="module")
def address(book: Model) -> Iterator[str]:
    with serving({"book": book}) as (found, _):
        yield found
