"""Receives files over HTTP: writes them to disk as they arrive, up to a limit."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from time import monotonic

from anyio import fail_after, to_thread

from mmemo.disk.space import is_full
from mmemo.errors import MmemoError
from pipelines.serving.guard import RefusalError

BLOCK_BYTES = 1 << 20
PATIENCE_S, SLOWEST_BYTES_S = 30.0, 4096.0
"""A body may come this much later than at this pace. A slower one would keep a place for hours."""


class UploadStoppedError(MmemoError):
    """An upload was cancelled."""


async def receive_file(
    chunks: AsyncIterator[bytes],
    path: Path,
    *,
    limit_bytes: int,
    too_large: Callable[[int], str],
    on_bytes: Callable[[int], bool] = lambda count: True,
) -> int:
    """Write the body of a request to a file and return its size; remove the file on failure.

    Args:
        chunks: the bytes as they arrive.
        path: the file.
        limit_bytes: maximum size.
        too_large: returns the message for a larger size.
        on_bytes: called with the size of each chunk; False stops the upload.

    Raises:
        RefusalError: the body is too large or comes too slowly, or the disk is full.
        UploadStoppedError: ``on_bytes`` returned False.
    """
    count = 0
    try:
        with open(path, "wb", buffering=BLOCK_BYTES) as file:
            async for chunk in _in_time(chunks):
                count += len(chunk)
                if count > limit_bytes:
                    raise RefusalError(413, too_large(count))
                await to_thread.run_sync(file.write, chunk)
                if not on_bytes(len(chunk)):
                    raise UploadStoppedError("the upload was stopped")
            await to_thread.run_sync(file.flush)
    except OSError as error:
        _remove(path)
        full = is_full(error)
        reason = "the server's disk is full" if full else error.strerror or str(error)
        raise RefusalError(507 if full else 500, f"The upload was not saved: {reason}") from None
    except BaseException:  # also where the connection is cut or the server stops
        _remove(path)
        raise
    return count


async def receive_bytes(chunks: AsyncIterator[bytes], limit_bytes: int) -> bytes:
    """Return a short body.

    Raises:
        RefusalError: it is longer than ``limit_bytes``, or comes too slowly.
    """
    body = b""
    async for chunk in _in_time(chunks):
        body += chunk
        if len(body) > limit_bytes:
            raise RefusalError(413, f"Expected at most {limit_bytes} bytes")
    return body


def _remove(path: Path) -> None:
    # A device, such as /dev/full, must not be removed.
    if path.is_file():
        path.unlink(missing_ok=True)


async def _in_time(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the parts of a body that comes fast enough."""
    began, count = monotonic(), 0
    while True:
        due = began + PATIENCE_S + count / SLOWEST_BYTES_S
        try:
            with fail_after(max(due - monotonic(), 0.0)):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise RefusalError(
                408, f"expected at least {SLOWEST_BYTES_S:.0f} bytes per second; {count} came"
            ) from None
        count += len(chunk)
        yield chunk
