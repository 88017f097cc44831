"""Transcripts: the same words from every format, and one clear line for each error."""

import csv
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extractors.text.transcripts import (
    SUFFIXES,
    encoding,
    find_transcript,
    read_transcript,
    read_untimed,
)
from extractors.text.transcripts.english import reason_not_english
from mmemo.errors import TranscriptError
from mmemo.features import Word

WORDS = (Word("Well,", 0.25, 0.5), Word("it's", 0.5, 1.0), Word("great!", 1.25, 2.0))


def clock(time_s: float, comma: str) -> str:
    return f"{int(time_s // 3600):02}:{int(time_s // 60 % 60):02}:{time_s % 60:06.3f}".replace(
        ".", comma
    )


def as_json(words: tuple[Word, ...]) -> str:
    return json.dumps([{"text": w.text, "start": w.start, "end": w.end} for w in words])


def as_words_json(words: tuple[Word, ...]) -> str:
    return json.dumps({"words": [{"word": w.text, "start": w.start, "end": w.end} for w in words]})


def as_segments_json(words: tuple[Word, ...]) -> str:
    parts = [{"text": w.text, "words": json.loads(as_json((w,)))} for w in words]
    return json.dumps({"text": "all of it", "segments": parts, "language": "en"})


def as_vtt(words: tuple[Word, ...]) -> str:
    cues = [f"{clock(w.start, '.')} --> {clock(w.end, '.')} align:left\n{w.text}\n" for w in words]
    return "\n".join(["WEBVTT - words\n\nNOTE nothing\n", *cues])


def as_srt(words: tuple[Word, ...]) -> str:
    cues = [
        f"{n}\r\n{clock(w.start, ',')} --> {clock(w.end, ',')}\r\n<i>{w.text}</i>\r\n\r\n"
        for n, w in enumerate(words, 1)
    ]
    return "".join(cues)


def intervals(words: tuple[Word, ...]) -> list[tuple[float, float, str]]:
    """Words and the silences between them."""
    labelled, last = [], 0.0
    for word in words:
        if word.start > last:
            labelled.append((last, word.start, ""))
        labelled.append((word.start, word.end, word.text.replace('"', '""')))
        last = word.end
    return [*labelled, (last, last + 1, "sil")]


def as_long_textgrid(words: tuple[Word, ...]) -> str:
    def tier(number: int, name: str, rows: list[tuple[float, float, str]]) -> str:
        body = "".join(
            f"        intervals [{n}]:\n            xmin = {a} \n            xmax = {b} \n"
            f'            text = "{text}" \n'
            for n, (a, b, text) in enumerate(rows, 1)
        )
        return (
            f'    item [{number}]:\n        class = "IntervalTier" \n        name = "{name}" \n'
            f"        xmin = 0 \n        xmax = 9 \n        intervals: size = {len(rows)} \n{body}"
        )

    return (
        'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0 \nxmax = 9 \n'
        "tiers? <exists> \nsize = 2 \nitem []: \n"
        + tier(1, "phones", [(0, 9, "AH0")])
        + tier(2, "words", intervals(words))
    )


def as_short_textgrid(words: tuple[Word, ...]) -> str:
    rows = intervals(words)
    body = "".join(f'{a}\n{b}\n"{text}"\n' for a, b, text in rows)
    return (
        '"ooTextFile"\n"TextGrid"\n0\n9\n<exists>\n2\n"TextTier"\n"notes"\n0\n9\n1\n0.5\n"!"\n'
        f'"IntervalTier"\n"Words"\n0\n9\n{len(rows)}\n{body}'
    )


FORMATS = [
    ("clip.json", as_json),
    ("clip.words.json", as_words_json),
    ("clip.json", as_segments_json),
    ("clip.vtt", as_vtt),
    ("clip.srt", as_srt),
    ("clip.TextGrid", as_long_textgrid),
    ("clip.TextGrid", as_short_textgrid),
]


