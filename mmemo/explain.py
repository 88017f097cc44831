"""Explain a model's answers: which modality, moment and word they rest on.

Two kinds of evidence, for they are not the same (Jain and Wallace, NAACL 2019):

- **weights** say where the decoder looked, averaged over the steps that emit the label by the
  probability of each; they sum to 1;
- **effects** say what happens when it cannot look there: the log-odds that the label loses when a
  modality or a moment is hidden (occlusion; Zeiler and Fergus, ECCV 2014, section 4.2). An effect
  below zero is evidence against the label. Effects need no trust in attention, but each of them
  costs one more forward pass over the clip.

N clips, K labels, M modalities, T rows, W words.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmemo.arrays import Floats
from mmemo.batching.batch import ClipArrays
from mmemo.decisions.calibration import Calibration
from mmemo.features import Word
from mmemo.inference import UNCALIBRATED, infer, modalities_read
from mmemo.model.emotion_model import EmotionModel
from mmemo.prediction import Explanation

MIN_DISTANCE = 1e-6
"""Log-odds are those of probabilities at least this far from 0 and from 1."""


def log_odds(probs: Floats) -> Floats:
    """Return finite log-odds of probabilities, clipped by ``MIN_DISTANCE``."""
    clipped = np.clip(probs, MIN_DISTANCE, 1 - MIN_DISTANCE)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


def modality_effects(
    model: EmotionModel,
    clips: Sequence[ClipArrays],
    marginals: Floats,
    *,
    calibration: Calibration = UNCALIBRATED,
) -> Floats:
    """Return the effects of hiding each modality in all clips at once, (N, K, M).

    It costs M forward passes, which share batches. A model that sees a clip's neighbours reads them
    without the modality too. Inside ``text_encoded_once``, no text is read again.

    Args:
        model: the model.
        clips: N clips.
        marginals: (N, K) answers to the clips themselves, from ``infer``.
        calibration: that of the answers.

    Returns:
        Log-odds that each label loses; NaN where the clip does not have the modality.
    """
    read = modalities_read(model, clips)
    effects = np.full((*marginals.shape, len(model.modalities)), np.nan)
    hidden = [m for m in model.modalities if any(m in modalities for modalities in read)]
    variants = [
        replace(_hide(clip, m), video=clip.video and f"{m} {clip.video}")
        for m in hidden
        for clip in clips
    ]
    answers = infer(model, variants, calibration=calibration).marginals
    lost = log_odds(marginals) - log_odds(answers.reshape(len(hidden), *marginals.shape))
    for m, part in zip(hidden, lost, strict=True):
        has = [m in modalities for modalities in read]
        effects[has, :, model.modalities.index(m)] = part[has]
    return effects


@torch.inference_mode()
def explain(
    model: EmotionModel,
    clips: Sequence[ClipArrays],
    *,
    row_effects: bool = True,
    max_windows: int = 100,
    max_neighbours: int | None = None,
    batch_size: int = 64,
    calibration: Calibration = UNCALIBRATED,
    progress: Callable[[float], None] = lambda share: None,
) -> list[Explanation]:
    """Explain the answers for clips, in their order.

    Each clip is read again without each of its modalities and, for ``row_effects``, without each
    of its rows: some dozens of forward passes per clip. For a model that sees a clip's neighbours,
    those among ``clips`` are read along unchanged.

    Args:
        model: the model; it is back in its present mode afterwards.
        clips: the clips, whole videos of them where the model sees neighbours.
        row_effects: whether to measure the effects of rows.
        max_windows: the rows of a modality with more rows than this are hidden in this number of
            windows of nearly equal length; a window's effect is shared evenly among its rows.
        max_neighbours: the number of nearest clips of the same video that are read along with each
            clip; by default as many as the model takes. The time grows with its square.
        batch_size: clips per forward pass.
        calibration: that of the checkpoint; by default the model's distributions are not changed.
        progress: called after each clip with the share of clips that are done.

    Returns:
        One per clip, without words (see ``onto_words``).
    """
    training = model.training
    model.eval()
    explanations = []
    for clip in clips:
        neighbours = _neighbours(model, clip, clips)[:max_neighbours]
        occluder = _Occluder(model, clip, neighbours, batch_size, calibration)
        with text_encoded_once(model):
            explanations.append(_explain(occluder, clip, max_windows if row_effects else 0))
        progress(len(explanations) / len(clips))
    model.train(training)
    return explanations


def without_rows(clip: ClipArrays, modality: str, rows: slice | NDArray[np.integer]) -> ClipArrays:
    """Hide rows of one modality, and with text rows their words, for a model that reads words.

    A modality without a remaining valid row is removed, as a clip that does not have it.
    """
    mask = np.array(clip.masks[modality])
    mask[rows] = False
    words = np.array(clip.words, dtype=object)
    if modality == "text" and len(words):
        words[rows] = ""
    return _without_empty(replace(clip, masks={**clip.masks, modality: mask}, words=tuple(words)))


def onto_words(values: Floats, times: Floats, words: Sequence[Word]) -> Floats:
    """Sum the values of rows over the words that they lie in.

    Args:
        values: (K, T), weights or effects of rows.
        times: (T, 2), start and end of the rows, seconds, from ``mmemo.batching.rows.row_times``.
        words: W words, times in seconds on the same clock.

    Returns:
        (K, W); a row counts for the first word that contains its middle, if any.
    """
    summed = np.zeros((len(values), len(words)))
    for row, (start, end) in enumerate(times):
        middle = (start + end) / 2
        inside = (i for i, word in enumerate(words) if word.start <= middle <= word.end)
        place = next(inside, None)
        if place is not None:
            summed[:, place] += values[:, row]
    return summed


@dataclass(frozen=True, eq=False)
class _Occluder:
    """Reads variants of one clip among unchanged neighbours."""

    model: EmotionModel
    clip: ClipArrays
    neighbours: Sequence[ClipArrays]
    batch_size: int
    calibration: Calibration

    def log_odds(self, variants: Sequence[ClipArrays]) -> Floats:
        """Return the log-odds of each label in each variant, (V, K)."""
        marginals = np.zeros((len(variants), len(self.model.labels)))
        at_once = max(1, self.batch_size // (1 + len(self.neighbours)))
        for first in range(0, len(variants), at_once):
            part = variants[first : first + at_once]
            marginals[first : first + at_once] = self._marginals(part)
        return log_odds(marginals)

    def _marginals(self, variants: Sequence[ClipArrays]) -> Floats:
        rows: list[ClipArrays] = []
        for number, variant in enumerate(variants):
            # Each variant has a video of its own, with its own copy of the neighbours.
            rows += [replace(c, video=f"{number}") for c in (variant, *self.neighbours)]
        batch = self.model.collate([replace(c, labels=None) for c in rows])
        device = next(self.model.parameters()).device
        scores = self.model(batch.to(device)).scores[:: 1 + len(self.neighbours)]
        return self.calibrated(scores, variants)

    def calibrated(self, scores: Tensor, variants: Sequence[ClipArrays]) -> Floats:
        """Return the marginals (V, K) of variants from the model's ``Output.scores`` of them."""
        sets = self.model.distributions(scores.double().cpu().numpy())
        return sets.calibrated(self.calibration, modalities_read(self.model, variants))[1]


