"""Summary of a data set: what it contains, and its problems."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mmemo.datasets.foreign.dataset import Foreign, Tally
from mmemo.datasets.mosei import SEGMENTS, LabelOrder, explain_count, folds, label_order
from mmemo.features import MODALITIES, ClipFeatures
from mmemo.labels import EMOTIONS, present

BEYOND_S = 0.5
"""Rows may start a word after a segment's end; further out they belong to another segment."""
_SHOWN = 3


@dataclass
class Health:
    """Counts over the clips of a data set: ``add`` each, then read ``lines`` and ``problems``."""

    tally: Tally = field(default_factory=Tally)
    clips: int = 0
    splits: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    valid: Counter[str] = field(default_factory=Counter)
    present_in: Counter[str] = field(default_factory=Counter)
    widths: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    empty: int = 0
    unlabelled: int = 0
    words: int = 0
    transcribed: int = 0
    beyond: int = 0
    _ids: Counter[str] = field(default_factory=Counter)
    _splits_of: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _contents: dict[bytes, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    _labels: list[tuple[str, tuple[float, ...]]] = field(default_factory=list)

    def count(self, clips: Iterable[ClipFeatures]) -> Iterator[ClipFeatures]:
        """Yield the clips unchanged, adding each."""
        for clip in clips:
            self.add(clip)
            yield clip

    def add(self, clip: ClipFeatures) -> None:
        """Count one clip."""
        self.clips += 1
        split = str(clip.clip.split)
        self.splits[split] += 1
        self._ids[clip.clip.id] += 1
        self._splits_of[clip.clip.video_id].add(split)
        self.words += len(clip.clip.words or ())
        self.transcribed += bool(clip.clip.words)
        if clip.clip.intensities is None:
            self.unlabelled += 1
        else:
            self._labels.append((split, clip.clip.intensities))
            self.empty += not present(clip.clip.intensities).any()
        digest = hashlib.blake2b(digest_size=12)
        duration_s = clip.clip.stated_s
        for modality, features in sorted(clip.features.items()):
            self.present_in[modality] += 1
            self.rows[modality] += len(features)
            self.valid[modality] += int(features.valid.sum())
            self.widths[modality].add(features.values.shape[1])
            digest.update(features.values.tobytes())
            if duration_s is not None and len(features):
                self.beyond += int((features.times[:, 0] > duration_s + BEYOND_S).sum())
        if clip.features:
            self._contents[digest.digest()].append((split, clip.clip.id))

    def lines(self, data: Foreign) -> list[str]:
        """Return the summary, line by line."""
        counts = ", ".join(f"{name} {self.splits[name]}" for name in sorted(self.splits))
        known = explain_count(self.clips)
        videos = f", {len(self._splits_of)} videos" if data.video_ids else ""
        lines = [
            f"{data.kind}: {data.name}",
            f"segments: {self.clips} ({counts}){videos}" + (f"; {known}" if known else ""),
        ]
        if self.transcribed:
            lines.append(f"words: {self.words} (with pauses), in {self.transcribed} segments")
        for modality in MODALITIES:
            if not self.present_in[modality]:
                lines.append(f"{modality}: no features")
                continue
            widths = "/".join(str(width) for width in sorted(self.widths[modality]))
            share = self.valid[modality] / max(self.rows[modality], 1)
            lines.append(
                f"{modality}: {widths} columns, in {self.present_in[modality]} segments, "
                f"{self.rows[modality]} rows, {share:.1%} with a measurement"
            )
        if self._labels:
            total = present([values for _, values in self._labels]).sum(axis=0)
            counts = ", ".join(f"{n} {c}" for n, c in zip(EMOTIONS, total.tolist(), strict=True))
            lines.append(f"emotions: {counts}; none in {self.empty} segments")
            lines.append(f"label order: {self._order_text()}")
        lines += [f"note: {note}" for note in data.notes]
        events = sorted(self.tally.counts.items())
        return [*lines, *(f"noticed: {event}: {n}" for event, n in events)]

    @property
    def swapped(self) -> str | None:
        """A message if the label columns are in another order than they claim, else None."""
        order = self._order()
        if order.as_expected:
            return None
        names = ",".join(EMOTIONS[order.order.index(k)] for k in range(len(EMOTIONS)))
        return (
            f"label columns are swapped: by CMU-MOSEI's counts they are {names} "
            f"(convert with --label-order {names})"
        )

    def _order_text(self) -> str:
        if not self._order().certain:
            return "undecided by these counts"
        return "not the one expected" if self.swapped else "as in CMU-MOSEI's counts"

    def _order(self) -> LabelOrder:
        return label_order([v for _, v in self._labels], [split for split, _ in self._labels])

    def problems(self, data: Foreign) -> list[str]:
        """Return the problems, one line each; empty if there are none."""
        problems: list[str] = [self.swapped] if self.swapped else []
        repeated = [name for name, count in self._ids.items() if count > 1]
        problems += [f"{len(repeated)} ids occur twice: {_some(repeated)}"] if repeated else []
        leaks = [v for v, splits in self._splits_of.items() if len(splits) > 1]
        if data.video_ids and leaks:
            problems.append(f"{len(leaks)} videos are in two splits: {_some(leaks)}")
        moved = [
            v for v, splits in self._splits_of.items() if v in folds() and folds()[v] not in splits
        ]
        if data.video_ids and moved:
            problems.append(
                f"{len(moved)} videos are in another split than in the standard folds: "
                f"{_some(moved)}"
            )
        same = [clips for clips in self._contents.values() if len(clips) > 1]
        across = [clips for clips in same if len({split for split, _ in clips}) > 1]
        if across:
            pairs = _some([f"{clips[0][1]} = {clips[1][1]}" for clips in across])
            problems.append(f"{len(across)} segments have the same features in two splits: {pairs}")
        within = len(same) - len(across)
        if within:
            problems.append(f"{within} segments have the features of another in their split")
        if self.unlabelled:
            problems.append(f"{self.unlabelled} of {self.clips} segments have no emotion labels")
        problems += [f"{self.beyond} rows lie beyond the end of their segment"] * bool(self.beyond)
        wide = {m: sorted(w) for m, w in self.widths.items() if len(w) > 1}
        problems += [f"{m} has different numbers of columns: {w}" for m, w in wide.items()]
        if sum(self.splits[s] for s in SEGMENTS) == 0 and self.clips:
            problems.append("no segment is in train, valid or test")
        return problems


def _some(names: list[str]) -> str:
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