def read(folder: Path, name: str, text: str | bytes) -> tuple[Word, ...]:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_transcript(path)


def briefly(words: tuple[Word, ...]) -> list[tuple[str, float, float]]:
    return [(w.text, round(w.start, 3), round(w.end, 3)) for w in words]


@pytest.mark.parametrize(("name", "write"), FORMATS)
def test_every_format_gives_the_same_words(tmp_path, name, write):
    assert read(tmp_path, name, write(WORDS)) == WORDS


MILLISECONDS = st.integers(0, 20_000_000)
SPOKEN = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=8)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from(FORMATS),
    st.lists(MILLISECONDS, min_size=0, max_size=12, unique=True).map(sorted),
    st.data(),
)
def test_any_words_are_read_back(tmp_path, form, edges, data):
    words = tuple(
        Word(data.draw(SPOKEN), start / 1000, end / 1000)
        for start, end in zip(edges[::2], edges[1::2], strict=False)
    )
    name, write = form
    if name.endswith("Grid"):
        words = tuple(w for w in words if w.text.lower() not in ("sil", "spn"))
    assert briefly(read(tmp_path, name, write(words))) == briefly(words)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize(("name", "write"), FORMATS)
def test_encodings_with_a_mark_and_utf_8(tmp_path, name, write, encoding):
    words = (Word("naïve", 0.5, 1.0), Word("日本", 1.0, 1.5))
    assert read(tmp_path, name, write(words).encode(encoding)) == words


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(("name", "write"), FORMATS)
def test_utf_16_needs_no_mark(tmp_path, name, write, encoding):
    assert read(tmp_path, name, write(WORDS).encode(encoding)) == WORDS


@pytest.mark.parametrize(("name", "write"), FORMATS)
def test_windows_1252_is_read_and_named(tmp_path, name, write, caplog):
    words = (Word("it\u2019s", 0.5, 1.0), Word("caf\xe9", 1.0, 1.5))
    text = write(words).replace("\\u2019", "\u2019").replace("\\u00e9", "\xe9")
    assert read(tmp_path, name, text.encode("cp1252")) == words
    assert "Windows-1252" in caplog.text
    assert name in caplog.text


@pytest.mark.parametrize(
    "foreign",
    [
        pytest.param(
            "\u044f \u043d\u0435 \u0437\u043d\u0430\u044e".encode("cp1251"), id="Cyrillic"
        ),
        pytest.param("\u65e5\u672c\u8a9e\u306e\u5b57\u5e55".encode("shift-jis"), id="Japanese"),
        pytest.param(b"caf\xe9 \x02\x03", id="control characters"),
    ],
)
def test_other_encodings_are_refused_with_the_line(tmp_path, foreign):
    with pytest.raises(TranscriptError, match=r"a\.srt, line 3: expected UTF-8 text"):
        read(tmp_path, "a.srt", b"1\n00:00:01,000 --> 00:00:02,000\n" + 9 * foreign)


def test_a_caption_divides_its_time_by_the_words_lengths(tmp_path):
    words = read(tmp_path, "a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\na bcd\nefgh -\n")
    assert briefly(words) == [("a", 1.0, 1.125), ("bcd", 1.125, 1.5), ("efgh", 1.5, 2.0)]


def test_times_inside_a_caption_are_used(tmp_path):
    cue = "one<00:00:01.500><c> two</c><00:00:02.750> three"
    words = read(tmp_path, "a.vtt", f"WEBVTT\n\n00:00:01.000 --> 00:00:03.000\n{cue}\n")
    assert briefly(words) == [("one", 1.0, 1.5), ("two", 1.5, 2.75), ("three", 2.75, 3.0)]


