"""What was heard and not read is named; its words are not used."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from extractors.base import Sound
from extractors.clip import ClipExtractor
from extractors.media import read_sound
from extractors.text.recogniser import Recogniser
from extractors.text.unread import Hearing, reason_unread, summary, without_gibberish
from mmemo.config import FeatureConfig
from mmemo.features import Clip, Unread, Word

RATE = 16_000
SAID = {"avg_logprob": -0.4, "no_speech_prob": 0.1, "compression_ratio": 0.8, "text": " Hello."}
SAID["words"] = ()


def words(*probs):
    return [SimpleNamespace(probability=prob) for prob in probs]


@pytest.fixture(scope="module")
def recogniser():
    return Recogniser()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"no_speech_prob": 0.9}, None),
        ({"avg_logprob": np.log(0.21)}, r"speech was heard but not read.*uncertain"),
        ({"avg_logprob": -0.85, "no_speech_prob": 0.9}, r"speech was heard.*uncertain"),
        ({"avg_logprob": -0.75}, None),
        ({"words": words(0.9, 0.2)}, r"speech was heard.*uncertain"),
        ({"words": words(0.9, 0.0)}, r"speech was heard.*uncertain"),
        ({"words": words(0.9, 0.5)}, None),
        ({"avg_logprob": -1.2, "no_speech_prob": 0.7}, "sound was heard without words"),
        ({"text": " ..."}, "sound was heard without words"),
        ({"compression_ratio": 4.0}, "speech was heard but not read.*repeat.*only English is read"),
    ],
)
def test_a_segment_is_used_or_its_reason_named(changes, reason):
    result = reason_unread(SimpleNamespace(**(SAID | changes)))
    assert (result is None) == (reason is None)
    assert reason is None or re.match(reason, result)


def test_the_reason_of_the_longest_part_counts():
    parts = (
        Unread(0, 2, "noise"),
        Unread(2, 3, "foreign", 0.2),
        Unread(3, 5, "foreign", 0.5),
        Unread(5, 7, "noise"),
    )
    assert Hearing((), parts).reason == "noise"
    assert summary(parts) == "7.0 s from 0.0 s on have no words: noise"
    assert Hearing((), parts[1:]).reason == "foreign (confidence 0.40 of 1)"
    assert Hearing(()).reason is None


def test_gibberish_gives_no_words_and_english_all():
    def heard(text):
        return Hearing(tuple(Word(t, k, k + 1.0, 0.9) for k, t in enumerate(text.split())))

    english = heard("so I went to the shop and " * 4)
    assert without_gibberish(english) is english
    gibberish = without_gibberish(heard("pucanos nata moi apasiam zelo dobre " * 4))
    assert gibberish.words == ()
    assert gibberish.reason.startswith("speech was heard but not read: only 0 % of its words")
    assert (gibberish.unread[0].start, gibberish.unread[0].end) == (0.0, 24.0)
    assert gibberish.unread[0].confidence == pytest.approx(0.9)


def test_silence_and_noise_are_no_speech(recogniser):
    noise = 0.1 * np.random.default_rng(0).standard_normal(3 * RATE)
    for samples in (np.zeros(3 * RATE), noise):
        sound = Sound(samples.astype(np.float32), RATE)
        assert recogniser.hear(sound) == Hearing(())


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("japanese.mp3", "speech was heard but not read: .*only English is read"),
        ("laugh2.mp3", "sound was heard without words"),
    ],
)
def test_files_without_readable_words_say_what_was_heard(shared, name, reason, caplog):
    path = shared / "cases/media" / name
    options = FeatureConfig(modalities=("text",))
    with caplog.at_level("WARNING"):
        result = ClipExtractor(options)(Clip("a", "a", path))
    assert re.match(reason, result.absent["text"])
    assert result.clip.words == ()
    assert "have no words" in caplog.text


@pytest.mark.shared
def test_speech_beside_a_foreign_language_is_read(shared, recogniser):
    """What is not read has its own times, and costs no words elsewhere."""
    folder = shared / "cases/media"
    english, foreign = (read_sound(folder / n, RATE).samples for n in ("plain.mp4", "japanese.mp3"))
    alone = recogniser.hear(Sound(english, RATE))
    assert alone.words
    assert alone.unread == ()
    pause = np.zeros(2 * RATE, np.float32)
    both = recogniser.hear(Sound(np.concatenate([foreign, pause, english]), RATE, start_s=10.0))
    end_s = 10.0 + len(foreign) / RATE
    for part in both.unread:
        assert 10.0 <= part.start <= part.end <= end_s + 2 + len(english) / RATE
    assert both.unread
