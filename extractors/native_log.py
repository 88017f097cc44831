"""Hide messages that native libraries write directly to stderr from the user."""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)

STDERR = 2


@contextmanager
def captured_native_log() -> Iterator[None]:
    """Log as DEBUG whatever native code writes to stderr in this block.

    LiteRT announces its delegate on stderr, and this cannot be switched off. The redirection
    affects the whole process, so keep the block short.
    """
    with tempfile.TemporaryFile() as sink:
        original = os.dup(STDERR)
        os.dup2(sink.fileno(), STDERR)
        try:
            yield
        finally:
            os.dup2(original, STDERR)
            os.close(original)
            sink.seek(0)
            for line in sink.read().decode(errors="replace").splitlines():
                logger.debug("%s", line)
