"""The description of the interface: OpenAPI 3.1 as JSON, and the same as a page to read.

The usual pages load their scripts from other sites; this one has no script.
"""

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse, JSONResponse

from pipelines.serving.guard import PAGE_POLICY

JSON_PATH = "/api/openapi.json"
PAGE_PATH = "/api"
BYTES_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
"""For a route that takes the bytes of a file."""
HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>mmemo: interface for programs</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/colours.css">
<link rel="stylesheet" href="/assets/serve.css">
</head>
<body>
<main>
"""


def json_body(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a route that takes JSON, for ``openapi_extra``."""
    content = {"application/json": {"schema": dict(schema)}}
    return {"requestBody": {"required": True, "content": content}}


def add_documentation(app: FastAPI) -> None:
    """Add the JSON and the page; call it after all other routes."""
    schema = app.openapi()
    bearer = {"type": "http", "scheme": "bearer", "description": "the token of mmemo serve"}
    schema["components"]["securitySchemes"] = {"token": bearer}
    schema["security"] = [{"token": []}]
    content = _page(schema)

    @app.get(JSON_PATH, include_in_schema=False)
    def openapi() -> Response:
        return JSONResponse(schema)

    @app.get(PAGE_PATH, include_in_schema=False)
    def documentation() -> Response:
        return HTMLResponse(content, headers={"content-security-policy": PAGE_POLICY})


def _page(schema: Mapping[str, Any]) -> str:
    info = schema["info"]
    routes = [
        _route(method, path, operation)
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
    ]
    return "\n".join(
        [
            f"{HEAD}<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
            f"<p>{escape(info['description'])}</p>",
            f'<p>For generators of clients: <a href="{JSON_PATH}">{JSON_PATH}</a></p>',
            *routes,
            "</main>\n</body>\n</html>\n",
        ]
    )


def _route(method: str, path: str, operation: Mapping[str, Any]) -> str:
    lines = [
        f"<h2><code>{method.upper()} {escape(path)}</code></h2>",
        f"<p>{escape(operation['description'])}</p>",
    ]
    body = operation.get("requestBody", {}).get("content", {})
    for kind, form in body.items():
        lines.append(f"<p>Takes <code>{escape(kind)}</code>:</p>")
        lines.append(f"<pre>{escape(json.dumps(form['schema'], indent=2))}</pre>")
    statuses = ", ".join(
        f"{escape(status)} {escape(answer['description'])}"
        for status, answer in operation["responses"].items()
    )
    return "\n".join([*lines, f"<p>Answers: {statuses}</p>"])
