"""Files that come over HTTP: written to disk as they come, and no further than is allowed."""

import errno
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from anyio import to_thread

from mmemo.errors import MmemoError
from pipelines.serving.guard import RefusalError

BLOCK_BYTES = 1 << 20
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class UploadStoppedError(MmemoError):
    """An upload is no longer wanted."""


async def receive_file(
    chunks: AsyncIterator[bytes],
    path: Path,
    *,
    limit_bytes: int,
    too_large: Callable[[int], str],
    on_bytes: Callable[[int], bool] = lambda count: True,
) -> int:
    """Write what comes to a file, which is removed again if not all of it can be kept.

    Args:
        chunks: the bytes as they come.
        path: where to.
        limit_bytes: how many are taken.
        too_large: what to say of more.
        on_bytes: told how many more have come; False stops the upload.

    Returns:
        How many bytes came.

    Raises:
        RefusalError: there are too many, or the disk is full.
        UploadStoppedError: ``on_bytes`` did not want any more.
    """
    count = 0
    try:
        with open(path, "wb", buffering=BLOCK_BYTES) as file:
            async for chunk in chunks:
                count += len(chunk)
                if count > limit_bytes:
                    raise RefusalError(413, too_large(count))
                await to_thread.run_sync(file.write, chunk)
                if not on_bytes(len(chunk)):
                    raise UploadStoppedError("the upload was stopped")
            await to_thread.run_sync(file.flush)
    except OSError as error:
        _remove(path)
        full = error.errno in DISK_FULL
        why = "the server's disk is full" if full else error.strerror or str(error)
        raise RefusalError(507 if full else 500, f"The upload could not be kept: {why}") from None
    except BaseException:  # also where the connection is cut or the server stops
        _remove(path)
        raise
    return count


async def receive_bytes(chunks: AsyncIterator[bytes], limit_bytes: int) -> bytes:
    """Take a short body whole.

    Raises:
        RefusalError: it is not short.
    """
    body = b""
    async for chunk in chunks:
        body += chunk
        if len(body) > limit_bytes:
            raise RefusalError(413, f"Expected at most {limit_bytes} bytes")
    return body


def _remove(path: Path) -> None:
    # What is no ordinary file, such as a device, is not ours to remove.
    if path.is_file():
        path.unlink(missing_ok=True)
