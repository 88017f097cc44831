"""One time line for files whose time stamps run back: recordings that were joined end to end."""

from dataclasses import dataclass

BACK_S = 1.0
"""Smaller steps back are jitter."""
AHEAD_S = 10.0
"""A time stamp this far ahead of the one before, and not of the one after, is damaged."""


@dataclass
class _Track:
    """The state of one track: which recording it is in, and its latest times in the file."""

    recording: int = 0
    last_s: float | None = None
    before_jump_s: float | None = None


class Clock:
    """Continues time where a track's time stamps begin again, for all tracks alike.

    Attributes:
        end_s: the end of what was read so far.
        restarts: how often time began again.
    """

    def __init__(self) -> None:
        self.end_s = 0.0
        self._offsets_s = [0.0]
        self._tracks: dict[int, _Track] = {}

    @property
    def restarts(self) -> int:
        """How often time began again."""
        return len(self._offsets_s) - 1

    def continued(self, track: int, time_s: float, length_s: float) -> float:
        """Return the time of the next piece of a track on the common time line.

        Args:
            track: number of the track.
            time_s: its time stamp, seconds.
            length_s: duration of the piece.
        """
        state = self._tracks.setdefault(track, _Track())
        step_s = 0.0 if state.last_s is None else time_s - state.last_s
        if step_s < -BACK_S and not _returns(state, time_s):
            state.recording += 1
            state.before_jump_s = None
            if state.recording == len(self._offsets_s):
                self._offsets_s.append(self.end_s - time_s)
        elif step_s > AHEAD_S:
            state.before_jump_s = state.last_s
        state.last_s = time_s
        continued_s = time_s + self._offsets_s[state.recording]
        if step_s <= AHEAD_S:
            self.end_s = max(self.end_s, continued_s + length_s)
        return continued_s


def _returns(state: _Track, time_s: float) -> bool:
    """Return whether a step back only undoes a damaged step ahead."""
    return state.before_jump_s is not None and time_s >= state.before_jump_s - BACK_S