def test_rolling_captions_count_each_line_once(tmp_path):
    rolling = (
        "WEBVTT\nKind: captions\n\n"
        "00:00:00.000 --> 00:00:02.000  align:start\n \nso<00:00:01.000><c> then</c>\n\n"
        "00:00:02.000 --> 00:00:02.010  align:start\nso then\n \n\n"
        "00:00:02.010 --> 00:00:04.000  align:start\nso then\nwe<00:00:03.000><c> left</c>\n"
    )
    assert [w.text for w in read(tmp_path, "a.vtt", rolling)] == ["so", "then", "we", "left"]
    # Two people who say the same are no rolling captions.
    twice = "1\n00:00:00,000 --> 00:00:01,000\nYes.\n\n2\n00:00:01,000 --> 00:00:02,000\nYes.\n"
    assert [w.text for w in read(tmp_path, "a.srt", twice)] == ["Yes.", "Yes."]


def test_markup_and_sounds_are_not_words(tmp_path):
    text = "{\\an8}<v Ann>Tom &amp; I</v> [door slams] \u266a - <b>left</b>"
    words = read(tmp_path, "a.srt", f"1\n00:00:00,000 --> 00:00:01,000\n{text}\n")
    assert [w.text for w in words] == ["Tom", "I", "left"]


def test_captions_without_empty_lines_between(tmp_path):
    text = "1\n00:00:00,000 --> 00:00:01,000\nOne.\n2\n00:00:01,000 --> 00:00:02,000\nTwo.\n"
    assert [w.text for w in read(tmp_path, "a.srt", text)] == ["One.", "Two."]


def test_captions_of_two_people_may_overlap(tmp_path):
    text = "1\n00:00:00,000 --> 00:00:04,000\na b\n\n2\n00:00:01,000 --> 00:00:02,000\nc\n"
    words = read(tmp_path, "a.srt", text)
    assert [w.text for w in words] == ["a", "b", "c"]


def test_p2fa_pauses_remain(tmp_path):
    words = (Word("sp", 0.0, 0.5), Word("so", 0.5, 1.0), Word("sp", 1.0, 1.5))
    assert read(tmp_path, "a.TextGrid", as_short_textgrid(words)) == words


def test_an_only_tier_may_have_any_name(tmp_path):
    text = as_short_textgrid(WORDS).replace("Words", "speech")
    assert read(tmp_path, "a.TextGrid", text) == WORDS


def as_tiers(
    tiers: list[tuple[str, list[tuple[float, float, str]]]], kind: str = "ooTextFile"
) -> str:
    body = "".join(
        f'"IntervalTier"\n"{name}"\n0\n9\n{len(rows)}\n'
        + "".join(f'{a}\n{b}\n"{text}"\n' for a, b, text in rows)
        for name, rows in tiers
    )
    return f'File type = "{kind}"\n"TextGrid"\n\n0\n9\n<exists>\n{len(tiers)}\n{body}'


PHONES = [(0.0, 1.0, "HH"), (1.0, 2.0, "AH0"), (2.0, 3.0, "L")]


@pytest.mark.parametrize("kind", ["ooTextFile", "ooTextFile short"])
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["words"], 1),
        (["Ann - words", "Bob - words"], 2),
        (["words", "words"], 2),
        (["ORT-MAU"], 1),
        (["Transcription A", "Transcription B"], 2),
        (["speaker"], 1),
    ],
)
def test_each_tier_of_words_is_a_speaker_and_phones_are_no_words(tmp_path, kind, names, expected):
    rows = [(w.start, w.end, w.text) for w in WORDS]
    tiers = [("phones", PHONES), *((name, rows) for name in names), ("x", PHONES), ("empty", [])]
    words = read(tmp_path, "a.TextGrid", as_tiers(tiers, kind))
    assert sorted(briefly(words)) == sorted(briefly(WORDS) * expected)


@pytest.mark.parametrize("name", ["phones", "phone", "x", "MAU", "segments"])
def test_only_phones_are_refused(tmp_path, name):
    with pytest.raises(TranscriptError, match="expected an interval tier of words"):
        read(tmp_path, "a.TextGrid", as_tiers([(name, PHONES)]))


