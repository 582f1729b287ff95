"""A stand-in of the model hub on this machine, with its faults: what huggingface_hub asks for, over real HTTP.

It speaks the hub's tree listing and file addresses, and what an upload of small and of large (LFS) files takes. A large
file is answered, as by the hub, with a redirect to another host (`localhost` instead of `127.0.0.1`) that knows nothing
of tokens. Files that are no part of a repository, such as images of the web, lie under /web/.
"""

import base64
import hashlib
import http.server
import json
import os
import re
import socket
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

LARGE = 2000  # bytes; larger files are on the other host, named by their sha256
TREE = re.compile(r"/api/(models|datasets)/([^/]+/[^/]+)/tree/([^/?]+)")
UPLOAD = re.compile(r"/api/models/([^/]+/[^/]+)/(preupload|commit)/main")
FILE = re.compile(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


@dataclass
class Hub:
    """What the server serves, how it fails, and what it was asked."""

    port: int = 0
    repos: dict[str, dict[str, bytes]] = field(default_factory=dict)
    commits: dict[str, str] = field(default_factory=dict)
    web: dict[str, bytes] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    token: str | None = None  # where set, requests without it are refused
    busy: Counter[str] = field(default_factory=Counter)  # how often a file, or the "tree", is answered with 503
    breaks: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))  # bytes until the line goes dead
    xet: bool = False  # whether large files are in Xet storage, which has a protocol of its own
    altered: set[str] = field(default_factory=set)  # files of which one byte is another than it should be
    private: set[str] = field(default_factory=set)  # repositories that an upload has made so
    sent: dict[str, bytes] = field(default_factory=dict)  # content of large files on their way, by sha256
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)  # method, name, Range

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add(self, name: str, files: dict[str, bytes], kind: str = "dataset") -> str:
        """Serve a repository and return its commit, which depends on the files."""
        key = f"{kind}s/{name}"
        self.repos[key] = files
        digest = hashlib.sha1("".join(f"{name}{sha256(content)}" for name, content in sorted(files.items())).encode())
        self.commits[key] = digest.hexdigest()
        return self.commits[key]

    def add_web(self, name: str, content: bytes) -> str:
        """Serve a file outside of any repository and return its link."""
        self.web[name] = content
        return f"{self.url}/web/{name}"

    def downloads(self, name: str) -> list[str | None]:
        """The ranges in which a file's content was asked for; None is the whole."""
        return [part for method, asked, part in self.asked if method == "GET" and asked == name]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def git_sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        path, body = unquote(urlsplit(self.path).path), self._body()
        if self.headers.get("Authorization", "") != f"Bearer {self.hub.token}":
            self._refuse(401)
        elif path == "/api/repos/create":
            made = json.loads(body)
            key = f"models/{made['organization']}/{made['name']}"
            self.hub.repos.setdefault(key, {})
            self.hub.private |= {key} if made["visibility"] == "private" else set()
            self._json({"url": f"{self.hub.url}/{key.removeprefix('models/')}"})
        elif path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif match := UPLOAD.fullmatch(path):
            self._json(self._upload(match[1], match[2], body))
        elif path.endswith(".git/info/lfs/objects/batch"):
            objects = json.loads(body)["objects"]
            for one in objects:
                one["actions"] = {"upload": {"href": f"{self.hub.url}/lfs/{one['oid']}"}}
            self._json({"transfer": "basic", "objects": objects})
        else:
            self._refuse(404)

    def do_PUT(self) -> None:
        self.hub.sent[self.path.removeprefix("/lfs/")] = self._body()
        self._answer(200, b"", {})

    def _upload(self, repo: str, step: str, body: bytes) -> dict[str, object]:
        """Which files go which way; then the commit, a JSON line for each of them."""
        if step == "preupload":
            files = json.loads(body)["files"]
            modes = {one["path"]: "lfs" if one["size"] > LARGE else "regular" for one in files}
            return {
                "files": [{"path": path, "uploadMode": mode, "shouldIgnore": False} for path, mode in modes.items()]
            }
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                self.hub.repos[f"models/{repo}"][value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                self.hub.repos[f"models/{repo}"][value["path"]] = self.hub.sent[value["oid"]]
        return {"commitUrl": f"{self.hub.url}/{repo}/commit/1", "commitOid": "1" * 40, "pullRequestUrl": None}

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _json(self, content: object) -> None:
        self._answer(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if match := TREE.fullmatch(path):
            self._tree(f"{match[1]}/{match[2]}", match[3])
        elif match := FILE.fullmatch(path):
            self._file(f"{match[1] or 'models/'}{match[2]}", match[3], match[4])
        elif path.startswith("/large/"):
            assert "Authorization" not in self.headers, "the token went to another host"
            self._content(*self._large(path.removeprefix("/large/")))
        elif path.startswith("/web/") and path.removeprefix("/web/") in self.hub.web:
            self._content(path.removeprefix("/web/"), self.hub.web[path.removeprefix("/web/")])
        else:
            self._refuse(404)

    def _large(self, digest: str) -> tuple[str, bytes]:
        every = ((name, content) for files in self.hub.repos.values() for name, content in files.items())
        return next((name, content) for name, content in every if sha256(content) == digest)

    def _allowed(self, repo: str, commit: str) -> bool:
        """Whether the request may be answered; refuses it as the hub would, if not."""
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if repo in self.hub.gated and given != self.hub.token:
            self._refuse(403 if given else 401, "GatedRepo")
        elif self.hub.token and given and given != self.hub.token:
            self._refuse(401, message="Invalid credentials in Authorization header")
        elif repo not in self.hub.repos:
            self._refuse(401 if not given else 404, "RepoNotFound")
        elif commit != self.hub.commits[repo]:
            self._refuse(404, "RevisionNotFound")
        else:
            return True
        return False

    def _tree(self, repo: str, commit: str) -> None:
        if not self._allowed(repo, commit):
            return
        if self.hub.busy["tree"]:
            self.hub.busy["tree"] -= 1
            self._refuse(503)
            return
        entries = []
        for name, content in self.hub.repos[repo].items():
            entry = {"type": "file", "path": name, "size": len(content), "oid": git_sha1(content)}
            if len(content) > LARGE:
                entry["lfs"] = {"oid": sha256(content), "size": len(content), "pointerSize": 134}
            entries.append(entry)
        self._answer(200, json.dumps(entries).encode(), {"Content-Type": "application/json"})

    def _file(self, repo: str, commit: str, name: str) -> None:
        if not self._allowed(repo, commit):
            return
        if name not in self.hub.repos[repo]:
            self._refuse(404, "EntryNotFound")
            return
        content = self.hub.repos[repo][name]
        headers = {"X-Repo-Commit": commit, "ETag": f'"{git_sha1(content)}"'}
        if len(content) <= LARGE:
            self._content(name, content, headers)
            return
        if self.hub.xet:
            headers |= {"X-Xet-Hash": sha256(content), "X-Xet-Refresh-Route": f"{self.hub.url}/no-token"}
        headers |= {"X-Linked-Etag": f'"{sha256(content)}"', "X-Linked-Size": str(len(content))}
        self._answer(302, b"", headers | {"Location": f"http://localhost:{self.hub.port}/large/{sha256(content)}"})

    def _content(self, name: str, content: bytes, headers: dict[str, str] | None = None) -> None:
        """A file, or the part of it that is asked for, with what the hub's faults make of it."""
        asked = self.headers.get("Range")
        self.hub.asked.append((self.command, name, asked))
        if self.command == "GET" and self.hub.busy[name]:
            self.hub.busy[name] -= 1
            self._refuse(503)
            return
        if name in self.hub.altered:
            content = content[:-1] + bytes([content[-1] ^ 1])
        headers, status, start = dict(headers or {}), 200, 0
        if asked:
            start, status = int(asked.removeprefix("bytes=").rstrip("-")), 206
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        breaks = self.hub.breaks[name] if self.command == "GET" else []
        self._answer(status, content[start:], headers, breaks.pop(0) if breaks else None)

    def _refuse(self, status: int, code: str = "", message: str = "") -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": message}
        self._answer(status, b"", {key: value for key, value in headers.items() if value})

    def _answer(self, status: int, body: bytes, headers: dict[str, str], broken_after: int | None = None) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(body[:broken_after])
        if broken_after is not None:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        """Say nothing: the tests read `asked`."""


@contextmanager
def serve() -> Iterator[Hub]:
    """An empty hub, reached under its `url`."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        hub.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield hub
        server.shutdown()
        thread.join()


def environment(hub: Hub, home: Path) -> dict[str, str]:
    """What makes a new process ask this hub and keep its cache in `home`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    return kept | {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that this process asks, with an empty cache; waits between attempts take no time."""
    from huggingface_hub import constants

    home = tmp_path / "hf"
    with serve() as served:
        monkeypatch.setattr(constants, "ENDPOINT", served.url)
        template = served.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
        monkeypatch.setattr("huggingface_hub.utils._cache_assets.HF_ASSETS_CACHE", str(home / "assets"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1000)  # what arrived is kept in pieces of this size
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.setattr(time, "sleep", lambda seconds: None)
        yield served
