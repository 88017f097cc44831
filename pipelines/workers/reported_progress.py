"""Progress of a recording from the process that reads it to the program."""

import time

from pipelines.progress import OnProgress
from pipelines.workers.worker_side import report

REPORT_EVERY_S = 0.1
"""Interval between reports of one stage."""


def reporting() -> OnProgress:
    """Return a callback that reports each stage, and now and then how much of it is done."""
    last = ("", 0.0)

    def on_progress(stage: str, share: float) -> None:
        nonlocal last
        now = time.monotonic()
        if stage != last[0] or now - last[1] >= REPORT_EVERY_S:
            last = stage, now
            report((stage, share))

    return on_progress
