"""The same words from the JSON of every common recogniser and aligner."""

import json

import pytest

from extractors.text.transcripts import read_transcript
from extractors.text.transcripts.layouts import seconds
from mmemo.errors import TranscriptError
from mmemo.features import Word

WORDS = (Word("Well,", 0.0, 0.5), Word("it's", 0.5, 1.0), Word("great!", 1.25, 2.0))


def plain(word, text="word", start="start", end="end"):
    return {text: word.text, start: word.start, end: word.end}


def milliseconds(word):
    return {"text": word.text, "start": round(1000 * word.start), "end": round(1000 * word.end)}


def offsets(word):
    return {"from": round(1000 * word.start), "to": round(1000 * word.end)}


def whisper(words):
    segment = {"start": words[0].start, "end": words[-1].end, "text": "all of it"}
    return {"text": "all of it", "segments": [{**segment, "words": [*map(plain, words)]}]}


def whisperx(words):
    return {**whisper(words), "word_segments": [*map(plain, words)]}


def whisper_cpp(words):
    tokens = [{"text": "[_BEG_]", "offsets": {"from": 0, "to": 0}}]
    for word in words:
        half = (word.start + word.end) / 2
        first, second = Word("", word.start, half), Word("", half, word.end)
        tokens += [
            {"text": " " + word.text[:2], "offsets": offsets(first), "p": 0.5},
            {"text": word.text[2:], "offsets": offsets(second), "p": 0.5},
        ]
    span = {"from": 0, "to": 2000}
    return {"transcription": [{"offsets": span, "text": "all", "tokens": tokens}]}


def whisper_cpp_segments(words):
    return {"transcription": [{"offsets": offsets(w), "text": f" {w.text}"} for w in words]}


def aws(words):
    items = []
    for word in words:
        text = word.text.rstrip(",!")
        best = [{"confidence": "0.9", "content": text}]
        times = {"start_time": str(word.start), "end_time": str(word.end)}
        items.append({**times, "alternatives": best, "type": "pronunciation"})
        if text != word.text:
            mark = [{"content": word.text[len(text) :]}]
            items.append({"alternatives": mark, "type": "punctuation"})
    return {"results": {"transcripts": [{"transcript": "all"}], "items": items}}


def google(words):
    listed = [
        {"word": w.text, "startTime": f"{w.start:.3f}s", "endTime": f"{w.end:.3f}s"} for w in words
    ]
    del listed[0]["startTime"]  # zero is omitted
    return {"results": [{"alternatives": [{"words": [word]}]} for word in listed]}


def google_speakers(words):
    every = [{**plain(w, start="startTime", end="endTime"), "speakerTag": 1} for w in words]
    results = google(words)["results"]
    return {"results": [*results, {"alternatives": [{"words": every}]}]}


def google_second_version(words):
    listed = [
        {"word": w.text, "startOffset": f"{w.start}s", "endOffset": f"{w.end}s"} for w in words
    ]
    return {"results": [{"alternatives": [{"words": listed}]}]}


def azure_batch(words):
    listed = [
        {"word": w.text, "offsetInTicks": w.start * 1e7, "durationInTicks": (w.end - w.start) * 1e7}
        for w in words
    ]
    return {"recognizedPhrases": [{"nBest": [{"display": "all", "words": listed}]}]}


def azure_detailed(words):
    listed = [
        {"Word": w.text, "Offset": int(w.start * 1e7), "Duration": int((w.end - w.start) * 1e7)}
        for w in words
    ]
    return {"RecognitionStatus": "Success", "NBest": [{"Display": "all", "Words": listed}]}


def azure_fast(words):
    listed = [
        {
            "text": w.text,
            "offsetMilliseconds": round(w.start * 1000),
            "durationMilliseconds": round((w.end - w.start) * 1000),
        }
        for w in words
    ]
    return {"phrases": [{"text": "all", "words": listed}]}


