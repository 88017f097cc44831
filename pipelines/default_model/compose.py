"""Recordings composed of separate parts: real words, acted voices, simulated faces.

No corpus that may be used here has words, voices and faces together. If they are independent of
each other given the emotions, it does not matter that they are not one person's: a segment's words
get a voice and a face that show the segment's labels, and how often which labels occur stays as in
the corpus of the words. Two things keep acted voices and textbook faces from being believed more
than they deserve on people who just talk:

- ``MANNERS``: in some recordings voice or face show the labels; in some they show anything; and in
  some always the same, as a person's voice and face do that sound or look so by nature;
- recordings of every subset of the modalities, and clips by themselves, occur in fixed shares.

Each epoch composes other recordings. The acted clips are also shown unchanged, with their own words
or none.

C clips, K labels.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mmemo.batching.batch import ClipArrays, by_video
from pipelines.default_model.faces import FaceSimulator
from pipelines.default_model.voices import VoicePool

Labels = NDArray[np.float64]
Drawn = TypeVar("Drawn")
Shares = Mapping[tuple[str, ...], float]
"""How often each subset of the modalities occurs."""

SUBSETS: Shares = {
    ("text", "audio", "visual"): 0.32,
    ("text", "audio"): 0.14,
    ("text", "visual"): 0.08,
    ("audio", "visual"): 0.08,
    ("text",): 0.2,
    ("audio",): 0.1,
    ("visual",): 0.08,
}
"""Share of recordings with each subset of the modalities."""

MANNERS: Mapping[str, float] = {"faithful": 0.55, "stray": 0.2, "habit": 0.25}
"""Share of recordings whose voice (and, drawn apart, face) shows the clips' labels; labels of other
clips; one set of labels in all clips."""

ALONE = 0.1
"""Share of videos of which each clip is a recording by itself."""
PLAIN_FACE = 0.25
"""Share of clips whose face shows nothing although there is something to show."""
PLAIN_VOICE = 0.1
"""The same for voices."""
STRENGTH = (0.2, 1.2)
"""How strongly faces show an emotion, least and most."""
ACTED_STRENGTH = (0.6, 1.3)
"""The same for the faces of acted clips as they are."""
VALID_SEED = 1_000_003
"""Epochs of training never draw with it."""
SECONDS_PER_ROW = 0.5
WORDS_PER_S = 2.5
LONGEST_FACE_ROWS = 24

ACTED_SUBSETS: Shares = {
    ("audio",): 0.5,
    ("text", "audio"): 0.3,
    ("text", "audio", "visual"): 0.1,
    ("audio", "visual"): 0.1,
}
"""The same for acted clips as they are."""


@dataclass(frozen=True)
class Parts:
    """What recordings are composed of.

    Attributes:
        segments: clips with words and labels, of videos.
        acted: clips with voice, words and labels as they are; a video is an actor.
        voices: the same voices, cut for composing.
        faces: makes faces.
    """

    segments: Sequence[ClipArrays]
    acted: Sequence[ClipArrays]
    voices: VoicePool
    faces: FaceSimulator


class Composer:
    """Compose a corpus, another one for each epoch.

    Args:
        parts: of one split.
        seed: of everything that is drawn.
        acted_times: how often each acted clip is shown as it is.
        subsets: share of recordings with each subset of the modalities.
        acted_subsets: the same for acted clips as they are.
        share: of the videos that an epoch shows.
        wordless: how many epochs without words come first.
    """

    def __init__(
        self,
        parts: Parts,
        seed: int,
        acted_times: int = 1,
        subsets: Shares = SUBSETS,
        acted_subsets: Shares = ACTED_SUBSETS,
        share: float = 1.0,
        wordless: int = 0,
    ) -> None:
        self._parts, self._seed, self._acted_times = parts, seed, acted_times
        self._subsets, self._acted_subsets = subsets, acted_subsets
        self._share, self._wordless = share, wordless
        self._last: tuple[int, list[ClipArrays]] | None = None
        self._videos = by_video(parts.segments)
        self._actors = by_video(parts.acted)
        self._labels = np.stack([_labels(clip) for clip in parts.segments])

    def __call__(self, epoch: int) -> list[ClipArrays]:
        """Return the clips of an epoch: the same for the same seed and epoch."""
        if self._last is None or self._last[0] != epoch:
            self._last = epoch, self._composed(epoch)
        return list(self._last[1])

    def _composed(self, epoch: int) -> list[ClipArrays]:
        rng = np.random.default_rng([self._seed, epoch])
        subsets, acted = self._subsets, self._acted_subsets
        if epoch < self._wordless:
            subsets, acted = _without_words(subsets), _without_words(acted)
        clips = []
        shown = rng.random(len(self._videos)) < self._share
        for places in itertools.compress(self._videos, shown):
            segments = [self._parts.segments[place] for place in places]
            if rng.random() < ALONE:
                for segment in segments:
                    clips += self._recording([_by_itself(segment)], subsets, rng)
            else:
                clips += self._recording(segments, subsets, rng)
        for _ in range(self._acted_times):
            for places in self._actors:
                clips += self._actor([self._parts.acted[place] for place in places], acted, rng)
        return clips

    def _recording(
        self, segments: Sequence[ClipArrays], subsets: Shares, rng: np.random.Generator
    ) -> list[ClipArrays]:
        """Give a video's segments one voice and one face, or only some modalities."""
        subset = _draw(subsets, rng)
        truth = np.stack([_labels(clip) for clip in segments])
        seconds = [max(1.0, len(clip.words) / WORDS_PER_S) for clip in segments]
        clips = [_only(clip, subset) for clip in segments]
        if "audio" in subset:
            clips = self._voiced(clips, self._shown(truth, PLAIN_VOICE, rng), seconds, rng)
        if "visual" in subset:
            clips = self._faced(clips, self._shown(truth, PLAIN_FACE, rng), seconds, rng)
        return clips

    def _shown(self, truth: Labels, plain: float, rng: np.random.Generator) -> Labels:
        """Return the labels that a voice or a face shows in each clip: (C, K)."""
        manner = _draw(MANNERS, rng)
        if manner == "stray":
            return self._labels[rng.integers(len(self._labels), size=len(truth))]
        if manner == "habit":
            return np.repeat(self._labels[rng.integers(len(self._labels))][None], len(truth), 0)
        return truth * (rng.random(len(truth)) >= plain)[:, None]

    def _voiced(
        self,
        clips: Sequence[ClipArrays],
        shown: Labels,
        seconds: Sequence[float],
        rng: np.random.Generator,
    ) -> list[ClipArrays]:
        voices = self._parts.voices
        actor, channel = voices.actors[rng.integers(len(voices.actors))], voices.channel(rng)
        voiced = []
        for clip, present, lasts in zip(clips, shown, seconds, strict=True):
            rows = voices(actor, present, lasts, rng) + channel
            rows = voices.tremble(rows, rng)
            voiced.append(_with(clip, "audio", rows, np.ones(len(rows), bool)))
        return voiced

    def _faced(
        self,
        clips: Sequence[ClipArrays],
        shown: Labels,
        seconds: Sequence[float],
        rng: np.random.Generator,
        strength: tuple[float, float] = STRENGTH,
    ) -> list[ClipArrays]:
        shown = shown * rng.uniform(*strength, len(shown))[:, None]
        rows = [min(LONGEST_FACE_ROWS, round(lasts / SECONDS_PER_ROW)) for lasts in seconds]
        faces = self._parts.faces(shown, rows, rng)
        return [_with(clip, "visual", *face) for clip, face in zip(clips, faces, strict=True)]

    def _actor(
        self, clips: Sequence[ClipArrays], subsets: Shares, rng: np.random.Generator
    ) -> list[ClipArrays]:
        """Show an actor's clips as one recording, or each by itself."""
        together = rng.random() < 0.5
        subset = _draw(subsets, rng)
        voices, shown = self._parts.voices, []
        channel = voices.channel(rng)
        for clip in clips:
            if not together:
                clip, subset = _by_itself(clip), _draw(subsets, rng)
                channel = voices.channel(rng)
            rows = voices.tremble(clip.values["audio"] + channel, rng)
            heard = _with(_only(clip, subset), "audio", rows, clip.masks["audio"])
            if "visual" in subset:
                lasts = len(rows) * SECONDS_PER_ROW
                heard = self._faced([heard], _labels(clip)[None], [lasts], rng, ACTED_STRENGTH)[0]
            shown.append(heard)
        return shown


def _without_words(subsets: Shares) -> Shares:
    return {subset: share for subset, share in subsets.items() if "text" not in subset}


def _labels(clip: ClipArrays) -> Labels:
    return np.asarray(clip.labels, dtype=np.float64)


def _by_itself(clip: ClipArrays) -> ClipArrays:
    return replace(clip, video=f"{clip.video}/{clip.id}")


def _only(clip: ClipArrays, subset: Sequence[str]) -> ClipArrays:
    return replace(
        clip,
        values={m: values for m, values in clip.values.items() if m in subset},
        masks={m: mask for m, mask in clip.masks.items() if m in subset},
        words=clip.words if "text" in subset else (),
    )


def _with(
    clip: ClipArrays, modality: str, values: NDArray[np.float32], mask: NDArray[np.bool_]
) -> ClipArrays:
    return replace(
        clip, values={**clip.values, modality: values}, masks={**clip.masks, modality: mask}
    )


def _draw(shares: Mapping[Drawn, float], rng: np.random.Generator) -> Drawn:
    """Draw one of the keys by its share."""
    keys = list(shares)
    weights = np.array(list(shares.values()))
    return keys[int(rng.choice(len(keys), p=weights / weights.sum()))]
