"""Word times from the sound, for recognised words and for a transcript without times.

Both start from a recogniser's approximate times. A transcript is first matched to the recognised
words (``matching``). So a recording of any length is divided into stretches that are searched
separately; text that was never said (a heading, a note) does not take other words' sound; and a
text of another recording is noticed.
"""

import itertools
import logging
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from extractors.base import Sound
from extractors.text.alignment.hmm import PhoneModels, Span, pocketsphinx_version
from extractors.text.alignment.matching import match
from extractors.text.alignment.spoken import spoken_form
from extractors.text.alignment.stretches import Placed, halve_in_gap, split_stretches
from mmemo.features import Word

ALGORITHM = 1

MARGIN_S = 0.35
"""Each word is searched this far around its approximate time."""

FASTEST_S = 0.025
"""Shortest duration of a letter; text with less room was not said there."""

SLOWEST_S = 0.3
"""Longest duration of a letter, where nothing else bounds the words."""

DOUBTFUL_SHARE = 0.4
"""If a smaller share of its words fits the sound, a transcript is probably of another recording."""

MIN_FIT = 0.5

_log = logging.getLogger(__name__)


class Aligner:
    """Find exact word times. The phone models are loaded at the first call.

    Without PocketSphinx the approximate times remain, and one warning is logged.
    """

    def __init__(self) -> None:
        self._models = PhoneModels()
        self._warned = False

    def fingerprint(self) -> str:
        """Identify algorithm and models."""
        return f"align:{ALGORITHM}:{pocketsphinx_version() or 'none'}"

    def refine(self, words: Sequence[Word], sound: Sound) -> tuple[Word, ...]:
        """Find the exact times of recognised words.

        Args:
            words: in order, with approximate times from the zero of ``sound.start_s``.
            sound: at 16 kHz.

        Returns:
            The same words with the same confidences; times are in order, do not overlap, and lie
            inside the sound.
        """
        placed = [
            Placed(
                word.text,
                spoken_form(word.text),
                word.start - sound.start_s,
                word.end - sound.start_s,
                confidence=word.confidence,
            )
            for word in words
        ]
        fits = self._search(placed, sound)
        return _in_order(placed, sound, [word.confidence for word in words], fits)

    def place(
        self, texts: Sequence[str], recognised: Sequence[Word], sound: Sound
    ) -> tuple[Word, ...]:
        """Find the times of a transcript's words.

        Args:
            texts: the transcript, word by word.
            recognised: words of a recogniser with approximate times; may be empty.
            sound: at 16 kHz.

        Returns:
            Every word of the transcript, in its order; times are in order, do not overlap, and lie
            inside the sound. Confidence is how well the sound fits the word, 0 to 1. Words without
            room in the sound share the room there is, with confidence 0.
        """
        placed = _place_roughly(texts, recognised, sound)
        matched = [word.confidence for word in placed]
        fits = self._search(placed, sound)
        confidences = [
            fit if fit is not None else prior if word.in_sound and prior is not None else 0.0
            for word, fit, prior in zip(placed, fits, matched, strict=True)
        ]
        words = _in_order(placed, sound, confidences, fits)
        _warn_poor_fit(words)
        return words

    def _search(self, placed: Sequence[Placed], sound: Sound) -> list[float | None]:
        """Move the words to their exact times; return how well each fits, None if not found."""
        fits: dict[int, float] = {}
        if not self._models_available():
            return [None] * len(placed)
        runs = list(split_stretches(placed))
        position = {id(word): n for n, word in enumerate(placed)}
        free_from = 0.0
        while runs:
            run = runs.pop(0)
            rest = itertools.islice(placed, position[id(run[-1])] + 1, None)
            after = next((word for word in rest if word.in_sound), None)
            spans = self._find(run, sound, free_from, after)
            if spans is not None:
                for word, span in zip(run, spans, strict=True):
                    word.start_s, word.end_s = span.start_s, span.end_s
                    fits[id(word)] = span.fit
            elif len(run) > 1:
                # At the end of a cut, the last word may be incomplete.
                cut_off = len(run) > 2 and (not runs and run[-1].end_s > sound.duration_s - 0.5)
                runs[:0] = (run[:-1], run[-1:]) if cut_off else halve_in_gap(run)
                continue
            free_from = max(free_from, run[-1].end_s)
        return [fits.get(id(word)) for word in placed]

    def _find(
        self, run: Sequence[Placed], sound: Sound, free_from: float, after: Placed | None
    ) -> list[Span] | None:
        """Search one stretch; return the spans of written words, in seconds of the sound."""
        first_s = max(free_from, run[0].start_s - MARGIN_S, 0.0)
        last_s = run[-1].end_s + MARGIN_S
        if after is not None:
            last_s = min(last_s, max(after.start_s, run[-1].end_s))
        rate = sound.sample_rate
        piece = sound.samples[round(first_s * rate) : round(last_s * rate)]
        tokens = [token for word in run for token in word.spoken]
        token_spans = self._models.find(piece, tokens)
        if token_spans is None:
            return None
        spans, at = [], 0
        for word in run:
            own = token_spans[at : at + len(word.spoken)]
            at += len(own)
            frames = np.array([span.end_s - span.start_s for span in own])
            fit = float(np.average([span.fit for span in own], weights=frames))
            spans.append(Span(first_s + own[0].start_s, first_s + own[-1].end_s, fit))
        return spans

    def _models_available(self) -> bool:
        if self._models.available():
            return True
        if not self._warned:
            _log.warning(
                "PocketSphinx is not installed: word times are the recogniser's own, about 0.1 s "
                "off; run: pip install pocketsphinx"
            )
            self._warned = True
        return False


