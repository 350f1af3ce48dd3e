"""A stand-in for the Hugging Face Hub on this machine: as much of its HTTP interface as its library uses for models."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_secret"
COMMITS = re.compile(r"[0-9a-f]{40}")


class Hub:
    """What the stand-in holds, and what it was asked.

    repositories: name → {"private": …, "commits": [(hash, name → contents), …]}, the newest commit last.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, Any]] = {}
        self.stored: dict[str, bytes] = {}
        self.failing = ""
        """The end of a path for which the hub has a fault."""
        self.asked: list[str] = []
        self.address = ""

    def commit(self, name: str, files: dict[str, bytes], private: bool = False) -> str:
        """Add files to a repository, which is made if it is not there. Returns the commit's hash."""
        repository = self.repositories.setdefault(name, {"private": private, "commits": []})
        now = {**(repository["commits"][-1][1] if repository["commits"] else {}), **files}
        mark = hashlib.sha1(f"{name} {len(repository['commits'])}".encode()).hexdigest()
        repository["commits"].append((mark, now))
        return mark

    def at(self, name: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        commits = self.repositories[name]["commits"]
        if revision == "main":
            return commits[-1] if commits else ("0" * 40, {})
        return next((one for one in commits if one[0] == revision), None)


class Handler(BaseHTTPRequestHandler):
    hub: Hub

    def log_message(self, *_: Any) -> None:
        pass

    def _send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _json(self, value: Any, status: int = 200, **headers: str) -> None:
        self._send(status, json.dumps(value).encode(), Content_Type="application/json", **headers)

    @property
    def known(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _begun(self) -> bytes:
        self.hub.asked.append(f"{self.command} {self.path}")
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self._begun()
        if found := re.fullmatch(r"/api/models/([^/]+/[^/?]+)", self.path):
            if repository := self.hub.repositories.get(found[1]):
                self._json({"id": found[1], "private": repository["private"], "siblings": []})
            else:
                self._send(404, X_Error_Code="RepoNotFound")
            return
        found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.path)
        assert found, self.path
        name, revision, path = found.groups()
        repository = self.hub.repositories.get(name)
        if repository is None or (repository["private"] and not self.known):
            self._send(401 if not self.known else 404, X_Error_Code="RepoNotFound")
        elif self.hub.failing and path.endswith(self.hub.failing):
            self._send(400)
        elif (commit := self.hub.at(name, revision)) is None:
            self._send(404, X_Error_Code="RevisionNotFound")
        elif path not in commit[1]:
            self._send(404, X_Error_Code="EntryNotFound", X_Repo_Commit=commit[0])
        else:
            contents = commit[1][path]
            etag = f'"{hashlib.sha256(contents).hexdigest()}"'
            if ranged := re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or ""):
                self._send(206, contents[int(ranged[1]) : int(ranged[2]) + 1], ETag=etag, X_Repo_Commit=commit[0])
            else:
                self._send(200, contents, ETag=etag, X_Repo_Commit=commit[0])

    def do_PUT(self) -> None:
        body = self._begun()
        self.hub.stored[hashlib.sha256(body).hexdigest()] = body
        self._send(200)

    def do_POST(self) -> None:
        body = self._begun()
        if self.path == "/api/validate-yaml":
            self._json({"warnings": [], "errors": []})
        elif not self.known:
            self._json({"error": "Invalid username or password."}, 401)
        elif self.path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}"
            if asked["organization"] != "ann":
                self._json({"error": "You don't have the rights to create a model under this namespace"}, 403)
            elif name in self.hub.repositories:
                self._json({"error": "You already created this model repo", "url": self.hub.address + "/" + name}, 409)
            else:
                self.hub.repositories[name] = {"private": asked.get("visibility") == "private", "commits": []}
                self._json({"url": f"{self.hub.address}/{name}"})
        elif self.path.endswith("/preupload/main"):
            files = [{"path": one["path"], "shouldIgnore": False} for one in json.loads(body)["files"]]
            for one in files:
                one["uploadMode"] = "lfs" if one["path"].endswith(".safetensors") else "regular"
            self._json({"files": files})
        elif self.path.endswith(".git/info/lfs/objects/batch"):
            objects = json.loads(body)["objects"]
            for one in objects:
                one["actions"] = {"upload": {"href": f"{self.hub.address}/lfs/{one['oid']}"}}
            self._json({"transfer": "basic", "objects": objects})
        else:
            self._committed(body)

    def _committed(self, body: bytes) -> None:
        found = re.fullmatch(r"/api/models/(.+)/commit/main", self.path)
        assert found, self.path
        files = {}
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.hub.stored[value["oid"]]
        mark = self.hub.commit(found[1], files)
        self._json({"commitUrl": f"{self.hub.address}/{found[1]}/commit/{mark}", "commitOid": mark, "success": True})


@contextmanager
def serving() -> Iterator[Hub]:
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"hub": hub}))
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
