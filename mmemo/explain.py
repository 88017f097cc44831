"""Why the model answered as it did: which modality, which moment and which word spoke for a label.

Two kinds of answer, for they are not the same (Jain and Wallace, NAACL 2019):

- **weights** say where the decoder looked, averaged over the steps that emit the label by how
  likely each is; they sum to 1;
- **effects** say what happens when it cannot look there: the log-odds that the label loses when a
  modality or a moment is taken away (occlusion; Zeiler and Fergus, ECCV 2014, section 4.2). An
  effect below zero speaks against the label. Effects need no trust in attention, but one more
  reading of the clip for each of them.

K labels, M modalities, T rows, W words.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from mmemo.batching.batch import ClipArrays
from mmemo.features import Word
from mmemo.labels import all_sets
from mmemo.model.emotion_model import EmotionModel

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Explanation:
    """What spoke for each label in one clip.

    Attributes:
        id: the clip's id.
        labels: names of the K labels.
        modalities: names of the M modalities.
        marginals: (K,) p(label | clip).
        modality_weights: (K, M), rows sum to 1 over the modalities the clip has.
        modality_effects: (K, M), log-odds lost without the modality; 0 where the clip has none.
        row_weights: modality -> (K, T), sums to 1 over the rows; a modality that the clip does not
            have is left out.
        row_effects: modality -> (K, T), log-odds lost without the row; empty unless asked for.
    """

    id: str
    labels: tuple[str, ...]
    modalities: tuple[str, ...]
    marginals: Floats
    modality_weights: Floats
    modality_effects: Floats
    row_weights: Mapping[str, Floats]
    row_effects: Mapping[str, Floats]


@torch.inference_mode()
def explain(
    model: EmotionModel,
    clips: Sequence[ClipArrays],
    *,
    row_effects: bool = True,
    most_windows: int = 100,
    most_neighbours: int | None = None,
    batch_size: int = 64,
    prior: Floats | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> list[Explanation]:
    """Explain the answers to clips, in their order.

    Each clip is read again without each of its modalities and, for ``row_effects``, without each
    of its rows: some dozens of readings a clip. With a model that sees a clip's neighbours, those
    among ``clips`` are read along unchanged.

    Args:
        model: the model; its mode is put back afterwards.
        clips: the clips, whole videos of them where the model sees neighbours.
        row_effects: whether to measure the effect of rows.
        most_windows: a modality with more rows than this has them taken away in so many stretches
            of nearly equal length, and a stretch's effect is shared evenly among its rows.
        most_neighbours: so many of the nearest clips of its video are read along with each clip;
            if not given, all that the model takes, and the time grows with the square of their
            number.
        batch_size: readings at a time.
        prior: (2**K,) probabilities to answer with where nothing is left to read; by default the
            model's own answer to nothing.
        progress: told after each clip which share of them is done.
    """
    training = model.training
    model.eval()
    found = []
    for clip in clips:
        neighbours = _neighbours(model, clip, clips)[:most_neighbours]
        reader = _Reader(model, clip, neighbours, batch_size, prior)
        with _reading_once(model):
            found.append(_explain(reader, clip, most_windows if row_effects else 0))
        progress(len(found) / len(clips))
    model.train(training)
    return found


def without_rows(clip: ClipArrays, modality: str, rows: slice | NDArray[np.integer]) -> ClipArrays:
    """Take rows of one modality away; with them the words, for a model that reads words.

    A modality without a valid row left is taken away whole: so a clip says that it has none.
    """
    mask = np.array(clip.masks[modality])
    mask[rows] = False
    words = np.array(clip.words, dtype=object)
    if modality == "text" and len(words):
        words[rows] = ""
    return _kept(replace(clip, masks={**clip.masks, modality: mask}, words=tuple(words)))


def onto_words(values: Floats, times: NDArray[np.float64], words: Sequence[Word]) -> Floats:
    """Sum what rows say over the words they lie in.

    Args:
        values: (K, T), weights or effects of rows.
        times: (T, 2), start and end of the rows, seconds, from ``mmemo.batching.rows.row_times``.
        words: W words, times in seconds on the same clock.

    Returns:
        (K, W); a row counts for the first word that its middle lies in, else for none.
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
class _Reader:
    """Reads variants of one clip, among neighbours that stay as they are."""

    model: EmotionModel
    clip: ClipArrays
    neighbours: Sequence[ClipArrays]
    batch_size: int
    prior: Floats | None

    def log_odds(self, variants: Sequence[ClipArrays]) -> Floats:
        """Return the log-odds of each label in each variant, (V, K)."""
        marginals = np.zeros((len(variants), len(self.model.labels)))
        at_once = max(1, self.batch_size // (1 + len(self.neighbours)))
        for first in range(0, len(variants), at_once):
            part = variants[first : first + at_once]
            marginals[first : first + at_once] = self._marginals(part)
        if self.prior is not None:
            empty = [i for i, variant in enumerate(variants) if not variant.values]
            marginals[empty] = self.prior @ all_sets(len(self.model.labels))
        clipped = np.clip(marginals, 1e-6, 1 - 1e-6)
        return np.asarray(np.log(clipped) - np.log1p(-clipped))

    def _marginals(self, variants: Sequence[ClipArrays]) -> Floats:
        rows: list[ClipArrays] = []
        for number, variant in enumerate(variants):
            # Each variant has a video of its own, with its own copy of the neighbours.
            rows += [replace(c, video=f"{number}") for c in (variant, *self.neighbours)]
        batch = self.model.collate([replace(c, labels=None) for c in rows])
        device = next(self.model.parameters()).device
        read = self.model(batch.to(device)).marginals.double().cpu().numpy()
        return np.asarray(read[:: 1 + len(self.neighbours)])


@contextlib.contextmanager
def _reading_once(model: EmotionModel) -> Iterator[None]:
    """Let a pretrained encoder read each text once: most variants of a clip change none."""
    if model.words is None:
        yield
        return
    with model.words.held_still(), model.words.remembering():
        yield


def _neighbours(
    model: EmotionModel, clip: ClipArrays, clips: Sequence[ClipArrays]
) -> list[ClipArrays]:
    """List the clips that are read along with this one: as many of its video as the model takes."""
    if model.clips_per_video == 1 or clip.video is None:
        return []
    others = [c for c in clips if c is not clip and c.video == clip.video]
    others.sort(key=lambda c: abs(c.start_s - clip.start_s))
    return others[: model.clips_per_video - 1]


def _explain(reader: _Reader, clip: ClipArrays, most_windows: int) -> Explanation:
    model = reader.model
    batch = model.collate([replace(c, labels=None) for c in (clip, *reader.neighbours)])
    output = model(batch.to(next(model.parameters()).device), moments=True)
    assert output.moment_weights is not None
    there = [m for m in model.modalities if m in _kept(clip).values]
    lengths = {m: len(clip.values[m]) for m in there}
    variants = [without_rows(clip, m, slice(None)) for m in there]
    windows = {m: _windows(lengths[m], most_windows) for m in there}
    variants += [without_rows(clip, m, rows) for m in there for rows in windows[m]]
    log_odds = reader.log_odds([_kept(clip), *variants])
    lost = iter(log_odds[0] - log_odds[1:])
    modality_effects = np.zeros((len(model.labels), len(model.modalities)))
    for m in there:
        modality_effects[:, model.modalities.index(m)] = next(lost)
    row_effects = {}
    for m in there if most_windows else ():
        row_effects[m] = np.zeros((len(model.labels), lengths[m]))
        for rows in windows[m]:
            share = next(lost) / (rows.stop - rows.start)
            row_effects[m][:, rows] = share[:, None]
    return Explanation(
        id=clip.id,
        labels=model.labels,
        modalities=model.modalities,
        marginals=output.marginals[0].double().cpu().numpy(),
        modality_weights=output.modality_weights[0].double().cpu().numpy(),
        modality_effects=modality_effects,
        row_weights={
            m: output.moment_weights[m][0, :, : lengths[m]].double().cpu().numpy() for m in there
        },
        row_effects=row_effects,
    )


def _windows(rows: int, most: int) -> list[slice]:
    """Cut rows into at most ``most`` stretches of nearly equal length."""
    if most == 0:
        return []
    borders = np.linspace(0, rows, min(rows, most) + 1).round().astype(int)
    return [slice(int(a), int(b)) for a, b in pairwise(borders)]


def _kept(clip: ClipArrays) -> ClipArrays:
    """Leave out modalities without a valid row."""
    there = [m for m, mask in clip.masks.items() if np.any(mask)]
    return replace(
        clip,
        values={m: clip.values[m] for m in there},
        masks={m: clip.masks[m] for m in there},
        words=clip.words if "text" in there else (),
    )
