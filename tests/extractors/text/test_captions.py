"""Captions as people and programs write them: every word, and nothing that is no word."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extractors.text.transcripts import read_transcript
from mmemo.errors import TranscriptError

CUES = (
    (0.5, 1.5, ("Hello there.",)),
    (1.6, 2.5, ("Second line", "of it.")),
    (3.0, 4.0, ("And 7",)),
    (4.0, 5.0, ("more.",)),
)
WORDS = "Hello there. Second line of it. And 7 more.".split()


def clock(time_s, mark=","):
    return f"00:{int(time_s // 60):02}:{time_s % 60:06.3f}".replace(".", mark)


def srt(cues=CUES, *, before=0, inside=0, arrow=" --> ", numbers=True, mark=",", apart=0, gap=1):
    """Write SubRip with blank lines before and inside texts, and after numbers."""
    lines = []
    for number, (start, end, text) in enumerate(cues, 1):
        lines += [str(number), *[""] * apart] if numbers else []
        lines += [f"{clock(start, mark)}{arrow}{clock(end, mark)}", *[""] * before]
        for at, line in enumerate(text):
            lines += [*([""] * inside if at else []), line]
        lines += [""] * gap
    return "\n".join(lines) + "\n"


def words_of(folder, text, name="a.srt", **more):
    path = folder / name
    path.write_bytes(text.encode())
    words = read_transcript(path, **more)
    assert words is None or [w.start for w in words] == sorted(w.start for w in words)
    return None if words is None else [word.text for word in words]


line_ends = st.sampled_from(["\n", "\r\n", "\r", "\r\r\n", "\n\n"])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, 2),
    st.integers(0, 2),
    st.sampled_from([" --> ", "-->", " -->", "\t-->  ", "--> "]),
    st.sampled_from([",", "."]),
    st.integers(1, 3),
    line_ends,
)
def test_every_loose_way_to_write_has_the_same_words(
    tmp_path, before, inside, arrow, mark, gap, end
):
    text = srt(before=before, inside=inside, arrow=arrow, mark=mark, gap=gap)
    assert words_of(tmp_path, text.replace("\n", end)) == WORDS
    vtt = "WEBVTT\n\n" + srt(before=before, inside=inside, mark=".", numbers=False, gap=gap)
    assert words_of(tmp_path, vtt.replace("\n", end), "a.vtt") == WORDS


@pytest.mark.parametrize("apart", [0, 1])
@pytest.mark.parametrize("gap", [0, 1, 2])
def test_numbers_are_no_words(tmp_path, apart, gap):
    assert words_of(tmp_path, srt(apart=apart, gap=gap)) == WORDS


@pytest.mark.parametrize("order", [*itertools.permutations(range(4))])
def test_cues_may_come_in_any_order(tmp_path, order):
    assert words_of(tmp_path, srt([CUES[at] for at in order])) == WORDS


def test_times_may_lack_milliseconds(tmp_path):
    text = "1\n00:00:00 --> 00:00:01\nOne.\n\n2\n0:01 --> 0:02.5\nTwo.\n"
    assert words_of(tmp_path, text) == ["One.", "Two."]


@pytest.mark.parametrize("bad", ["00:00:5x --> 00:00:06,000", "00:61:00,000 --> 00:62:00,000"])
def test_one_unreadable_time_costs_one_cue_and_is_counted(tmp_path, bad, caplog):
    text = srt() + f"5\n{bad}\nlost\n\n6\n00:00:07,000 --> 00:00:08,000\nlast\n"
    assert words_of(tmp_path, text) == [*WORDS, "last"]
    assert "skipped 1 of 6 entries (line 19: expected times such as" in caplog.text


@pytest.mark.parametrize("text", ["", "[music]", "-", "\u266a la la \u266a"])
def test_timings_without_words_are_no_transcript(tmp_path, text, caplog):
    assert words_of(tmp_path, srt([(0, 1, (text,)), (1, 2, (text,))])) is None
    assert "have no words; it is not used" in caplog.text


LABELLED = [
    ("JOHN: Hello there. (laughs)", "Hello there."),
    ("DR. O'NEIL 2: Hello.", "Hello."),
    ("MAN (on phone): Hello.", "Hello."),
    ("- One.\n- [door slams] Two.", "One. Two."),
    ("-One.\n\u2013Two.", "One. Two."),
    (">> One.\n>>> ANN: Two.", "One. Two."),
    ("<i>ANN: One</i> <v Ann>two", "One two"),
    ("[a long\nsound] One", "One"),
    ("\u266a la la\nla la \u266a One", "One"),
    ("# la la #\nOne", "One"),
    ("Listen: I am number #1 at 10:30", "Listen: I am number #1 at 10:30"),
    ("well-known - a", "well-known a"),
]


@pytest.mark.parametrize(("text", "words"), LABELLED)
def test_names_and_sounds_are_no_words(tmp_path, text, words):
    cues = [(0, 1, text.split("\n")), (2, 3, ("Last.",))]
    assert words_of(tmp_path, srt(cues)) == [*words.split(), "Last."]


def test_a_name_in_small_letters_begins_several_lines(tmp_path):
    twice = [(0, 1, ("Ann: One.",)), (1, 2, ("Bob Ross: Two.",)), (2, 3, ("Ann: Yes: no.",))]
    assert words_of(tmp_path, srt(twice)) == ["One.", "Bob", "Ross:", "Two.", "Yes:", "no."]


SENTENCE = "I never thought that this would work but look at it now".split()


def rolling_lines(size, flash_s):
    """Show two lines at a time: the last one again, then a new one, as yt-dlp writes them."""
    lines = [" ".join(SENTENCE[at : at + size]) for at in range(0, len(SENTENCE), size)]
    cues, shown = [], ""
    for number, line in enumerate(lines):
        start = 2.0 * number
        cues.append((start, start + 2 - flash_s, (shown, line) if shown else (line,)))
        if flash_s:
            cues.append((start + 2 - flash_s, start + 2, (line,)))
        shown = line
    return cues


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("flash_s", [0.0, 0.01])
@pytest.mark.parametrize("name", ["a.srt", "a.vtt"])
def test_rolling_lines_count_once(tmp_path, size, flash_s, name):
    text = srt(rolling_lines(size, flash_s), mark="." if name == "a.vtt" else ",")
    assert words_of(tmp_path, "WEBVTT\n\n" * (name == "a.vtt") + text, name) == SENTENCE


def test_a_line_that_grows_counts_once(tmp_path):
    cues = [(n, n + 1, (" ".join(SENTENCE[: n + 1]),)) for n in range(len(SENTENCE))]
    assert words_of(tmp_path, srt(cues)) == SENTENCE


@pytest.mark.parametrize("mark", ["<u>{}</u>", "<b>{}</b>", '<font color="red">{}</font>'])
def test_a_mark_that_moves_through_a_line_counts_it_once(tmp_path, mark):
    cues = []
    for number in range(len(SENTENCE)):
        line = [mark.format(w) if at == number else w for at, w in enumerate(SENTENCE)]
        cues.append((number, number + 0.9, (" ".join(line),)))
        cues.append((number + 0.9, number + 1, (" ".join(SENTENCE),)))
    assert words_of(tmp_path, srt(cues)) == SENTENCE


@pytest.mark.parametrize("remark", ["No.", "Come on.", "Yes, yes, yes."])
@pytest.mark.parametrize("times", [2, 3, 5])
def test_what_people_repeat_remains(tmp_path, remark, times):
    cues = [(n, n + 1, (remark,)) for n in range(times)]
    assert words_of(tmp_path, srt(cues)) == remark.split() * times


starts = st.lists(st.integers(0, 40), min_size=2, max_size=6)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(starts, st.data())
def test_overlapping_cues_keep_their_words_together(tmp_path, starts, data):
    cues = []
    for number, start in enumerate(sorted(starts)):
        n_words = data.draw(st.integers(2, 5))
        end = start / 10 + data.draw(st.integers(1, 60)) / 10
        cues.append((start / 10, end, (" ".join(f"w{number}x{at}" for at in range(n_words)),)))
    expected = [word for _, _, (line,) in cues for word in line.split()]
    assert words_of(tmp_path, srt(cues)) == expected


def test_webvtt_comments_and_styles_are_no_words(tmp_path):
    text = (
        "WEBVTT - title\n\nSTYLE\n::cue { color: red }\n\nNOTE one\ntwo\n\n"
        "id1\n00:00.500 --> 00:01.500 line:0\nHello\n\nNOTE x --> y\nmore\n\n"
        "name of a cue\n00:01.600 --> 00:02.500\nthere\n\nNOTE last"
    )
    assert words_of(tmp_path, text, "a.vtt") == ["Hello", "there"]


def test_only_unreadable_cues_are_refused(tmp_path):
    with pytest.raises(TranscriptError, match="line 2: expected times such as"):
        words_of(tmp_path, "1\n00:00:0x,000 --> 00:00:01,000\nOne\n")
