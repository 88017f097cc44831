"""Lets in who knows the server's token, as notebooks do.

Loopback keeps out other machines, but not other users and programs of this one. The printed
address contains the token; opening it sets a cookie, so that the token leaves the address bar.
Programs send ``Authorization: Bearer TOKEN`` (RFC 6750, section 2.1).
"""

import hashlib
import hmac
import logging
import re
import secrets

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mmemo.errors import ConfigError
from pipelines.serving.guard import PAGE_POLICY

TOKEN_BYTES = 24
SHORTEST_TOKEN = 8
TOKEN_CHARACTERS = re.compile(r"[A-Za-z0-9._~-]+")
"""Characters that need no quotes in an address, a header, or a shell."""
OPEN_PATHS = "/assets/"
"""Style and script of the page are the same on every server, so they are no secret."""
REASON = (
    "Expected this server's token: open the whole address that mmemo serve printed, "
    "or send the header Authorization: Bearer TOKEN"
)
LOCKED_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>mmemo: token needed</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/colours.css">
<link rel="stylesheet" href="/assets/serve.css">
</head>
<body>
<main>
<h1>mmemo</h1>
<p class="notice">{REASON}.</p>
<p>The terminal in which <code>mmemo serve</code> runs shows the address. It ends in
<code>?token=</code> and the token. If you started the server with a token of your own, add it to
this address: <code>/?token=TOKEN</code>.</p>
</main>
</body>
</html>
"""


def new_token() -> str:
    """Return a random token."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def check_token(token: str, source: str) -> str:
    """Return a token that a user chose.

    Args:
        token: the token.
        source: the option or variable that it comes from.

    Raises:
        ConfigError: it is short, or has characters that an address would have to quote.
    """
    if len(token) < SHORTEST_TOKEN or not TOKEN_CHARACTERS.fullmatch(token):
        raise ConfigError(
            f"{source}: expected at least {SHORTEST_TOKEN} letters, digits or any of . _ ~ -; got "
            f"another token ({len(token)} characters). Leave it out for a random one"
        )
    return token


class Access:
    """Refuses requests without the token.

    Args:
        app: handles accepted requests.
        token: of this server.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app = app
        self._token = token
        self._tickets: set[str] = set()
        # Browsers send a cookie to all ports of a host, so each server has a name of its own.
        self._cookie = f"mmemo-{_digest(token, 'name')[:12]}"
        self._cookie_value = _digest(token, "value")

    def ticket(self) -> str:
        """Return a token for one use.

        The browser is started with one, since all users see the arguments of a program.
        """
        ticket = new_token()
        self._tickets.add(ticket)
        return ticket

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; see ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = self._answer(Request(scope))
        await (answer or self.app)(scope, receive, send)

    def _answer(self, request: Request) -> Response | None:
        """Return an answer of its own; None if the request may pass."""
        reads = request.method in ("GET", "HEAD")
        # Not request.url, which raises if a query is not UTF-8.
        path = request.scope["path"]
        page = reads and path == "/"
        if page and self._accepts(request.query_params.get("token", "")):
            return self._enter()
        if reads and path.startswith(OPEN_PATHS):
            return None
        if self._has_cookie(request) or self._has_header(request):
            return None
        headers = {"www-authenticate": 'Bearer realm="mmemo"'}
        if page:
            policy = {"content-security-policy": PAGE_POLICY}
            return HTMLResponse(LOCKED_PAGE, 401, headers | policy)
        return JSONResponse({"detail": REASON}, 401, headers)

    def _enter(self) -> Response:
        answer = RedirectResponse("/", 303)
        answer.set_cookie(self._cookie, self._cookie_value, httponly=True, samesite="lax")
        return answer

    def _accepts(self, token: str) -> bool:
        if _equal(token, self._token):
            return True
        used = next((ticket for ticket in self._tickets if _equal(token, ticket)), None)
        self._tickets.discard(used or "")
        return used is not None

    def _has_cookie(self, request: Request) -> bool:
        return _equal(request.cookies.get(self._cookie, ""), self._cookie_value)

    def _has_header(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and _equal(token.strip(), self._token)


class WithoutQueries(logging.Filter):
    """Leaves the queries of addresses out of the access log: one contains the token."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten the addresses among a record's arguments."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                argument.partition("?")[0] if isinstance(argument, str) else argument
                for argument in record.args
            )
        return True


def _digest(token: str, purpose: str) -> str:
    """Return what a cookie shows in place of the token."""
    return hmac.new(token.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def _equal(text: str, secret: str) -> bool:
    """Compare in a time that does not depend on where the two differ."""
    return hmac.compare_digest(text.encode("utf-8", "surrogatepass"), secret.encode())
