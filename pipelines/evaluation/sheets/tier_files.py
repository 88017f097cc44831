"""Labels on a tier of ELAN (.eaf) or Praat (.TextGrid), as ``mmemo predict`` writes them.

Each annotation of the tier ``emotions`` is an utterance; its text names labels, separated by
commas, or is "none". Its id is ``NAME[START]``, of the file's name without its ending and the start
in seconds, so that two annotators' files of one name, or the two forms, are matched to the
millisecond. Annotations without text are not labelled.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from extractors.text.transcripts.encoding import read_text
from extractors.text.transcripts.textgrid import read_tiers
from extractors.text.transcripts.timed_text import TimedText
from mmemo.errors import DataError
from mmemo.input_files import LARGEST_TABLE_BYTES, read_bytes
from pipelines.evaluation.sheets.classes import multihots
from pipelines.evaluation.sheets.sheet import Sheet
from pipelines.prediction.exports.tiers import TIER_EMOTIONS, Interval

NO_LABEL = "none"
_SEPARATORS = re.compile(r"\s*[,;|+]\s*")


def read_eaf(path: Path, labels: Sequence[str]) -> Sheet:
    """Return the sheet of a file of ELAN.

    Raises:
        DataError: it cannot be read, has no such tier, or a text is not a label.
    """
    return _sheet(path, _elan_tiers(path), labels)


def read_textgrid(path: Path, labels: Sequence[str]) -> Sheet:
    """Return the sheet of a file of Praat, in UTF-8 or UTF-16.

    Raises:
        DataError: it has no such tier, or a text is not a label.
        TranscriptError: it cannot be read.
    """
    tiers = read_tiers(read_text(path), TimedText(path))
    return _sheet(path, {t.name: [Interval(*row) for row in t.intervals] for t in tiers}, labels)


TIER_READERS: dict[str, Callable[[Path, Sequence[str]], Sheet]] = {
    ".eaf": read_eaf,
    ".textgrid": read_textgrid,
}


def _sheet(path: Path, tiers: dict[str, list[Interval]], labels: Sequence[str]) -> Sheet:
    if TIER_EMOTIONS not in tiers:
        others = ", ".join(map(repr, tiers)) or "none"
        raise DataError(f"{path}: expected a tier named {TIER_EMOTIONS!r}; got {others}")
    rows = [interval for interval in tiers[TIER_EMOTIONS] if interval.text.strip()]
    if not rows:
        raise DataError(f"{path}: expected labels on the tier {TIER_EMOTIONS!r}; it is empty")
    names = [_names(row.text) for row in rows]
    places = [f"{path}, {row.start:.3f} s" for row in rows]
    return Sheet(
        where=str(path),
        labels=tuple(labels),
        ids=tuple(f"{path.stem}[{row.start:.3f}]" for row in rows),
        videos=(path.stem,) * len(rows),
        values=multihots(names, labels, places, str(path)).astype(np.float64),
        lengths_s=np.array([row.end - row.start for row in rows]),
    )


def _names(text: str) -> list[str]:
    return [n for n in _SEPARATORS.split(text.strip()) if n and n.lower() != NO_LABEL]


def _elan_tiers(path: Path) -> dict[str, list[Interval]]:
    """Return the time-aligned annotations of each tier, in order of time."""
    try:
        content = read_bytes(path, LARGEST_TABLE_BYTES)
        if b"<!DOCTYPE" in content:  # entities may refer to other files, or grow without end
            raise DataError(f"{path}: expected a file of ELAN without a DOCTYPE")
        root = ElementTree.fromstring(content)
        slots = {s.attrib["TIME_SLOT_ID"]: s.get("TIME_VALUE") for s in root.iter("TIME_SLOT")}
        return {
            tier.attrib["TIER_ID"]: sorted(
                (
                    Interval(
                        _seconds(path, slots[annotation.attrib["TIME_SLOT_REF1"]]),
                        _seconds(path, slots[annotation.attrib["TIME_SLOT_REF2"]]),
                        annotation.findtext("ANNOTATION_VALUE") or "",
                    )
                    for annotation in tier.iter("ALIGNABLE_ANNOTATION")
                ),
                key=lambda interval: interval.start,
            )
            for tier in root.iter("TIER")
        }
    except OSError as error:
        raise DataError(f"{path}: cannot read it ({error.strerror or error})") from None
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise DataError(f"{path}: expected a file of ELAN ({error!r})") from None


def _seconds(path: Path, time_ms: str | None) -> float:
    if time_ms is None or not time_ms.isascii() or not time_ms.isdigit() or len(time_ms) > 12:
        raise DataError(f"{path}: expected times in whole milliseconds; got {time_ms!r}")
    return int(time_ms) / 1000