def test_several_tiers_of_unknown_content_are_refused_by_name(tmp_path):
    rows = [(0.0, 1.0, "left hand")]
    with pytest.raises(TranscriptError, match="got 'gesture', 'gaze'"):
        read(tmp_path, "a.TextGrid", as_tiers([("gesture", rows), ("gaze", rows)]))


def test_words_without_times_share_the_gap_in_which_they_stand(tmp_path):
    texts = [{"word": "In"}, {"word": "may", "start": 1, "end": 2}, {"word": "20"}, {"word": "14"}]
    segment = {"start": 0.5, "end": 4, "text": "In may 20 14", "words": texts}
    words = read(tmp_path, "a.json", json.dumps({"segments": [segment]}))
    assert briefly(words) == [("In", 0.5, 1), ("may", 1, 2), ("20", 2, 3), ("14", 3, 4)]
    words = read(tmp_path, "a.json", json.dumps({"segments": [{"words": texts}]}))
    assert briefly(words) == [("In", 1, 1), ("may", 1, 2), ("20", 2, 2), ("14", 2, 2)]
    with pytest.raises(TranscriptError, match='entry 1, word 1: expected "start" in seconds'):
        read(tmp_path, "a.json", json.dumps({"segments": [{"words": texts[:1]}]}))


def test_confidences_of_several_recognisers(tmp_path):
    entries = [
        {"word": " one", "start": 0, "end": 1, "probability": 0.5},
        {"text": "two", "start": 1, "end": 2, "confidence": 0.25, "score": None},
        {"word": "three", "start": 2, "end": 3, "score": 1},
        {"word": "four", "start": 3, "end": 4},
    ]
    words = read(tmp_path, "a.json", json.dumps({"segments": [{"words": entries}]}))
    assert [w.confidence for w in words] == [0.5, 0.25, 1.0, None]
    assert words[0].text == "one"


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.json", "[]"), ("a.json", '{"words": []}'), ("a.srt", "\n"), ("a.vtt", "WEBVTT\n")],
)
def test_no_words_are_no_error(tmp_path, name, text):
    assert read(tmp_path, name, text) == ()


WORD_ERRORS = [
    ('{"text": "a", "start": 1, "end": 0.5}', "expected an end after its start"),
    ('{"text": "a", "start": -1, "end": 0.5}', "expected times from 0"),
    ('{"text": "a", "start": 0, "end": NaN}', "expected finite times"),
    ('{"text": "a", "start": 1e400, "end": 1e400}', "expected finite times"),
    ('{"text": "a", "start": 0, "end": 1e9}', "expected times from 0"),
    ('{"text": "a", "start": 0, "end": ' + "9" * 400 + "}", "expected finite times"),
    ('{"text": "a", "start": "x", "end": 1}', "expected \"start\" in seconds, a number; got 'x'"),
    ('{"text": "a", "start": true, "end": 1}', 'expected "start" in seconds'),
    ('{"text": "a", "start": 0}', 'expected "end" in seconds, a number; got None'),
    ('{"text": 3, "start": 0, "end": 1}', 'expected "text" or "word"'),
    ('{"start": 0, "end": 1}', 'expected "text" or "word"'),
    ("3", "expected an object"),
]


@pytest.mark.parametrize(("entry", "reason"), WORD_ERRORS)
def test_a_senseless_word_is_skipped_and_named(tmp_path, entry, reason, caplog):
    first = '{"text": "fine", "start": 0, "end": 0}'
    words = read(tmp_path, "a.json", f"[{first}, {entry}]")
    assert [word.text for word in words] == ["fine"]
    assert f"a.json: skipped 1 of 2 entries (entry 2: {reason}" in caplog.text
    with pytest.raises(TranscriptError) as caught:
        read(tmp_path, "a.json", f"[{first}, {entry}, {entry}]")
    assert f"a.json, entry 2: {reason}" in str(caught.value)


