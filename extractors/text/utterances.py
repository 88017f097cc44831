"""Cut a long recording into utterances as long as the segments of CMU-MOSEI.

CMU-MOSEI's segments are sentences, found by punctuation (Zadeh et al., ACL 2018, section 3), mostly
2 to 15 s long. Here a pause also ends an utterance, since speech recognisers omit full stops. So
does a camera cut between two words, since another person may speak after it.
"""

import bisect
import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from extractors.text.pauses import without_pauses
from mmemo.errors import ClipError, ConfigError, TranscriptError
from mmemo.features import PAUSE, Unread, Word

MERGE_GAP_S = 1.0
"""Largest gap over which a piece that is too short joins its neighbour."""

_EARLY_S = 0.15
"""A cut this far inside speech still counts as between two pieces."""

_SENTENCE_END = re.compile(r"[.?!…。？！][\"'”’)\]]*$")  # noqa: RUF001
_ABBREVIATION = re.compile(r"^([a-z]|mr|mrs|ms|dr|prof|st|jr|sr|vs|e\.g|i\.e)\.$", re.IGNORECASE)


@dataclass(frozen=True)
class Utterance:
    """A stretch of a recording that is predicted as one.

    Attributes:
        start: seconds in the recording.
        end: seconds in the recording.
        words: its words, times in seconds from ``start``.
    """

    start: float
    end: float
    words: tuple[Word, ...]


@dataclass(frozen=True)
class _Piece:
    """Words ``first`` to ``last - 1``, and their time."""

    first: int
    last: int
    start: float
    end: float

    @property
    def length_s(self) -> float:
        return self.end - self.start


def split_utterances(
    words: Sequence[Word],
    duration_s: float,
    *,
    min_s: float = 2.0,
    max_s: float = 15.0,
    pause_s: float = 0.5,
    wordless_s: float = 5.0,
    cuts: Sequence[float] = (),
) -> list[Utterance]:
    """Cut a recording into utterances, never inside a word.

    1. Cut after each sentence, in each pause, and at camera cuts between words.
    2. Cut pieces longer than ``max_s`` in their longest pause, until they fit.
    3. Join pieces shorter than ``min_s`` to the nearer neighbour, if the gap is small and the
       result fits, preferably not across a camera cut. Otherwise extend them into the silence.

    Every word is in exactly one utterance, in the order of ``words``. A marked pause (``sp``) is in
    the utterance around it; between two utterances it is dropped. A single word, or words that
    overlap without a break, may still exceed ``max_s``, and a short remark between two long ones
    may be shorter than ``min_s``. Without words, the recording is cut into equal windows of at most
    ``wordless_s``, so that voice and face can be used: no sentence shows how long an expression
    lasts, and the average of a long window shows none. Shots of at least ``min_s`` have their own
    windows.

    Args:
        words: in order of their starts, seconds in the recording.
        duration_s: of the recording.
        min_s: intended minimum length.
        max_s: intended maximum length.
        pause_s: shortest gap between two words that counts as a pause.
        wordless_s: intended maximum length without words, or ``max_s`` if that is less.
        cuts: times of camera cuts, seconds in the recording, increasing.

    Raises:
        TranscriptError: the words are not in order.
        ClipError: the duration is negative or not finite.
        ConfigError: a length is out of range.
    """
    _check(words, duration_s, min_s, max_s, pause_s)
    spoken = without_pauses(words)
    if not spoken:
        return _windows(duration_s, min_s, min(max_s, max(wordless_s, min_s)), cuts)
    pieces = _natural_pieces(spoken, pause_s, cuts)
    pieces = [part for piece in pieces for part in _cut(spoken, piece, min_s, max_s)]
    pieces = _merge(pieces, min_s, max_s, cuts)
    return [
        _utterance(words, spoken[piece.first : piece.last], start, end)
        for piece, (start, end) in zip(pieces, _extend(pieces, duration_s, min_s), strict=True)
    ]


