"""From clips of any length to padded tensors with masks, and the normalisation of their columns.

The same ``collate`` serves training and prediction. Padding stands on the right, a mask marks valid
rows, and a modality that a clip does not have is a fully masked row, never data.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Sequence as Seq
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mmemo.arrays import first_wrong
from mmemo.errors import FeatureError


class Sequence(NamedTuple):
    """One modality of a batch: ``values`` (B, T, D), ``mask`` (B, T) bool, True = attend."""

    values: Tensor
    mask: Tensor


class Pieces(NamedTuple):
    """The words of a batch as a pretrained encoder reads them: N texts of L word pieces.

    Attributes:
        ids: (N, L) long, pieces of the encoder's vocabulary.
        mask: (N, L) bool, True = attend.
        rows: (N, L) long, the word that a piece belongs to, counted through the (B, T) rows of the
            batch's text; -1 for what belongs to none (separators, padding).
    """

    ids: Tensor
    mask: Tensor
    rows: Tensor


class Batch(NamedTuple):
    """Clips side by side.

    Attributes:
        ids: B of them.
        sequences: modality -> Sequence.
        labels: (B, K), or None; a label is 1, 0, or NaN where its data set does not annotate it.
        videos: (V, S) long, the places in the batch of each video's clips by start, -1 = none.
        seconds: (B,) length of each clip; NaN or 0 where not known.
        pieces: the words, where the model reads words and not their vectors.
        word_ids: (B, T) long, the word of each row of the text in the model's vocabulary, where it
            has one; the vocabulary's size where it is not in there.
        degrees: (B, K + 1), each label's intensity and the sentiment, NaN where not known.
    """

    ids: tuple[str, ...]
    sequences: dict[str, Sequence]
    labels: Tensor | None
    videos: Tensor
    seconds: Tensor
    pieces: Pieces | None = None
    word_ids: Tensor | None = None
    degrees: Tensor | None = None

    def to(self, device: torch.device | str) -> "Batch":
        """Move every tensor to ``device``."""
        sequences = {
            modality: Sequence(values.to(device), mask.to(device))
            for modality, (values, mask) in self.sequences.items()
        }
        return Batch(
            ids=self.ids,
            sequences=sequences,
            labels=None if self.labels is None else self.labels.to(device),
            videos=self.videos.to(device),
            seconds=self.seconds.to(device),
            pieces=self.pieces and Pieces(*(part.to(device) for part in self.pieces)),
            word_ids=None if self.word_ids is None else self.word_ids.to(device),
            degrees=None if self.degrees is None else self.degrees.to(device),
        )


@dataclass(frozen=True, eq=False)
class ClipArrays:
    """One clip, ready to be collated.

    Attributes:
        id: the clip's id.
        values: modality -> (T, D) float32; a modality that is absent has no key, or T = 0.
        masks: modality -> (T,) bool, True = there was something to measure.
        labels: (K,) of 1, 0, or NaN where nothing is known of a label; None if unlabelled.
        video: the recording it was cut from, whose clips may see each other; None = none.
        start_s: its start in that recording, seconds.
        seconds: its length; NaN or 0 (a table without times) = not known.
        words: the word (or token) of each row of the text; empty where they are not known.
        dataset: the data set it comes from.
        degrees: (K + 1,), each label's intensity and the sentiment, NaN where not known; or None.

    Raises:
        FeatureError: values and masks do not belong together, or a value is not finite.
    """

    id: str
    values: Mapping[str, NDArray[np.float32]]
    masks: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    labels: NDArray[np.generic] | None = None
    video: str | None = None
    start_s: float = 0.0
    seconds: float = math.nan
    words: tuple[str, ...] = ()
    dataset: str = ""
    degrees: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if set(self.values) != set(self.masks):
            raise FeatureError(
                f"clip {self.id}: expected values and masks of the same modalities; "
                f"got {sorted(self.values)} and {sorted(self.masks)}"
            )
        for modality, values in self.values.items():
            shape, rows = np.shape(values), np.shape(self.masks[modality])
            if len(shape) != 2 or rows != shape[:1]:
                raise FeatureError(
                    f"clip {self.id}: expected {modality} values (T, D) and mask (T,); "
                    f"got {shape} and {rows}"
                )
            wrong = first_wrong(values, np.isfinite(values))
            if wrong is not None:
                raise FeatureError(
                    f"clip {self.id}: expected finite {modality} values; got {wrong}"
                )
        text_rows = len(self.values.get("text", ()))
        if self.words and len(self.words) != text_rows:
            raise FeatureError(
                f"clip {self.id}: expected a word for each of {text_rows} text rows; "
                f"got {len(self.words)}"
            )


def collate(
    clips: Seq[ClipArrays],
    dims: Mapping[str, int],
    cut: Callable[[Seq[ClipArrays], Tensor], Pieces] | None = None,
    vocabulary: Callable[[Seq[ClipArrays], int], Tensor] | None = None,
) -> Batch:
    """Put clips side by side, padded on the right to the longest of each modality.

    Args:
        clips: at least one; labels for all of them or for none.
        dims: modality -> D, for every modality the model reads; others are left out.
        cut: cuts the clips' words into word pieces, given the batch's ``videos``.
        vocabulary: turns the clips' words into ids, given the number of text rows.

    Raises:
        FeatureError: no clip, a modality has another number of columns, or only some clips have
            labels.
    """
    if not clips:
        raise FeatureError("expected at least one clip to collate; got none")
    sequences = {modality: _pad(clips, modality, dim) for modality, dim in dims.items()}
    labelled = [clip.labels for clip in clips if clip.labels is not None]
    if labelled and (len(labelled) < len(clips) or len({np.shape(row) for row in labelled}) > 1):
        shapes = {str(None if c.labels is None else np.shape(c.labels)): c.id for c in clips}
        got = ", ".join(f"{shape} on {clip_id!r}" for shape, clip_id in sorted(shapes.items()))
        raise FeatureError(
            f"expected labels of one length on all clips of a batch or on none; got {got}"
        )
    labels = torch.from_numpy(np.stack(labelled).astype(np.float32)) if labelled else None
    videos = _videos(clips)
    pieces = None
    if cut is not None:
        pieces = cut(clips, videos)
        sequences["text"] = _readable(sequences["text"], pieces)
    word_ids = None
    if vocabulary is not None:
        word_ids = vocabulary(clips, sequences["text"].mask.shape[1])
    return Batch(
        ids=tuple(clip.id for clip in clips),
        sequences=sequences,
        labels=labels,
        videos=videos,
        seconds=torch.tensor([clip.seconds for clip in clips], dtype=torch.float32),
        pieces=pieces,
        word_ids=word_ids,
        degrees=_degrees(clips),
    )


def _degrees(clips: Seq[ClipArrays]) -> Tensor | None:
    """Return the degrees (B, K + 1), if all clips have them."""
    degrees = [clip.degrees for clip in clips if clip.degrees is not None]
    return torch.from_numpy(np.stack(degrees)) if len(degrees) == len(clips) else None


def cut_videos(clips: Seq[ClipArrays], most: int) -> list[ClipArrays]:
    """Cut videos of more than ``most`` clips into stretches that are videos of their own.

    The stretches of a video are of nearly equal length. With ``most = 1`` every clip is by itself.

    Returns:
        The clips in their order, with other names of their videos.
    """
    if most == 1:
        return [replace(clip, video=None) for clip in clips]
    cut = list(clips)
    for places in by_video(clips):
        for number, part in enumerate(np.array_split(places, -(-len(places) // most))):
            for place in part if number else ():
                cut[place] = replace(clips[place], video=f"{clips[place].video}#{number}")
    return cut


def by_video(clips: Seq[ClipArrays]) -> list[list[int]]:
    """Group clips by video, each group in order of their start, as places in ``clips``.

    Groups stand in the order of their first clip. A clip without a video is a group of its own.
    """
    of_video: dict[tuple[bool, str | int], list[int]] = {}
    for place, clip in enumerate(clips):
        key = (False, place) if clip.video is None else (True, clip.video)
        of_video.setdefault(key, []).append(place)
    for places in of_video.values():
        places.sort(key=lambda place: (clips[place].start_s, clips[place].id))
    return list(of_video.values())


def _videos(clips: Seq[ClipArrays]) -> Tensor:
    """Return the groups of ``by_video`` as a table of places, padded with -1."""
    groups = by_video(clips)
    table = np.full((len(groups), max(map(len, groups))), -1, dtype=np.int64)
    for row, places in zip(table, groups, strict=True):
        row[: len(places)] = places
    return torch.from_numpy(table)


def _readable(text: Sequence, pieces: Pieces) -> Sequence:
    """Mask the words without a piece in the encoder's vocabulary."""
    met = torch.zeros(text.mask.numel(), dtype=torch.bool)
    met[pieces.rows[pieces.rows >= 0]] = True
    return Sequence(text.values, text.mask & met.view_as(text.mask))


