"""Clips of one channel, a voice or a face, each with one emotion or none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mmemo.files import unfinished
from mmemo.labels import EMOTIONS

NONE = len(EMOTIONS)
"""The kind of a clip that shows no emotion; others are places in ``EMOTIONS``."""
KINDS = NONE + 1

FEWEST, MOST = 3, 30
EVENNESS = 0.5
"""Concentration of the Dirichlet distribution of the kinds in a recording: some are mixed, some
nearly all of one kind."""


@dataclass(frozen=True)
class ChannelClips:
    """N clips of one channel.

    Attributes:
        statistics: (N, 2 D) mean and deviation of each column (``mmemo.model.channel_evidence``).
        kinds: (N,) place in ``EMOTIONS``, or ``NONE``.
        speakers: (N,) names, distinct between corpora.
        corpora: (N,) names.
        degraded: (N,) whether the sound is not as it was recorded.
    """

    statistics: NDArray[np.float32]
    kinds: NDArray[np.int64]
    speakers: NDArray[np.str_]
    corpora: NDArray[np.str_]
    degraded: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.kinds)

    def where(self, chosen: NDArray[np.generic]) -> Self:
        """Return some of the clips: a mask (N,), or places."""
        return type(self)(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def save(self, path: Path) -> None:
        """Write them, complete or not at all."""
        with unfinished(path) as part, open(part, "wb") as file:
            np.savez(file, **{field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what ``save`` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(**{field.name: arrays[field.name] for field in fields(cls)})


def joined(parts: Sequence[ChannelClips]) -> ChannelClips:
    """Return the clips of several corpora."""
    return ChannelClips(
        *(
            np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(ChannelClips)
        )
    )


def weights(clips: ChannelClips) -> NDArray[np.float64]:
    """Weigh the clips so that each kind counts alike in each corpus, and corpora alike: (N,)."""
    groups = clips.corpora.astype(object) + "/" + clips.kinds.astype(str)
    _, place, counts = np.unique(groups.astype(str), return_inverse=True, return_counts=True)
    weight = 1.0 / counts[place]
    return np.asarray(weight / weight.mean())


def recordings(
    clips: ChannelClips, each: int, rng: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Compose recordings of one speaker each, as users bring them: of any mixture of emotions.

    Args:
        clips: all of them.
        each: recordings per speaker.
        rng: draws length, mixture and clips.

    Yields:
        Places of the clips of a recording, at least ``FEWEST``.
    """
    for speaker in np.unique(clips.speakers):
        own = np.flatnonzero(clips.speakers == speaker)
        kinds = np.unique(clips.kinds[own])
        for _ in range(each if len(own) >= FEWEST else 0):
            mixture = rng.dirichlet(np.full(len(kinds), EVENNESS))
            share = mixture[np.searchsorted(kinds, clips.kinds[own])] + 1e-6
            length = min(int(rng.integers(FEWEST, MOST + 1)), len(own))
            yield rng.choice(own, length, replace=False, p=share / share.sum())