def unread_utterances(
    utterances: Sequence[Utterance],
    unread: Sequence[Unread],
    *,
    shortest_s: float = 0.5,
    wordless_s: float = 5.0,
) -> list[Utterance]:
    """Return utterances for what was heard and not read between others, in equal windows.

    Their voice and face can be used, and they can say what was not read.

    Args:
        utterances: those with words, in order.
        unread: stretches, in order.
        shortest_s: gaps between utterances that are shorter are left out.
        wordless_s: intended maximum length.
    """
    result: list[Utterance] = []
    for part in unread:
        taken = [u for u in (*utterances, *result) if u.end > part.start and u.start < part.end]
        borders = [part.start, *(time for u in taken for time in (u.start, u.end)), part.end]
        for start, end in zip(borders[::2], borders[1::2], strict=True):
            if end - start >= shortest_s:
                windows = _windows(end - start, end - start, wordless_s, ())
                result += [replace(w, start=w.start + start, end=w.end + start) for w in windows]
    return result


def _check(
    words: Sequence[Word], duration_s: float, min_s: float, max_s: float, pause_s: float
) -> None:
    if not (math.isfinite(duration_s) and duration_s >= 0):
        raise ClipError(f"expected a duration of at least 0 s; got {duration_s}")
    if not (0 <= min_s <= max_s < math.inf and max_s > 0):
        raise ConfigError(f"expected 0 <= min_s <= max_s; got min_s {min_s}, max_s {max_s}")
    if not pause_s > 0:
        raise ConfigError(f"expected a pause above 0 s; got pause_s {pause_s}")
    for before, after in itertools.pairwise(words):
        if after.start < before.start:
            raise TranscriptError(
                f"expected words in order of their starts; got {after.text!r} at {after.start} s "
                f"after {before.text!r} at {before.start} s; sort them"
            )


def _windows(
    duration_s: float, min_s: float, max_s: float, cuts: Sequence[float]
) -> list[Utterance]:
    shots = [0.0]
    for cut_s in cuts:
        if min(cut_s - shots[-1], duration_s - cut_s) >= max(min_s, math.ulp(duration_s)):
            shots.append(cut_s)
    borders = []
    for begin, end in itertools.pairwise([*shots, duration_s]):
        count = math.ceil((end - begin) / max_s)
        borders += [begin + (end - begin) * i / count for i in range(count)]
    borders += [duration_s] if borders else []
    return [Utterance(start, end, ()) for start, end in itertools.pairwise(borders)]


def _piece(words: Sequence[Word], first: int, last: int) -> _Piece:
    return _Piece(first, last, words[first].start, max(word.end for word in words[first:last]))


def _gaps(words: Sequence[Word], piece: _Piece) -> list[tuple[int, float]]:
    """Return where a piece may be cut: index of the word after the gap, and the gap's length.

    There is no gap before a word that begins before an earlier one ends.
    """
    gaps = []
    spoken_s = -math.inf
    for index in range(piece.first, piece.last):
        gap_s = words[index].start - spoken_s
        if index > piece.first and gap_s >= 0:
            gaps.append((index, gap_s))
        spoken_s = max(spoken_s, words[index].end)
    return gaps


def _natural_pieces(words: Sequence[Word], pause_s: float, cuts: Sequence[float]) -> list[_Piece]:
    whole = _piece(words, 0, len(words))
    ends = [
        index
        for index, gap_s in _gaps(words, whole)
        if gap_s >= pause_s
        or _ends_sentence(words[index - 1].text)
        or _cut_between(_middle(words[index - 1]), _middle(words[index]), cuts)
    ]
    borders = [0, *ends, len(words)]
    return [_piece(words, first, last) for first, last in itertools.pairwise(borders)]


def _middle(word: Word) -> float:
    return (word.start + word.end) / 2


def _cut_between(earlier_s: float, later_s: float, cuts: Sequence[float]) -> bool:
    """Return whether there is a camera cut between two times.

    For words, pass their middles: editors cut a little early or late.
    """
    at = bisect.bisect_right(cuts, earlier_s)
    return at < len(cuts) and cuts[at] <= later_s


def _ends_sentence(text: str) -> bool:
    return bool(_SENTENCE_END.search(text)) and not _ABBREVIATION.match(text)