@pytest.mark.parametrize("confidence", ["NaN", "7", "-1", "1e400", '"high"'])
def test_a_senseless_confidence_costs_no_word(tmp_path, confidence, caplog):
    text = f'[{{"text": "a", "start": 0, "end": 1, "confidence": {confidence}}}]'
    assert read(tmp_path, "a.json", text) == (Word("a", 0, 1),)
    assert "mended 1 of 1 entries (where a confidence was not from 0 to 1)" in caplog.text


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.json", '{"words": [\n{]}', r"a\.json, line 2: expected JSON"),
        ("a.json", "[" * 200_000, "expected JSON of words"),
        ("a.json", "9" * 5000, "expected JSON of words"),
        ("a.json", '{"captions": []}', "expected a list of words"),
        ("a.json", "", "line 1: expected JSON"),
        ("a.json", '[{"words": [{"words": []}]}]', "entry 1, word 1: .*segment in a segment"),
        ("a.srt", "Hello there", "expected captions with times"),
        ("a.srt", "1\n00:00:5x --> 00:00:06,000\nA", "line 2: expected times such as"),
        ("a.srt", "1\n00:61:00,000 --> 00:62:00,000\nA", "line 2: expected times such as"),
        ("a.vtt", "WEBVTT\n\n00:02.000 --> 00:01.000\nA", "line 3: expected an end after"),
        ("a.TextGrid", "hello", "item 1: expected a quoted text; got 'the end of the file'"),
        ("a.TextGrid", as_long_textgrid(WORDS)[:-60], "got 'the end of the file'"),
        ("a.TextGrid", as_long_textgrid(WORDS).replace('"words"', '"phn"'), "got 'phones', 'phn'"),
        ("a.TextGrid", '"ooTextFile"\n"Sound"', "expected a Praat TextGrid"),
        ("a.txt", "Hello there", "plain text has no times"),
        ("a.docx", "Hello there", "unknown kind"),
    ],
)
def test_a_broken_file_is_one_line_with_file_and_place(tmp_path, name, text, reason):
    with pytest.raises(TranscriptError, match=reason) as caught:
        read(tmp_path, name, text)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "write"), FORMATS)
def test_entries_out_of_order_are_sorted_and_counted(tmp_path, name, write, caplog):
    assert read(tmp_path, name, write((WORDS[2], WORDS[0], WORDS[1]))) == WORDS
    assert "(where the start ran backwards)" in caplog.text


def test_a_file_too_large_or_missing_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(encoding, "LARGEST_BYTES", 1 << 20)
    with pytest.raises(TranscriptError, match="larger than 1 MiB"):
        read(tmp_path, "a.srt", b"x" * (1 << 20) + b"x")
    with pytest.raises(TranscriptError, match=r"expected a readable transcript \(No such file"):
        read_transcript(tmp_path / "none.srt")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(TranscriptError, match="expected a readable transcript"):
        read_transcript(tmp_path / "folder.json")


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from(FORMATS), st.data())
def test_damaged_files_give_words_or_a_transcript_error(tmp_path, form, data):
    name, write = form
    text = bytearray(write(WORDS).encode())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
        text = text or bytearray(b" ")
    try:
        words = read(tmp_path, name, bytes(text))
    except TranscriptError:
        return
    starts = [word.start for word in words]
    assert starts == sorted(starts)
    assert all(word.start >= 0 and word.text for word in words)


def test_the_transcript_beside_a_video_is_found_in_the_documented_order(tmp_path):
    media = tmp_path / "talk.v2.mp4"
    assert find_transcript(media) is None
    (tmp_path / "talk.srt").touch()
    (tmp_path / "talk.v2.md").touch()
    assert find_transcript(media) is None
    for suffix in reversed(SUFFIXES):
        path = tmp_path / f"talk.v2{suffix}"
        path.touch()
        assert find_transcript(media) == path


