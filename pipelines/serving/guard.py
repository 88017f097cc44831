"""Accepts requests of the server's own pages and of programs, not of other sites' pages.

A page of another site can make a browser send requests here, and by DNS rebinding even under a
name of its own. So the requested host (Host) must be one of this server's names, and a request
from another page (Origin, Sec-Fetch-Site) is refused. Programs send neither and are accepted.

``RefusalError`` is how any part of the server refuses a request.
"""

import ipaddress
import socket
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from anyio import move_on_after
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mmemo.errors import MmemoError

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
DRAINED_BYTES = 1 << 20
DRAINED_S = 2.0
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
FILE_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""Files that are not our pages load nothing and run nothing."""
HEADERS: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}


class RefusalError(MmemoError):
    """A refused request: one line for the user, and the status of the response.

    Attributes:
        status: HTTP status code (RFC 9110, section 15).
    """

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status = status


def is_loopback(host: str) -> bool:
    """Return whether an address is a loopback address, which no other machine reaches."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """Refuses requests of other sites' pages; adds security headers to every response.

    Args:
        app: handles accepted requests.
        host: the address that the server is bound to.
        names: other host names of the server.
    """

    def __init__(self, app: ASGIApp, host: str, names: Iterable[str] = ()) -> None:
        self.app = app
        # DNS rebinding sends a foreign name as host, never an address.
        self._any_address = not is_loopback(host)
        known = {*LOOPBACK_NAMES, host, *names}
        if self._any_address:
            known |= {socket.gethostname(), socket.getfqdn()}
        self._names = {name.lower() for name in known}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; see ASGI."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return

        body = _Body(receive)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                waits = "expect" in Headers(scope=scope)  # and sends no body before it is asked
                if waits or not await body.drain():
                    headers["connection"] = "close"
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("content-security-policy", FILE_POLICY)
            await send(message)

        reason = self._refusal(Headers(scope=scope), scope["method"])
        if reason:
            answer = JSONResponse({"detail": reason}, status_code=403)
            await answer(scope, body.receive, send_with_headers)
        else:
            await self.app(scope, body.receive, send_with_headers)

    def _refusal(self, headers: Headers, method: str) -> str:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return (
                "Expected one of this server's own names as host; "
                "name another with --allow-host when starting it"
            )
        origin = headers.get("origin")
        if origin is not None and _place(origin) != hosts[0].lower():
            return "Expected a request from this server's own page; it comes from another site"
        followed_link = (
            method == "GET"
            and headers.get("sec-fetch-mode") == "navigate"
            and headers.get("sec-fetch-dest") == "document"
        )
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not followed_link:
            return "Expected a request from this server's own page; it comes from another site"
        return ""

    def _is_ours(self, host: str) -> bool:
        try:
            parts = urlsplit(f"//{host}")
            name, _ = parts.hostname or "", parts.port  # an invalid port raises
        except ValueError:
            return False
        if parts.netloc != host or "@" in host or not name:
            return False
        if name in self._names:
            return True
        try:
            return self._any_address and bool(ipaddress.ip_address(name))
        except ValueError:
            return False


class _Body:
    """The body of a request, of which a short rest is read before the response is sent.

    A connection that is closed while bytes lie unread is reset, and the client may lose the
    response (RFC 9112, section 9.6).
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._complete = False

    async def receive(self) -> Message:
        """Return the next part."""
        message = await self._receive()
        self._complete = not message.get("more_body", False)
        return message

    async def drain(self) -> bool:
        """Read and forget the rest, up to ``DRAINED_BYTES`` and for ``DRAINED_S``.

        Returns:
            Whether all of it has come, so that the connection can be used again.
        """
        count = 0
        with move_on_after(DRAINED_S):
            while not self._complete and count < DRAINED_BYTES:
                count += len((await self.receive()).get("body", b""))
        return self._complete


def _place(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None
