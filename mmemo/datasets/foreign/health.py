"""Looks a data set over: what is in it, and what is wrong with it."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mmemo.datasets.foreign.dataset import Foreign, Tally
from mmemo.datasets.mosei import SEGMENTS, LabelOrder, explain_count, folds, label_order
from mmemo.features import MODALITIES, ClipFeatures
from mmemo.labels import EMOTIONS, present

BEYOND_S = 0.5
"""Rows may reach over a segment's end by a word; further out they belong elsewhere."""
_SHOWN = 3


@dataclass
class Health:
    """What was seen. ``add`` every clip, then ask for ``lines`` and ``problems``."""

    tally: Tally = field(default_factory=Tally)
    clips: int = 0
    splits: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    valid: Counter[str] = field(default_factory=Counter)
    having: Counter[str] = field(default_factory=Counter)
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

    def watch(self, clips: Iterable[ClipFeatures]) -> Iterator[ClipFeatures]:
        """Pass clips through, looking at each."""
        for clip in clips:
            self.add(clip)
            yield clip

    def add(self, clip: ClipFeatures) -> None:
        """Look at one clip."""
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
        lasting = clip.clip.stated_s
        for modality, features in sorted(clip.features.items()):
            self.having[modality] += 1
            self.rows[modality] += len(features)
            self.valid[modality] += int(features.valid.sum())
            self.widths[modality].add(features.values.shape[1])
            digest.update(features.values.tobytes())
            if lasting is not None and len(features):
                self.beyond += int((features.times[:, 0] > lasting + BEYOND_S).sum())
        if clip.features:
            self._contents[digest.digest()].append((split, clip.clip.id))

    def lines(self, data: Foreign) -> list[str]:
        """Say what there is, a line each."""
        counts = ", ".join(f"{name} {self.splits[name]}" for name in sorted(self.splits))
        known = explain_count(self.clips)
        videos = f", {len(self._splits_of)} videos" if data.video_ids else ""
        found = [
            f"{data.kind}: {data.name}",
            f"segments: {self.clips} ({counts}){videos}" + (f"; {known}" if known else ""),
        ]
        if self.transcribed:
            found.append(f"words: {self.words} (with pauses), in {self.transcribed} segments")
        for modality in MODALITIES:
            if not self.having[modality]:
                found.append(f"{modality}: no features")
                continue
            widths = "/".join(str(width) for width in sorted(self.widths[modality]))
            share = self.valid[modality] / max(self.rows[modality], 1)
            found.append(
                f"{modality}: {widths} columns, in {self.having[modality]} segments, "
                f"{self.rows[modality]} rows, {share:.1%} with a measurement"
            )
        if self._labels:
            total = present([values for _, values in self._labels]).sum(axis=0)
            counts = ", ".join(f"{n} {c}" for n, c in zip(EMOTIONS, total.tolist(), strict=True))
            found.append(f"emotions: {counts}; none in {self.empty} segments")
            found.append(f"label order: {self._order()}")
        found += [f"note: {note}" for note in data.notes]
        return [*found, *(f"met: {what}: {n}" for what, n in sorted(self.tally.counts.items()))]

    @property
    def swapped(self) -> str | None:
        """Say that the label columns are in another order than they claim; None if not."""
        order = self._found_order()
        if order.as_expected:
            return None
        names = ",".join(EMOTIONS[order.order.index(k)] for k in range(len(EMOTIONS)))
        return (
            f"label columns are swapped: by CMU-MOSEI's counts they are {names} "
            f"(convert with --label-order {names})"
        )

    def _order(self) -> str:
        if not self._found_order().certain:
            return "cannot be told from these counts"
        return "not the one expected" if self.swapped else "as CMU-MOSEI's counts have it"

    def _found_order(self) -> LabelOrder:
        return label_order([v for _, v in self._labels], [split for split, _ in self._labels])

    def problems(self, data: Foreign) -> list[str]:
        """Say what is wrong, a line each; none if nothing is."""
        found: list[str] = [self.swapped] if self.swapped else []
        twice = [name for name, count in self._ids.items() if count > 1]
        found += [f"{len(twice)} ids occur twice: {_some(twice)}"] if twice else []
        leaks = [v for v, splits in self._splits_of.items() if len(splits) > 1]
        if data.video_ids and leaks:
            found.append(f"{len(leaks)} videos stand in two splits: {_some(leaks)}")
        moved = [
            v for v, splits in self._splits_of.items() if v in folds() and folds()[v] not in splits
        ]
        if data.video_ids and moved:
            found.append(
                f"{len(moved)} videos stand in another split than in the standard folds: "
                f"{_some(moved)}"
            )
        same = [held for held in self._contents.values() if len(held) > 1]
        across = [held for held in same if len({split for split, _ in held}) > 1]
        if across:
            pairs = _some([f"{held[0][1]} = {held[1][1]}" for held in across])
            found.append(f"{len(across)} segments have the same features in two splits: {pairs}")
        within = len(same) - len(across)
        found += [f"{within} segments have the features of another in their split"] * bool(within)
        if self.unlabelled:
            found.append(f"{self.unlabelled} of {self.clips} segments have no emotion labels")
        found += [f"{self.beyond} rows lie beyond the end of their segment"] * bool(self.beyond)
        wide = {m: sorted(w) for m, w in self.widths.items() if len(w) > 1}
        found += [f"{m} has different numbers of columns: {w}" for m, w in wide.items()]
        if sum(self.splits[s] for s in SEGMENTS) == 0 and self.clips:
            found.append("no segment is in train, valid or test")
        return found


def _some(names: list[str]) -> str:
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
