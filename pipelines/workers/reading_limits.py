"""What reading one recording may use: a hang or a leak of a decoder costs that recording only.

A quiet core needs less than a second per second of a recording, and a video of 89 s less than 1 GiB
(docs/guides/engineer.md). The limits leave room for busy machines and for weights that are fetched.
"""

from pipelines.workers.worker_side import Limits, allow

START = Limits(seconds=600.0, memory_bytes=4 * 2**30)
"""Of a recording whose length is not known yet, and of weights that are loaded or fetched."""
PER_SECOND = Limits(seconds=20.0, memory_bytes=2**20)
"""More for every second of the recording."""


def allow_recording(duration_s: float) -> None:
    """Extend the limits of the running task by what a recording of this length needs."""
    allow(Limits(PER_SECOND.seconds * duration_s, PER_SECOND.memory_bytes * duration_s))
