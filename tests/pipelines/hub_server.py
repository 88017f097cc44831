"""A small hub on this machine: the requests of huggingface_hub for downloads and uploads.

Written from the hub's public API (https://huggingface.co/docs/hub/api) and from the requests of the
client. Files are in memory; large files are part of the commit, too.
"""

import base64
import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hub:
    """Repositories: name -> branch -> path -> bytes. ``requests`` lists all requests."""

    def __init__(self, address):
        self.address = address
        self.repos, self.commits, self.gated, self.requests = {}, {}, set(), []

    def create(self, name):
        self.repos.setdefault(name, {"main": {}})

    def commit(self, name, files, branch="main"):
        """Add files to a branch; return the id of the commit."""
        self.create(name)
        branches = self.repos[name]
        branches[branch] = {**branches.get(branch, branches["main"]), **files}
        digest = hashlib.sha1()
        for path, content in sorted(branches[branch].items()):
            digest.update(path.encode() + content)
        self.commits[name, digest.hexdigest()] = branches[branch]
        return digest.hexdigest()

    def files_at(self, name, revision):
        if (name, revision) in self.commits:
            return revision, self.commits[name, revision]
        if revision in self.repos.get(name, {}):
            return self.commit(name, {}, revision), self.repos[name][revision]
        return None, None


class Handler(BaseHTTPRequestHandler):
    @property
    def hub(self):
        return self.server.hub

    def log_message(self, *_):
        pass

    def answer(self, code, content=b"", **headers):
        if isinstance(content, dict | list):
            content = json.dumps(content).encode()
            headers["Content-Type"] = "application/json"
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def refuse(self, name, revision):
        if name in self.hub.gated:
            self.answer(403, X_Error_Code="GatedRepo")
        elif name not in self.hub.repos:
            self.answer(404, X_Error_Code="RepoNotFound")
        elif self.hub.files_at(name, revision)[0] is None:
            self.answer(404, X_Error_Code="RevisionNotFound")
        else:
            return False
        return True

    def do_GET(self):
        self.hub.requests.append((self.command, self.path))
        parts = self.path.partition("?")[0].strip("/").split("/")
        api = parts[:2] == ["api", "models"]
        name = "/".join(parts[2:4] if api else parts[:2])
        resource, revision = parts[4:6] if api else parts[2:4]
        if self.refuse(name, revision):
            return
        sha, files = self.hub.files_at(name, revision)
        oids = {path: hashlib.sha1(content).hexdigest() for path, content in files.items()}
        if api and resource == "tree":
            self.answer(200, [
                {"type": "file", "path": path, "oid": oids[path], "size": len(content)}
                for path, content in files.items()
            ])  # fmt: skip
        elif api:
            self.answer(200, {
                "id": name, "modelId": name, "sha": sha, "private": False,
                "siblings": [{"rfilename": path} for path in files],
            })  # fmt: skip
        else:
            path = "/".join(parts[4:])
            headers = {"ETag": f'"{oids[path]}"', "X_Repo_Commit": sha}
            self.answer(200, files[path], **headers)

    do_HEAD = do_GET  # noqa: N815 (the server's name for it)

    def do_POST(self):
        self.hub.requests.append((self.command, self.path))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = self.path.partition("?")[0].strip("/").split("/")
        if parts == ["api", "repos", "create"]:
            repo = json.loads(body)
            name = f"{repo['organization']}/{repo['name']}"
            self.hub.create(name)
            self.answer(200, {"url": f"{self.hub.address}/{name}", "id": name})
            return
        if parts == ["api", "validate-yaml"]:
            self.answer(200, {"errors": [], "warnings": []})
            return
        name, resource, branch = "/".join(parts[2:4]), parts[4], parts[5]
        if self.refuse(name, branch) or resource == "branch":
            return
        if resource == "preupload":
            self.answer(200, {"files": [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]})  # fmt: skip
        else:
            lines = [json.loads(line) for line in body.splitlines()]
            files = {
                line["value"]["path"]: base64.b64decode(line["value"]["content"])
                for line in lines
                if line["key"] == "file"
            }
            sha = self.hub.commit(name, files, branch)
            address = f"{self.hub.address}/{name}/commit/{sha}"
            self.answer(200, {"commitUrl": address, "commitOid": sha, "success": True})


@contextmanager
def running():
    """Run a hub until the end of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.hub = Hub(f"http://127.0.0.1:{server.server_address[1]}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.hub
    finally:
        server.shutdown()
        server.server_close()
