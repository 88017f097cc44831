"""Utterances: every word once, in order, never cut; lengths as intended wherever possible."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.text.pauses import SHORTEST_S, with_pauses, without_pauses
from extractors.text.utterances import (
    MERGE_GAP_S,
    Utterance,
    split_utterances,
    unread_utterances,
)
from mmemo.errors import ClipError, ConfigError, TranscriptError
from mmemo.features import Unread, Word

TEXTS = st.sampled_from(["so", "I", "think", "this", "works.", "Really?", "Dr.", "no!", "wait..."])


@st.composite
def transcripts(draw: st.DrawFn, overlaps: bool = False) -> list[Word]:
    lowest_gap = -0.3 if overlaps else 0.0
    words: list[Word] = []
    end = 0.0
    for _ in range(draw(st.integers(0, 60))):
        gap = draw(st.floats(lowest_gap, 3.0) | st.sampled_from([0.0, 0.05, 0.6]))
        earliest = words[-1].start if words else 0.0
        start = max(earliest, end + gap)
        end = start + draw(st.floats(0.0, 1.2) | st.just(0.0))
        words.append(Word(draw(TEXTS), start, end, draw(st.none() | st.floats(0, 1))))
    return words


def duration_of(words: list[Word]) -> float:
    return max((word.end for word in words), default=0.0) + 1.0


def steady(n: int, length: float = 0.3, gap: float = 0.1, text: str = "word") -> list[Word]:
    return [Word(text, i * (length + gap), i * (length + gap) + length) for i in range(n)]


def numbered_lengths(utterances: list[Utterance]) -> list[int]:
    return [len(utterance.words) for utterance in utterances]


@given(words=transcripts(overlaps=True), max_s=st.floats(1.0, 20.0), share=st.floats(0, 1))
def test_every_word_comes_once_in_order_and_whole(
    words: list[Word], max_s: float, share: float
) -> None:
    utterances = split_utterances(words, duration_of(words), min_s=share * max_s, max_s=max_s)
    result = [word for utterance in utterances for word in utterance.words]
    assert [(word.text, word.confidence) for word in result] == [
        (word.text, word.confidence) for word in words
    ]
    moved = [
        (utterance.start + word.start, utterance.start + word.end)
        for utterance in utterances
        for word in utterance.words
    ]
    assert moved == [
        (pytest.approx(word.start, abs=1e-9), pytest.approx(word.end, abs=1e-9)) for word in words
    ]
    for utterance in utterances:
        for word in utterance.words:
            assert 0 <= word.start <= word.end <= utterance.end - utterance.start + 1e-9


@given(words=transcripts(overlaps=True))
def test_utterances_lie_in_order_without_overlap_and_inside_the_recording(
    words: list[Word],
) -> None:
    duration_s = duration_of(words)
    utterances = split_utterances(words, duration_s)
    for before, after in itertools.pairwise(utterances):
        assert before.end <= after.start + 1e-9
    for utterance in utterances:
        assert -1e-9 <= utterance.start <= utterance.end <= duration_s + 1e-9


@given(words=transcripts(), max_s=st.floats(1.5, 20.0))
def test_none_is_too_long_when_there_is_a_gap_to_cut_in(words: list[Word], max_s: float) -> None:
    for utterance in split_utterances(words, duration_of(words), min_s=1.0, max_s=max_s):
        assert utterance.end - utterance.start <= max_s + 1e-9


@given(words=transcripts())
def test_none_is_too_short_while_it_could_join_a_neighbour_or_silence(words: list[Word]) -> None:
    min_s, max_s = 2.0, 15.0
    utterances = split_utterances(words, duration_of(words), min_s=min_s, max_s=max_s)
    for i, short in enumerate(utterances):
        if short.end - short.start >= min_s - 1e-9 or not short.words:
            continue
        spoken = (short.start + short.words[0].start, short.start + max(w.end for w in short.words))
        for j in (i - 1, i + 1):
            if not 0 <= j < len(utterances):
                continue
            other = utterances[j]
            ends = (
                other.start + other.words[0].start,
                other.start + max(w.end for w in other.words),
            )
            gap = max(spoken[0] - ends[1], ends[0] - spoken[1])
            together = max(ends[1], spoken[1]) - min(ends[0], spoken[0])
            assert gap > MERGE_GAP_S - 1e-9 or together > max_s - 1e-9


@settings(max_examples=50)
@given(
    duration_s=st.floats(0.0, 500.0), max_s=st.floats(0.5, 30.0), wordless_s=st.floats(0.5, 30.0)
)
def test_without_words_equal_windows_cover_everything(
    duration_s: float, max_s: float, wordless_s: float
) -> None:
    windows = split_utterances([], duration_s, min_s=0.0, max_s=max_s, wordless_s=wordless_s)
    max_s = min(max_s, wordless_s)
    lengths = [window.end - window.start for window in windows]
    assert sum(lengths) == pytest.approx(duration_s)
    assert len(windows) == math.ceil(duration_s / max_s)
    assert all(length <= max_s + 1e-9 for length in lengths)
    assert not lengths or max(lengths) - min(lengths) < 1e-6
    assert all(window.words == () for window in windows)


def test_cuts_after_sentences() -> None:
    words = steady(20)
    words[9] = Word("done.", words[9].start, words[9].end)
    assert numbered_lengths(split_utterances(words, 8.0)) == [10, 10]


@pytest.mark.parametrize("text", ["done.", "done?", "done!", "done…", 'done."', "done.)"])
def test_sentences_end_before_quotes(text: str) -> None:
    words = steady(20)
    words[9] = Word(text, words[9].start, words[9].end)
    assert len(split_utterances(words, 8.0)) == 2


@pytest.mark.parametrize("text", ["Dr.", "J.", "e.g.", "vs.", "3.5", "o'clock"])
def test_abbreviations_and_numbers_end_no_sentence(text: str) -> None:
    words = steady(20)
    words[9] = Word(text, words[9].start, words[9].end)
    assert len(split_utterances(words, 8.0)) == 1


def test_cuts_in_pauses() -> None:
    first = steady(10)
    second = [Word(w.text, w.start + 4.6, w.end + 4.6) for w in first]
    assert first[-1].end + 0.5 < second[0].start
    assert numbered_lengths(split_utterances(first + second, 9.0)) == [10, 10]
    assert len(split_utterances(first + second, 9.0, pause_s=1.0)) == 1


def test_a_stretch_that_is_too_long_is_cut_in_its_longest_pause() -> None:
    words = [
        Word("word", start + (0.3 if start > 7 else 0), start + 0.3 + (0.3 if start > 7 else 0))
        for start in (i * 0.4 for i in range(45))
    ]
    gaps = [after.start - before.end for before, after in itertools.pairwise(words)]
    longest = gaps.index(max(gaps)) + 1
    assert numbered_lengths(split_utterances(words, 19.0)) == [longest, 45 - longest]


def test_speech_without_any_pause_is_halved() -> None:
    words = [Word("word", i * 0.5, (i + 1) * 0.5) for i in range(40)]
    assert numbered_lengths(split_utterances(words, 20.0)) == [20, 20]


def test_a_short_piece_joins_the_nearer_neighbour() -> None:
    before, after = steady(10), steady(10)
    word = Word("yes.", 4.5, 4.8)
    shifted = [Word(w.text, w.start + 5.6, w.end + 5.6) for w in after]
    utterances = split_utterances([*before, word, *shifted], 10.0)
    assert numbered_lengths(utterances) == [11, 10]


def test_a_lone_remark_is_extended_into_the_silence() -> None:
    [utterance] = split_utterances([Word("yes.", 10.0, 10.4)], 30.0)
    assert utterance.end - utterance.start == pytest.approx(2.0)
    assert (utterance.start + utterance.end) / 2 == pytest.approx(10.2)
    [at_start] = split_utterances([Word("yes.", 0.1, 0.4)], 30.0)
    assert (at_start.start, at_start.end) == (0.0, pytest.approx(2.0))


def test_words_that_overlap_are_never_cut_apart() -> None:
    words = [Word("long", 0.0, 20.0), Word("inside.", 1.0, 2.0), Word("edge", 19.0, 21.0)]
    [utterance] = split_utterances(words, 21.0)
    assert (utterance.start, utterance.end) == (0.0, 21.0)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"min_s": 5.0, "max_s": 4.0}, ConfigError),
        ({"max_s": 0.0, "min_s": 0.0}, ConfigError),
        ({"pause_s": 0.0}, ConfigError),
        ({"duration_s": -1.0}, ClipError),
        ({"duration_s": math.nan}, ClipError),
        ({"words": [Word("b", 2.0, 2.1), Word("a", 1.0, 1.1)]}, TranscriptError),
    ],
)
def test_refuses_senseless_arguments(options: dict, error: type[Exception]) -> None:
    with pytest.raises(error, match="expected"):
        split_utterances(**{"words": [], "duration_s": 5.0, **options})


def test_cuts_at_camera_cuts_between_words() -> None:
    words = steady(20)
    assert numbered_lengths(split_utterances(words, 8.0, cuts=[4.0])) == [10, 10]
    # A little early or late still counts as between the words.
    for late_s in (-0.15, 0.1):
        assert numbered_lengths(split_utterances(words, 8.0, cuts=[4.0 + late_s])) == [10, 10]
    assert len(split_utterances(words, 8.0, cuts=[0.0, 7.9])) == 1


@settings(max_examples=50)
@given(words=transcripts(), cuts=st.lists(st.floats(0, 60), max_size=20).map(sorted))
def test_cuts_lose_no_word_and_make_none_too_long(words: list[Word], cuts: list[float]) -> None:
    utterances = split_utterances(words, duration_of(words), cuts=cuts)
    assert [w.text for u in utterances for w in u.words] == [w.text for w in words]
    for before, after in itertools.pairwise(utterances):
        assert before.end <= after.start + 1e-9
    assert all(u.end - u.start <= 15 + 1e-9 for u in utterances)


@given(cuts=st.lists(st.floats(0, 60), max_size=20).map(sorted))
def test_without_words_shots_have_windows_of_their_own(cuts: list[float]) -> None:
    windows = split_utterances([], 60.0, cuts=cuts)
    assert windows[0].start == 0
    assert windows[-1].end == 60
    for before, after in itertools.pairwise(windows):
        assert before.end == after.start
    assert all(w.end - w.start <= 15 + 1e-9 for w in windows)
    assert min(w.end - w.start for w in windows) >= 2 - 1e-9


def test_a_short_piece_rather_joins_its_own_shot() -> None:
    words = [
        *steady(8),
        Word("yes", 3.5, 3.8),
        *(Word("w", 4.5 + i / 2, 4.9 + i / 2) for i in range(8)),
    ]
    joined = split_utterances(words, 9.0, pause_s=0.35, cuts=[3.3])
    assert numbered_lengths(joined) == [8, 9]
    assert numbered_lengths(split_utterances(words, 9.0, pause_s=0.35)) == [9, 8]


@settings(max_examples=50)
@given(words=transcripts())
def test_marked_pauses_change_no_border(words: list[Word]) -> None:
    duration_s = duration_of(words)
    plain = split_utterances(words, duration_s)
    marked = split_utterances(with_pauses(words, duration_s), duration_s)
    assert [(u.start, u.end) for u in marked] == [(u.start, u.end) for u in plain]
    assert [without_pauses(u.words) for u in marked] == [u.words for u in plain]
    for utterance in marked:
        starts = [word.start for word in utterance.words]
        assert starts == sorted(starts)
        assert all(
            0 <= w.start and w.end <= utterance.end - utterance.start + 1e-9
            for w in utterance.words
        )


@settings(max_examples=50)
@given(words=transcripts(overlaps=True), rest_s=st.floats(0, 3))
def test_pauses_fill_the_gaps_and_touch_no_word(words: list[Word], rest_s: float) -> None:
    end_s = max((word.end for word in words), default=0.0) + rest_s
    marked = with_pauses(words, end_s)
    assert list(without_pauses(marked)) == words
    assert with_pauses(marked, end_s) == marked
    for pause in set(marked) - set(words):
        assert (pause.text, pause.confidence) == ("sp", None)
        assert pause.end - pause.start >= SHORTEST_S
        assert all(word.end <= pause.start or word.start >= pause.end for word in words)


@given(
    words=transcripts(),
    borders=st.lists(st.floats(0, 60), min_size=2, max_size=8, unique=True).map(sorted),
)
def test_what_is_not_read_between_utterances_has_its_own(words, borders):
    duration_s = max(duration_of(words), 60.0)
    unread = [Unread(a, b, "laughter") for a, b in itertools.pairwise(borders)][::2]
    spoken = split_utterances(words, duration_s) if without_pauses(words) else []
    added = unread_utterances(spoken, unread)
    for utterance in added:
        assert utterance.words == ()
        assert 0.5 - 1e-9 <= utterance.end - utterance.start <= 5.0 + 1e-9
        assert all(
            u.end <= utterance.start + 1e-9 or u.start >= utterance.end - 1e-9 for u in spoken
        )
        assert any(part.start <= utterance.start + 1e-9 for part in unread)
    every = sorted([*spoken, *added], key=lambda u: u.start)
    for part in unread:
        inside = [(max(u.start, part.start), min(u.end, part.end)) for u in every]
        inside = [(a, b) for a, b in inside if b > a]
        edges = [part.start, *(time for pair in inside for time in pair), part.end]
        gaps = [b - a for a, b in zip(edges[::2], edges[1::2], strict=True)]
        assert all(gap < 0.5 + 1e-9 for gap in gaps), "a stretch that no utterance covers"
