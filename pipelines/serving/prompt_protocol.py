"""HTTP connections that close unless a request comes soon.

Uvicorn waits for the header of a request for as long as it takes, so that connections which send
nothing, or a byte now and then, use up the places of others.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_S = 10.0
"""Time from the beginning of a connection, or from the last response, to the end of a header."""


class PromptProtocol(H11Protocol):
    """Closes a connection whose next header does not come within ``HEADER_S``."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._header_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect the first header."""
        super().connection_made(transport)
        self._expect_header()

    def on_response_complete(self) -> None:
        """Expect the next header."""
        super().on_response_complete()
        if not self.transport.is_closing():
            self._expect_header()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._stop_timer()
        super().connection_lost(exc)

    def _expect_header(self) -> None:
        self._stop_timer()
        self._header_due = self.loop.call_later(HEADER_S, self._close_unless_requested)

    def _stop_timer(self) -> None:
        if self._header_due is not None:
            self._header_due.cancel()

    def _close_unless_requested(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