def _place_roughly(texts: Sequence[str], recognised: Sequence[Word], sound: Sound) -> list[Placed]:
    """Match the transcript to the recognised words, and interpolate the times in between."""
    placed = [Placed(text, spoken_form(text), math.nan, math.nan) for text in texts]
    owners = [n for n, word in enumerate(placed) for _ in word.spoken]
    parts = [
        (part, word, share)
        for word in recognised
        for part, share in _shares(spoken_form(word.text))
    ]
    tokens = [_plain(token) for word in placed for token in word.spoken]
    pairs = match(tokens, [_plain(part) for part, _, _ in parts])
    last = -1
    for position, (owner, pair) in enumerate(zip(owners, pairs, strict=True)):
        if pair is None:
            continue
        word = placed[owner]
        part, other, (begin, end) = parts[pair]
        start_s = other.start - sound.start_s + begin * (other.end - other.start)
        end_s = other.start - sound.start_s + end * (other.end - other.start)
        if math.isnan(word.start_s):
            word.start_s = start_s
            # Recognised words that the transcript lacks end the stretch.
            word.follows = pair - last <= 2
        word.end_s = end_s
        if tokens[position] == _plain(part) and other.confidence is not None:
            word.confidence = other.confidence
        last = pair
    _interpolate_times(placed, sound.duration_s)
    return placed


def _shares(parts: Sequence[str]) -> list[tuple[str, tuple[float, float]]]:
    """Divide a word's time among its spoken parts by their lengths."""
    edges = np.cumsum([0, *map(len, parts)]) / max(1, sum(map(len, parts)))
    return [(part, (float(edges[n]), float(edges[n + 1]))) for n, part in enumerate(parts)]


def _plain(token: str) -> str:
    return token.replace("'", "")


def _interpolate_times(placed: list[Placed], duration_s: float) -> None:
    """Divide the time between words with times among the words without."""
    at = 0
    while at < len(placed):
        if not math.isnan(placed[at].start_s):
            at += 1
            continue
        stop = at
        while stop < len(placed) and math.isnan(placed[stop].start_s):
            stop += 1
        begin_s = placed[at - 1].end_s if at else 0.0
        end_s = placed[stop].start_s if stop < len(placed) else duration_s
        end_s = max(end_s, begin_s)
        run = placed[at:stop]
        letters = [sum(map(len, word.spoken)) for word in run]
        slowest_s = SLOWEST_S * sum(letters)
        if at == 0:
            begin_s = max(begin_s, end_s - slowest_s) if stop < len(placed) else begin_s
        elif stop == len(placed):
            end_s = min(end_s, begin_s + slowest_s)
        room_s = end_s - begin_s
        edges = begin_s + room_s * np.cumsum([0, *letters]) / max(1, sum(letters))
        for word, begin, end in zip(run, edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            word.start_s, word.end_s = begin, end
            word.in_sound = room_s >= FASTEST_S * sum(letters)
        at = stop


def _in_order(
    placed: Sequence[Placed],
    sound: Sound,
    confidences: Sequence[float | None],
    fits: Sequence[float | None],
) -> tuple[Word, ...]:
    """Clip to the sound and remove overlaps; aligned words win over approximate ones."""
    bounds = _upper_bounds(placed, fits, sound.duration_s)
    words: list[Word] = []
    last_s = 0.0
    for word, confidence, bound_s in zip(placed, confidences, bounds, strict=True):
        start_s = min(max(word.start_s, last_s), bound_s)
        end_s = min(max(word.end_s, start_s), bound_s)
        words.append(Word(word.text, sound.start_s + start_s, sound.start_s + end_s, confidence))
        last_s = end_s
    return tuple(words)


def _upper_bounds(
    placed: Sequence[Placed], fits: Sequence[float | None], duration_s: float
) -> NDArray[np.float64]:
    """Return for each word the start of the next word that was aligned."""
    starts = [
        duration_s if fit is None else min(word.start_s, duration_s)
        for word, fit in zip(placed, fits, strict=True)
    ]
    after = np.array([*starts, duration_s][1:])
    return np.minimum.accumulate(after[::-1])[::-1]


def _warn_poor_fit(words: Sequence[Word]) -> None:
    fitting = sum((word.confidence or 0.0) >= MIN_FIT for word in words)
    if words and fitting < DOUBTFUL_SHARE * len(words):
        _log.warning(
            "the transcript hardly fits the sound (%d of %d words do): is it of this recording, "
            "and English? The times of the others are guesses",
            fitting,
            len(words),
        )