@contextlib.contextmanager
def text_encoded_once(model: EmotionModel) -> Iterator[None]:
    """Let a pretrained encoder read each text once, for most variants of a clip share it."""
    if model.words is None:
        yield
        return
    with model.words.held_still(), model.words.remembering():
        yield


def _neighbours(
    model: EmotionModel, clip: ClipArrays, clips: Sequence[ClipArrays]
) -> list[ClipArrays]:
    """Return the clips of the same video that the model reads along, nearest first."""
    if model.clips_per_video == 1 or clip.video is None:
        return []
    others = [c for c in clips if c is not clip and c.video == clip.video]
    others.sort(key=lambda c: abs(c.start_s - clip.start_s))
    return others[: model.clips_per_video - 1]


def _explain(occluder: _Occluder, clip: ClipArrays, max_windows: int) -> Explanation:
    model = occluder.model
    batch = model.collate([replace(c, labels=None) for c in (clip, *occluder.neighbours)])
    output = model(batch.to(next(model.parameters()).device), moments=True)
    assert output.moment_weights is not None
    modalities = [m for m in model.modalities if m in _without_empty(clip).values]
    lengths = {m: len(clip.values[m]) for m in modalities}
    variants = [without_rows(clip, m, slice(None)) for m in modalities]
    windows = {m: _windows(lengths[m], max_windows) for m in modalities}
    variants += [without_rows(clip, m, rows) for m in modalities for rows in windows[m]]
    log_odds = occluder.log_odds([_without_empty(clip), *variants])
    lost = iter(log_odds[0] - log_odds[1:])
    modality_effects = np.zeros((len(model.labels), len(model.modalities)))
    for m in modalities:
        modality_effects[:, model.modalities.index(m)] = next(lost)
    row_effects = {}
    for m in modalities if max_windows else ():
        row_effects[m] = np.zeros((len(model.labels), lengths[m]))
        for rows in windows[m]:
            share = next(lost) / (rows.stop - rows.start)
            row_effects[m][:, rows] = share[:, None]
    return Explanation(
        labels=model.labels,
        modalities=model.modalities,
        marginals=occluder.calibrated(output.scores[:1], [_without_empty(clip)])[0],
        modality_weights=output.modality_weights[0].double().cpu().numpy(),
        modality_effects=modality_effects,
        row_weights={
            m: output.moment_weights[m][0, :, : lengths[m]].double().cpu().numpy()
            for m in modalities
        },
        row_effects=row_effects,
    )


def _windows(rows: int, most: int) -> list[slice]:
    """Cut rows into at most ``most`` windows of nearly equal length."""
    if most == 0:
        return []
    borders = np.linspace(0, rows, min(rows, most) + 1).round().astype(int)
    return [slice(int(a), int(b)) for a, b in pairwise(borders)]


def _hide(clip: ClipArrays, modality: str) -> ClipArrays:
    return without_rows(clip, modality, slice(None)) if modality in clip.values else clip


def _without_empty(clip: ClipArrays) -> ClipArrays:
    """Remove modalities without a valid row."""
    modalities = [m for m, mask in clip.masks.items() if np.any(mask)]
    return replace(
        clip,
        values={m: clip.values[m] for m in modalities},
        masks={m: clip.masks[m] for m in modalities},
        words=clip.words if "text" in modalities else (),
    )