def _pad(clips: Seq[ClipArrays], modality: str, dim: int) -> Sequence:
    rows_of_clips = [clip.values.get(modality) for clip in clips]
    longest = max([1, *(len(values) for values in rows_of_clips if values is not None)])
    padded = np.zeros((len(clips), longest, dim), dtype=np.float32)
    mask = np.zeros((len(clips), longest), dtype=np.bool_)
    for row, (clip, values) in enumerate(zip(clips, rows_of_clips, strict=True)):
        if values is None:
            continue
        if values.shape[1] != dim:
            raise FeatureError(
                f"clip {clip.id}: expected {modality} with {dim} columns; got {values.shape[1]}"
            )
        padded[row, : len(values)] = values
        mask[row, : len(values)] = clip.masks[modality]
    return Sequence(torch.from_numpy(padded), torch.from_numpy(mask))


class Normalizer(nn.Module):
    """Bring every column to mean 0 and standard deviation 1 of the training clips.

    The statistics are buffers, so a checkpoint carries them. Masked rows come out as zeros
    whatever they held. Values are limited to ``LIMIT`` standard deviations, so that one broken
    frame cannot drown a clip.
    """

    LIMIT = 10.0

    def __init__(self, dims: Mapping[str, int]) -> None:
        super().__init__()
        self.dims = dict(dims)
        for modality, dim in self.dims.items():
            self.register_buffer(f"{modality}_mean", torch.zeros(dim))
            self.register_buffer(f"{modality}_std", torch.ones(dim))

    def fit(self, clips: Iterable[ClipArrays]) -> None:
        """Fit mean and standard deviation on the valid rows of ``clips``, in one pass.

        Sums are float64 and merged by the update of Chan, Golub and LeVeque (1983), so the clips
        may come from a generator. A column that does not vary is only centred.
        """
        moments = {m: (0, np.zeros(d), np.zeros(d)) for m, d in self.dims.items()}
        for clip in clips:
            for modality in moments.keys() & clip.values.keys():
                rows = clip.values[modality][np.asarray(clip.masks[modality], dtype=bool)]
                if len(rows):
                    moments[modality] = _merge(moments[modality], rows.astype(np.float64))
        for modality, (count, mean, squares) in moments.items():
            std = np.sqrt(squares / max(count, 1))
            std[std <= 1e-6 * np.maximum(np.abs(mean), 1e-6)] = 1.0
            getattr(self, f"{modality}_mean").copy_(torch.from_numpy(mean))
            getattr(self, f"{modality}_std").copy_(torch.from_numpy(std))

    def std(self, modality: str) -> Tensor:
        """Return the standard deviations that one modality's columns are divided by, (D,)."""
        deviations: Tensor = getattr(self, f"{modality}_std")
        return deviations

    def forward(self, modality: str, sequence: Sequence) -> Sequence:
        """Scale one modality's (B, T, D) values; masked rows become zeros."""
        mean, std = getattr(self, f"{modality}_mean"), self.std(modality)
        scaled = ((sequence.values - mean) / std).clamp(-self.LIMIT, self.LIMIT)
        return Sequence(scaled.masked_fill(~sequence.mask[..., None], 0.0), sequence.mask)


Moments = tuple[int, NDArray[np.float64], NDArray[np.float64]]


def _merge(moments: Moments, rows: NDArray[np.float64]) -> Moments:
    """Add rows (N, D) to (count, mean, sum of squared deviations)."""
    count, mean, squares = moments
    total = count + len(rows)
    shift = rows.mean(axis=0) - mean
    within = ((rows - rows.mean(axis=0)) ** 2).sum(axis=0)
    mean = mean + shift * (len(rows) / total)
    return total, mean, squares + within + shift**2 * (count * len(rows) / total)