@pytest.mark.parametrize(
    "name",
    [
        "talk.SRT", "talk.Vtt", "talk.TEXTGRID", "talk.en.vtt", "talk.en-US.srt", "talk.eng.SRT",
        "talk.en-orig.vtt", "talk.EN.json", "talk.english.txt", "talk.en.cc.srt",
    ],
)  # fmt: skip
def test_transcripts_in_other_letters_and_of_english_are_found(tmp_path, name):
    (tmp_path / "talk.de.srt").touch()
    (tmp_path / "talk.en.forced.srt").touch()
    (tmp_path / "talk2.en.vtt").touch()
    (tmp_path / "talk.info.json").touch()
    assert find_transcript(tmp_path / "talk.mp4") is None
    (tmp_path / name).touch()
    assert find_transcript(tmp_path / "talk.mp4") == tmp_path / name
    (tmp_path / "talk.srt").touch()
    assert find_transcript(tmp_path / "talk.mp4") == tmp_path / "talk.srt"


UNTIMED = {
    "a.txt": "ANN: Well,\u2014it's [laughs] great!\nBob Ross: ... <noise> 5 times {lg}",
    "b.json": json.dumps({"text": "Well,\u2014it's great! 5 times"}),
    "c.json": json.dumps({"segments": [{"text": "Well,\u2014it's"}, {"text": "great! 5 times"}]}),
    "d.json": json.dumps(["Well,\u2014it's great!", "5 times"]),
    "e.json": json.dumps([{"word": w} for w in ("Well,\u2014it's", "great!", "5", "times")]),
}


@pytest.mark.parametrize(("name", "text"), UNTIMED.items())
def test_text_without_times_is_read_as_words(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert read_untimed(path) == ("Well,\u2014it's", "great!", "5", "times")


@pytest.mark.parametrize("write", [as_json, as_words_json, as_segments_json])
def test_json_with_times_is_not_read_as_untimed(tmp_path, write):
    path = tmp_path / "a.json"
    path.write_text(write(WORDS))
    assert read_untimed(path) is None
    for broken in ("{", "[" * 10_000, "3", "null", "[[[[[[1]]]]]]", '{"words": []}'):
        path.write_text(broken)
        assert read_untimed(path) is None
    assert read_untimed(tmp_path / "a.srt") is None


def test_binary_files_are_refused_by_name(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"words in a \x00\x01\xe9")
    with pytest.raises(TranscriptError, match=r"a\.txt"):
        read_untimed(path)
    with pytest.raises(TranscriptError, match="expected a readable transcript"):
        read_untimed(tmp_path / "none.txt")


OTHER_LANGUAGES = {
    "french": "je ne sais pas pourquoi il est parti sans dire un mot mais nous avons attendu "
    "toute la nuit devant la porte de sa maison",
    "german": "ich habe gestern mit meiner Schwester lange telefoniert und wir haben beschlossen "
    "dass wir im Sommer zusammen ans Meer fahren wollen",
    "spanish": "ayer fuimos al mercado para comprar fruta fresca pero cuando llegamos ya no "
    "quedaba nada porque toda la gente se lo hab\u00eda llevado",
    "russian": "\u044f \u043d\u0435 \u0437\u043d\u0430\u044e",
}


@pytest.mark.parametrize("language", OTHER_LANGUAGES)
def test_other_languages_are_detected(language):
    assert reason_not_english(OTHER_LANGUAGES[language].split())


@pytest.mark.shared
def test_the_segments_of_mosei_pass_for_english(shared):
    with gzip.open(shared / "data/mosei_text/train.csv.gz", "rt", encoding="utf-8") as file:
        texts = [row["text"].split() for row in csv.DictReader(file)]
    doubted = sum(reason_not_english(text) is not None for text in texts)
    assert doubted < 1e-3 * len(texts)
    assert reason_not_english([]) is None
