"""Acted voices for other words: rows of half a second by actor and emotion."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mmemo.batching.pooling import pool, windows
from mmemo.config import DataConfig
from mmemo.errors import DataError
from mmemo.features import ClipFeatures, Features

Rows = NDArray[np.float32]

MARGIN_S = 0.15
"""Kept before the first and after the last voiced row."""
SHIFTS = 3
"""Ways in which a voice is cut into rows."""
CHANNEL_SD = 0.3
"""How much a recording's means differ by microphone and room, in deviations between rows."""
GAIN_SD = 0.5
"""The same for the level of the sound."""
TREMBLE_SD = 0.1
"""Noise on every value, likewise."""


class VoicePool:
    """Voices of some actors.

    Args:
        clips: acted clips with audio and at most one label each.
        options: how rows are made; each modality at its own rate.

    Raises:
        DataError: an actor lacks an emotion.
    """

    def __init__(self, clips: Sequence[ClipFeatures], options: DataConfig) -> None:
        self._voices: dict[str, list[list[Rows]]] = {}
        for clip in clips:
            assert clip.clip.intensities is not None
            kinds = len(clip.clip.intensities) + 1
            actor = self._voices.setdefault(clip.clip.video_id, [[] for _ in range(kinds)])
            actor[_kind(clip.clip.intensities)] += cut_voices(clip.features["audio"], options)
        for name, actor in self._voices.items():
            if not all(actor):
                raise DataError(f"{name}: expected a voice for every emotion and for none")
        every = [rows for actor in self._voices.values() for kind in actor for rows in kind]
        self._sd = np.concatenate(every).std(axis=0)
        self._channel_sd = CHANNEL_SD * self._sd
        self._channel_sd[clips[0].features["audio"].names.index("MCEP_0")] *= GAIN_SD / CHANNEL_SD
        if options.pooling == "mean_sd":
            self._channel_sd[len(self._sd) // 2 :] = 0.0
        self.actors = tuple(sorted(self._voices))

    def __call__(
        self, actor: str, present: NDArray[np.generic], seconds: float, rng: np.random.Generator
    ) -> Rows:
        """Let an actor speak with some emotions, one piece after the other.

        Args:
            actor: one of ``actors``.
            present: (K,) multi-hot; without any, the voice is neutral or calm.
            seconds: about how long; an actor's clip takes one and a half to two and a half.
            rng: draws the pieces.

        Returns:
            Rows (T, D).
        """
        kinds = rng.permutation(np.flatnonzero(present)) if np.any(present) else np.array([-1])
        pieces = max(min(len(kinds), 3), min(3, round(seconds / 4)), 1)
        chosen = [kinds[place % len(kinds)] for place in range(pieces)]
        by_kind = self._voices[actor]
        parts = [by_kind[kind][rng.integers(len(by_kind[kind]))] for kind in chosen]
        return np.concatenate(parts)

    def channel(self, rng: np.random.Generator) -> Rows:
        """Draw the offset that a microphone adds to all rows of a recording: (D,), means only."""
        return np.asarray(self._channel_sd * rng.standard_normal(len(self._sd)), np.float32)

    def tremble(self, rows: Rows, rng: np.random.Generator) -> Rows:
        """Add noise, so that no voice is memorised."""
        noise = rng.standard_normal(rows.shape, dtype=np.float32)
        return np.asarray(rows + np.float32(TREMBLE_SD) * self._sd * noise, np.float32)


def cut_voices(audio: Features, options: DataConfig) -> list[Rows]:
    """Cut one clip's voice into rows in ``SHIFTS`` ways, without the silence around it.

    Returns:
        Rows (T, D), of which all are valid.
    """
    voiced = np.flatnonzero(audio.values[:, audio.names.index("VUV")] > 0)
    times = audio.times[voiced] if len(voiced) else audio.times
    first, last = float(times[0, 0]) - MARGIN_S, float(times[-1, 1]) + MARGIN_S
    cuts = []
    for number in range(SHIFTS):
        start = first - number * options.frame_s / SHIFTS
        stretch = audio.between(start, last)
        stretch = replace(stretch, times=np.maximum(stretch.times, 0.0))
        steps = windows(last - start, options.frame_s)
        pooled = pool(stretch, steps, spread=options.pooling == "mean_sd")
        cuts.append(pooled.values[pooled.valid])
    return cuts


def _kind(intensities: Sequence[float]) -> int:
    """Return the emotion of a clip, -1 for none."""
    present = np.flatnonzero(np.asarray(intensities) > 0)
    return int(present[0]) if len(present) else -1
