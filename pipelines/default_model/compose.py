"""Recordings composed of separate parts: real words, real voices, real faces of other people.

No corpus that may be used here has words, voices and faces together. If they are independent of
each other given the emotions, it does not matter that they are not one person's: a segment's words
get a voice and a face that show the segment's labels, and how often which labels occur stays as in
the corpus of the words. Acted voices and posed faces must not be believed more than they deserve on
people who just talk, so in some recordings they do not show the labels (``MANNERS``).

Nothing is learned from composed recordings. They show how far to believe each channel, and where
the thresholds lie. C clips, K labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.default_model.channel_clips import NONE
from pipelines.default_model.unseen import Unseen

Floats = NDArray[np.float64]
Labels = NDArray[np.int8]

MANNERS: Mapping[str, float] = {"faithful": 0.55, "stray": 0.2, "habit": 0.25}
"""Share of recordings whose voice (and, drawn apart, face) shows the clips' labels; labels of other
clips; one set of labels in all clips."""
PLAIN: Mapping[str, float] = {"audio": 0.1, "visual": 0.25}
"""Share of clips whose voice or face shows nothing although there is something to show."""
MOST_IN_RECORDING = 64


@dataclass(frozen=True)
class Composed:
    """Recordings of N clips.

    Attributes:
        words: (N, 2**K) log p(set | words).
        logits: channel -> (N, K + 1).
        truth: (N, K).
        videos: (N,) which recording each clip belongs to.
    """

    words: Floats
    logits: Mapping[str, Floats]
    truth: Labels
    videos: NDArray[np.int64]


def compose(
    words: Floats,
    truth: Labels,
    videos: Sequence[Sequence[int]],
    channels: Mapping[str, Unseen],
    seed: int,
) -> Composed:
    """Give the segments of videos a voice and a face.

    Args:
        words: (N, 2**K) log p(set | words) of each segment.
        truth: (N, K) its labels.
        videos: places of the segments of each video.
        channels: voices and faces to draw from.
        seed: of everything that is drawn.
    """
    rng = np.random.default_rng(seed)
    logits = {m: np.zeros((len(truth), truth.shape[1] + 1)) for m in channels}
    numbers = np.zeros(len(truth), np.int64)
    for number, places in enumerate(videos):
        numbers[list(places)] = number
        for m, channel in channels.items():
            shown = _shown(truth[list(places)], truth, PLAIN[m], rng)
            chosen = _cast(shown, channel, rng)
            for first in range(0, len(places), MOST_IN_RECORDING):
                part = slice(first, first + MOST_IN_RECORDING)
                logits[m][list(places[part])] = channel.together(chosen[part])
    return Composed(words, logits, truth, numbers)


def _shown(own: Labels, every: Labels, plain: float, rng: np.random.Generator) -> Labels:
    """Draw the labels that a channel shows in the clips of a recording, (C, K)."""
    manner = rng.choice(list(MANNERS), p=list(MANNERS.values()))
    if manner == "stray":
        own = every[rng.integers(len(every), size=len(own))]
    elif manner == "habit":
        own = np.repeat(every[rng.integers(len(every))][None], len(own), axis=0)
    return own * (rng.random(len(own)) >= plain)[:, None].astype(np.int8)


def _cast(shown: Labels, channel: Unseen, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw a clip of one speaker for each set of labels (C, K); it shows one of them.

    People of whom there is one picture each are drawn as if they were one person.
    """
    clips = channel.clips
    speakers = np.unique(clips.speakers)
    pool = np.flatnonzero(clips.speakers == speakers[rng.integers(len(speakers))])
    if len(pool) == 1:
        pool = np.flatnonzero(channel.fold == channel.fold[pool[0]])
    places = []
    for labels in shown:
        present = np.flatnonzero(labels)
        kind = int(rng.choice(present)) if len(present) else NONE
        having = pool[clips.kinds[pool] == kind]
        if not len(having):  # a corpus without this emotion
            having = pool[clips.kinds[pool] == NONE]
        places.append(int(rng.choice(having)))
    return np.array(places)
