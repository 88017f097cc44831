"""Starts and stops the server: its socket, folder, worker and HTTP program."""

import logging
import signal
import socket
import sys
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from types import FrameType

import uvicorn

from mmemo.errors import ConfigError
from pipelines.interrupts import slow_exit
from pipelines.serving.access import Access, WithoutQueries
from pipelines.serving.app import create_app
from pipelines.serving.guard import Guard, is_loopback
from pipelines.serving.job import Limits
from pipelines.serving.jobs import Jobs
from pipelines.serving.prompt_protocol import PromptProtocol
from pipelines.serving.storage import open_storage
from pipelines.serving.task import Settings
from pipelines.serving.worker_process import Dispatcher, WorkerProcess

logger = logging.getLogger(__name__)

GRACE_S = 2
"""Time for running responses once the server stops."""
MOST_CONNECTIONS = 100


@dataclass(frozen=True)
class Place:
    """The address of a server and its host names.

    Attributes:
        host: address to bind.
        port: 0 for any free port.
        names: its host names besides the address.
        open_browser: whether to open the page in a browser.
        token: lets in who knows it; None lets in everybody.
        print_token: whether the printed address contains it, as that of a random one must.
    """

    host: str
    port: int
    names: Sequence[str] = ()
    open_browser: bool = False
    token: str | None = field(default=None, repr=False)
    print_token: bool = False


def serve(place: Place, settings: Settings, limits: Limits, folder: Path | None) -> None:
    """Serve until interrupted (SIGINT or SIGTERM).

    Args:
        place: its address.
        settings: the model and how it is used.
        limits: of the server.
        folder: for recordings and results; by default a temporary folder.

    Raises:
        ConfigError: the address cannot be bound, or another server uses the folder.
        WorkerError: the model cannot be loaded.
    """
    worker = WorkerProcess(settings)
    with _listening(place) as listening, open_storage(folder) as storage, _stoppable():
        jobs = Jobs(storage, limits)
        dispatcher = Dispatcher(jobs, worker)
        try:
            worker.start()
            dispatcher.start()
            local = is_loopback(place.host) and not place.names
            about = {**worker.about, "local": local, "kept": folder is not None}
            app = create_app(jobs, about)
            access = None if place.token is None else Access(app, place.token)
            program = _program(Guard(access or app, place.host, place.names))
            address = _address(place, listening)
            _announce(place, address, folder)
            if place.open_browser:
                _open_browser(address if access is None else f"{address}?token={access.ticket()}")
            program.run(sockets=[listening])
        except KeyboardInterrupt:
            pass
        finally:
            dispatcher.stop()


def _program(app: Guard) -> uvicorn.Server:
    verbose = logger.isEnabledFor(logging.DEBUG)
    config = uvicorn.Config(
        app,
        http=PromptProtocol,
        ws="none",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        access_log=verbose,
        log_level="info" if verbose else "error",
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=GRACE_S,
    )
    logging.getLogger("uvicorn.access").addFilter(WithoutQueries())
    return _Program(config)


class _Program(uvicorn.Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close connections first: a running upload is lost with the server anyway."""
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.close()
        await super().shutdown(sockets)


@contextmanager
def _listening(place: Place) -> Iterator[socket.socket]:
    """Bind the port before the model is loaded, so that a used one is reported at once."""
    try:
        [(family, *_, address), *_] = socket.getaddrinfo(
            place.host, place.port, type=socket.SOCK_STREAM
        )
        bound = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(
            f"--host {place.host}: expected an address of this machine ({reason})"
        ) from None
    with bound:
        if sys.platform != "win32":  # where it would let two servers share a port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind(address)
            bound.listen()
        except OSError as error:
            raise ConfigError(
                f"--port {place.port}: cannot be used on {place.host} ({error.strerror or error}); "
                "choose another, or 0 for any that is free"
            ) from None
        yield bound


def _address(place: Place, listening: socket.socket) -> str:
    port = listening.getsockname()[1]
    shown = place.host if place.host not in ("0.0.0.0", "::") else socket.gethostname()
    return f"http://[{shown}]:{port}/" if ":" in shown else f"http://{shown}:{port}/"


def _announce(place: Place, address: str, folder: Path | None) -> None:
    if not is_loopback(place.host):
        logger.warning(
            "%s is reached from other machines: whoever %s can upload, see and remove "
            "recordings, and connections are not encrypted",
            place.host,
            "reaches it" if place.token is None else "has the token",
        )
    query = f"?token={place.token}" if place.token is not None and place.print_token else ""
    # Last, so that the warning comes first.
    print(f"Serving at {address}{query}", flush=True)
    logger.info(
        "Recordings and results %s. Ctrl-C stops.",
        f"stay in {folder}" if folder else "are removed when the server stops",
    )


def _open_browser(address: str) -> None:
    # In a thread, because some browsers block until they are closed.
    Thread(target=webbrowser.open, args=(address,), daemon=True).start()


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let SIGTERM stop the server as Ctrl-C does: it removes its files and ends its worker."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        with slow_exit():
            yield
    finally:
        signal.signal(signal.SIGTERM, before)