def deepgram(words):
    listed = [{**plain(w), "word": w.text.lower(), "punctuated_word": w.text} for w in words]
    channels = [{"alternatives": [{"transcript": "all", "words": listed}]}]
    return {"metadata": {}, "results": {"channels": channels}}


def assembly_ai(words):
    return {"text": "all", "audio_duration": 3, "words": [*map(milliseconds, words)]}


def gentle(words):
    listed = [{**plain(w), "case": "success", "startOffset": 5, "endOffset": 9} for w in words]
    return {"transcript": "all", "words": listed}


def mfa(words):
    entries = [[w.start, w.end, w.text] for w in words]
    phones = {"type": "interval", "entries": [[0, 2, "AH0"]]}
    tiers = {"words": {"type": "interval", "entries": entries}, "phones": phones}
    return {"start": 0, "end": 3, "tiers": tiers}


def mfa_speakers(words):
    tiers = {
        f"{name} - words": {"type": "interval", "entries": [[w.start, w.end, w.text]]}
        for name, w in zip("abc", words, strict=True)
    }
    return {"start": 0, "end": 3, "tiers": tiers}


def vosk(words):
    return {"result": [{**plain(w), "conf": 0.9} for w in words], "text": "all"}


LAYOUTS = [
    whisper, whisperx, whisper_cpp, whisper_cpp_segments, aws, google, google_speakers,
    google_second_version, azure_batch, azure_detailed, azure_fast, deepgram, assembly_ai, gentle,
    mfa, mfa_speakers, vosk,
]  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("duration_s", [0.0, 3.0, 3600.0])
def test_every_layout_gives_the_same_words(tmp_path, layout, duration_s):
    path = tmp_path / "talk.json"
    path.write_text(json.dumps(layout(WORDS)))
    words = read_transcript(path, duration_s)
    assert [word.text for word in words] == [word.text for word in WORDS]
    for word, expected in zip(words, WORDS, strict=True):
        assert (word.start, word.end) == pytest.approx((expected.start, expected.end), abs=1e-6)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_odd_part_of_any_layout_ends_in_words_or_one_line(tmp_path, layout):
    path = tmp_path / "talk.json"
    for broken in variants(layout(WORDS)):
        path.write_text(json.dumps(broken))
        message = ""
        try:
            words = read_transcript(path, 3.0)
        except TranscriptError as error:
            words, message = None, str(error)
        assert words is None or all(0 <= w.start <= w.end <= 3 for w in words)
        assert not message or (str(path) in message and "\n" not in message)


ODD = (None, [], {}, "x", -1, True, [None], float("nan"))


def variants(data):
    """Yield the data with each part in turn replaced by something that is not expected."""
    yield from ODD
    if isinstance(data, dict):
        for key, value in data.items():
            yield from ({**data, key: part} for part in variants(value))
    elif isinstance(data, list):
        for at, value in enumerate(data):
            yield from ([*data[:at], part, *data[at + 1 :]] for part in variants(value))


def test_words_that_gentle_does_not_find_share_the_gap(tmp_path):
    words = [
        {"case": "success", "word": "Hello", "start": 0.5, "end": 0.9},
        {"case": "not-found-in-audio", "word": "there", "startOffset": 6, "endOffset": 11},
        {"case": "success", "word": "friend", "start": 1.4, "end": 1.9},
    ]
    path = tmp_path / "talk.json"
    path.write_text(json.dumps({"transcript": "Hello there friend", "words": words}))
    assert read_transcript(path) == (
        Word("Hello", 0.5, 0.9),
        Word("there", 0.9, 1.4),
        Word("friend", 1.4, 1.9),
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1.0), (0.5, 0.5), ("0.5", 0.5), ("0.500s", 0.5), ("00:01:02,500", 62.5),
        ("1:02.5", 62.5), ("PT1H2M3.5S", 3723.5), ({"seconds": "2", "nanos": 500000000}, 2.5),
        ({}, 0.0), (True, None), (None, None), ("soon", None), ("PT", None), ([], None),
    ],
)  # fmt: skip
def test_times_in_every_notation(value, expected):
    assert seconds(value) == expected
