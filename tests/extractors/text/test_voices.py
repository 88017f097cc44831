"""Voices that the recogniser passes over are found by the detector of voices."""

import numpy as np
import pytest

from extractors.base import SAMPLE_RATE_HZ
from extractors.text.voices import Wordless, find_voices, wordless_voices
from pipelines.sample.espeak import Espeak


@pytest.fixture(scope="module")
def speech():
    """Seven seconds: a sentence from 1 s on, and again from 5 s on at most."""
    from scipy.signal import resample_poly

    utterance = Espeak().say(
        "there are many reasons why people choose to live".split(),
        voice="en-us", pitch=50, pitch_range=50, rate_wpm=160,
    )  # fmt: skip
    sentence = resample_poly(utterance.samples, SAMPLE_RATE_HZ, utterance.sample_rate)
    silence = np.zeros(SAMPLE_RATE_HZ)
    samples = np.concatenate([silence, sentence, silence, sentence, silence])
    first = 1.0, 1.0 + len(sentence) / SAMPLE_RATE_HZ
    second = first[1] + 1.0, first[1] + 1.0 + len(sentence) / SAMPLE_RATE_HZ
    return samples.astype(np.float32), first, second


def test_all_of_a_voice_is_passed_over_without_segments(speech):
    samples, first, second = speech
    voices = wordless_voices(find_voices(samples), [])
    assert all(voice.passed_over and voice.text == "" for voice in voices)
    inside = sum(voice.end - voice.start for voice in voices)
    assert inside > 0.7 * (first[1] - first[0] + second[1] - second[0])


@pytest.mark.parametrize("read", [0, 1])
def test_the_sentence_without_a_segment_is_passed_over(speech, read):
    samples, *sentences = speech
    voices = wordless_voices(find_voices(samples), [Wordless(*sentences[read])])
    other = sentences[1 - read]
    assert voices
    for voice in voices:
        assert other[0] - 0.3 < voice.start < voice.end < other[1] + 0.3


def test_nothing_is_passed_over_in_silence_or_where_all_is_read(speech):
    samples, *sentences = speech
    assert find_voices(np.zeros(3 * SAMPLE_RATE_HZ, np.float32)) == []
    assert (
        wordless_voices(find_voices(samples), [Wordless(*sentence) for sentence in sentences]) == []
    )