def _cut(words: Sequence[Word], piece: _Piece, min_s: float, max_s: float) -> list[_Piece]:
    """Cut a piece in its longest gaps until every part fits or cannot be cut."""
    done: list[_Piece] = []
    waiting = [piece]
    while waiting:
        piece = waiting.pop()
        parts = _halve(words, piece, min_s) if piece.length_s > max_s else None
        if parts is None:
            done.append(piece)
        else:
            waiting += reversed(parts)
    return done


def _halve(words: Sequence[Word], piece: _Piece, min_s: float) -> list[_Piece] | None:
    middle_s = (piece.start + piece.end) / 2
    best: tuple[tuple[bool, float, float], int] | None = None
    for index, gap_s in _gaps(words, piece):
        before_s = words[index].start - gap_s - piece.start
        after_s = piece.end - words[index].start
        leaves_enough = min(before_s, after_s) >= min_s
        rank = (leaves_enough, gap_s, -abs(words[index].start - middle_s))
        if best is None or rank > best[0]:
            best = (rank, index)
    if best is None:
        return None
    return [_piece(words, piece.first, best[1]), _piece(words, best[1], piece.last)]


def _merge(pieces: list[_Piece], min_s: float, max_s: float, cuts: Sequence[float]) -> list[_Piece]:
    """Join each piece that is too short to its nearer neighbour, if that is allowed."""
    pieces = list(pieces)
    i = 0
    while i < len(pieces):
        joined = _joined(pieces, i, max_s, cuts) if pieces[i].length_s < min_s else None
        if joined is None:
            i += 1
        else:
            pieces[joined[0] : joined[0] + 2] = [joined[1]]
            i = joined[0]
    return pieces


def _joined(
    pieces: list[_Piece], i: int, max_s: float, cuts: Sequence[float]
) -> tuple[int, _Piece] | None:
    """Choose the neighbour that piece ``i`` joins: index of the first of both, and the result."""
    candidates = []
    for first in (i - 1, i):
        if first < 0 or first + 1 >= len(pieces):
            continue
        before, after = pieces[first], pieces[first + 1]
        gap_s = after.start - before.end
        both = _Piece(before.first, after.last, before.start, after.end)
        if gap_s <= MERGE_GAP_S and both.length_s <= max_s:
            across = _cut_between(before.end - _EARLY_S, after.start + _EARLY_S, cuts)
            candidates.append((across, gap_s, first, both))
    return min(candidates, key=lambda c: c[:3])[2:] if candidates else None


def _extend(pieces: list[_Piece], duration_s: float, min_s: float) -> list[tuple[float, float]]:
    """Extend pieces that are too short into the silence around them, at most by half of it."""
    spans = []
    for i, piece in enumerate(pieces):
        free_from = 0.0 if i == 0 else (pieces[i - 1].end + piece.start) / 2
        at_end = i + 1 == len(pieces)
        free_to = duration_s if at_end else (piece.end + pieces[i + 1].start) / 2
        missing_s = max(0.0, min_s - piece.length_s)
        before, after = max(0.0, piece.start - free_from), max(0.0, free_to - piece.end)
        take_before = min(before, max(missing_s / 2, missing_s - after))
        take_after = min(after, missing_s - take_before)
        spans.append((piece.start - take_before, piece.end + take_after))
    return spans


def _utterance(
    words: Sequence[Word], spoken: Sequence[Word], start: float, end: float
) -> Utterance:
    """Collect the words of a piece and the pauses between and around them."""
    own = {id(word) for word in spoken}
    first = bisect.bisect_left(words, spoken[0].start, key=lambda word: word.start)
    last = bisect.bisect_right(words, spoken[-1].start, key=lambda word: word.start)
    first, last = max(0, first - 1), min(len(words), last + 1)
    inside = [
        word
        for word in words[first:last]
        if id(word) in own
        or (word.text.strip() == PAUSE and start <= word.start and word.end <= end)
    ]
    shifted = (replace(word, start=word.start - start, end=word.end - start) for word in inside)
    return Utterance(start, end, tuple(shifted))
