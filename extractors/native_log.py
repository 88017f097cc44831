"""Keep what native libraries write straight to stderr out of the user's sight."""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)

STDERR = 2


@contextmanager
def captured_native_log() -> Iterator[None]:
    """Log as DEBUG what native code writes to stderr meanwhile.

    LiteRT announces its delegate on stderr and offers no way to turn that off. The redirection
    holds for the whole process, so keep the block short.
    """
    with tempfile.TemporaryFile() as sink:
        kept = os.dup(STDERR)
        os.dup2(sink.fileno(), STDERR)
        try:
            yield
        finally:
            os.dup2(kept, STDERR)
            os.close(kept)
            sink.seek(0)
            for line in sink.read().decode(errors="replace").splitlines():
                logger.debug("%s", line)
