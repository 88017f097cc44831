"""Forced alignment: words at the times of their sound, and within the bounds of the sound."""

import itertools
import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import resample_poly

from extractors.base import Sound
from extractors.text.alignment import Aligner, aligner
from extractors.text.alignment.hmm import PhoneModels
from extractors.text.alignment.matching import match
from extractors.text.alignment.pronounce import pronounce
from extractors.text.alignment.spoken import spoken_form
from extractors.text.recogniser import Recogniser
from mmemo.features import Word
from pipelines.sample.espeak import Espeak

RATE = 16_000
SENTENCES = (
    "we walked along the river and talked about our plans",
    "the company reported a significant increase in profits",
    "my brother plays the guitar every afternoon",
)

needs_models = pytest.mark.skipif(not PhoneModels.available(), reason="needs pocketsphinx")


@pytest.fixture(scope="module")
def recogniser():
    return Recogniser(threads=1)


@pytest.fixture(scope="module")
def speech():
    """Three sentences with half a second between them, and when each word begins."""
    espeak, rng = Espeak(), np.random.default_rng(0)
    pieces, words, at_s = [np.zeros(RATE // 2)], [], 0.5
    for sentence in SENTENCES:
        utterance = espeak.say(
            tuple(sentence.split()), voice="en-us", pitch=50, pitch_range=50, rate_wpm=150
        )
        samples = resample_poly(utterance.samples, RATE // 50, utterance.sample_rate // 50)
        words += [Word(w.text, w.start + at_s, w.end + at_s) for w in utterance.words]
        pieces += [samples, np.zeros(RATE // 2)]
        at_s += len(samples) / RATE + 0.5
    samples = np.concatenate(pieces)
    noisy = samples + 0.005 * rng.standard_normal(len(samples))
    return Sound(noisy.astype(np.float32), RATE), tuple(words)


def check(words, texts, sound):
    assert [word.text for word in words] == list(texts)
    last = sound.start_s
    for word in words:
        assert last - 1e-9 <= word.start <= word.end <= sound.start_s + sound.duration_s + 1e-9
        assert 0 <= word.confidence <= 1
        last = word.end


def starts_apart(words, truth):
    return np.array([word.start - true.start for word, true in zip(words, truth, strict=True)])


@needs_models
def test_a_transcript_is_aligned_to_its_sound(recogniser, speech):
    sound, truth = speech
    texts = [word.text for word in truth]
    words = recogniser.align(texts, sound)
    check(words, texts, sound)
    apart = np.abs(starts_apart(words, truth))
    assert np.mean(apart <= 0.1) >= 0.9
    assert np.mean([word.confidence >= 0.5 for word in words]) > 0.8
    assert recogniser.align(texts, sound) == words
    later = Sound(sound.samples, RATE, start_s=-3.0)
    moved = recogniser.align(texts, later)
    np.testing.assert_allclose(starts_apart(moved, words), -3.0, atol=1e-9)


@needs_models
def test_recognised_words_are_aligned_to_their_sound(recogniser, speech):
    sound, truth = speech
    words = recogniser(sound)
    pairs = match([w.text.lower().strip(".,") for w in words], [w.text for w in truth])
    apart = [
        word.start - truth[at].start
        for word, at in zip(words, pairs, strict=True)
        if at is not None
    ]
    assert len(apart) > 0.8 * len(truth)
    assert np.mean(np.abs(apart) <= 0.1) >= 0.9


@needs_models
def test_unknown_words_are_aligned_by_a_guessed_pronunciation():
    sounds = []
    espeak = Espeak()
    for sentence in ("the zorblax glimmered at noon", "the glorkins came on friday"):
        utterance = espeak.say(
            tuple(sentence.split()), voice="en-us", pitch=50, pitch_range=50, rate_wpm=150
        )
        samples = resample_poly(utterance.samples, RATE // 50, utterance.sample_rate // 50)
        sound = Sound(np.pad(samples, 4000).astype(np.float32), RATE)
        sounds.append((sentence.split(), sound, utterance.words))
    for texts, sound, truth in sounds:
        words = Aligner().place(texts, (), sound)
        check(words, texts, sound)
        assert np.abs(starts_apart(words, truth) - 0.25).max() < 0.15


@needs_models
def test_text_that_was_not_said_has_low_confidence_and_stays_in_bounds(recogniser, speech, caplog):
    sound, _ = speech
    texts = (
        "submarine zebras juggle frozen tangerines beneath purple volcanic thunderclouds".split()
    )
    with caplog.at_level(logging.WARNING, logger="extractors"):
        words = recogniser.align(texts, sound)
    check(words, texts, sound)
    assert np.mean([word.confidence for word in words]) < 0.4
    assert "hardly fits the sound" in caplog.text


@needs_models
def test_a_heading_that_is_not_read_moves_no_other_word(recogniser, speech):
    sound, truth = speech
    heading = "chapter seventeen introduction by the editor of the complete and annotated works"
    texts = [*heading.split(), *(word.text for word in truth)]
    words = recogniser.align(texts, sound)
    check(words, texts, sound)
    own = words[len(heading.split()) :]
    assert np.mean(np.abs(starts_apart(own, truth)) <= 0.1) >= 0.9
    assert max(word.end for word in words[: len(heading.split())]) <= truth[0].start + 0.2


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.3, 5.0])
@pytest.mark.parametrize("kind", ["silence", "noise"])
def test_sound_without_speech_still_gives_times_in_bounds(recogniser, seconds, kind, caplog):
    rng = np.random.default_rng(0)
    samples = rng.standard_normal(round(seconds * RATE)) * (0.1 if kind == "noise" else 0.0)
    sound = Sound(samples.astype(np.float32), RATE, start_s=2.0)
    texts = "nobody says any of this".split()
    check(recogniser.align(texts, sound), texts, sound)
    assert recogniser.align((), sound) == ()


def test_without_phone_models_the_approximate_times_stay_with_one_warning(monkeypatch, caplog):
    monkeypatch.setattr(PhoneModels, "available", staticmethod(lambda: False))
    own = Aligner()
    words = (Word("good", 0.2, 0.5, 0.9), Word("morning", 0.5, 1.1, 0.8))
    sound = Sound(np.zeros(2 * RATE, np.float32), RATE)
    for _ in range(2):
        assert own.refine(words, sound) == words
    assert caplog.text.count("pip install pocketsphinx") == 1
    monkeypatch.setattr(aligner, "pocketsphinx_version", lambda: None)
    assert own.fingerprint() == "align:1:none"


@needs_models
def test_times_do_not_drift_in_a_long_recording(speech):
    sound, truth = speech
    times = 6
    offsets = sound.duration_s * np.arange(times)
    long = Sound(np.tile(sound.samples, times), RATE)
    repeated = [Word(w.text, w.start + o, w.end + o, 0.9) for o in offsets for w in truth]
    words = Aligner().place([w.text for w in repeated], repeated[::2], long)
    apart = np.abs(starts_apart(words, repeated)).reshape(times, -1)
    assert (np.mean(apart <= 0.1, axis=1) >= 0.9).all()


WORDS = st.lists(st.sampled_from("abcd"), max_size=7)


def edit_distance(one, other):
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row = row, [i]
        for j, b in enumerate(other, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (a != b)))
    return row[-1]


@pytest.mark.parametrize("cells", [4_000_000, 4])
@given(words=WORDS, recognised=WORDS)
def test_matching_makes_the_fewest_errors_whole_or_in_parts(cells, words, recognised):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("extractors.text.alignment.matching._MAX_CELLS", cells)
        pairs = match(words, recognised)
    indices = [at for at in pairs if at is not None]
    assert all(a < b for a, b in itertools.pairwise(indices))
    wrong = sum(at is None or words[n] != recognised[at] for n, at in enumerate(pairs))
    assert wrong + len(recognised) - len(indices) == edit_distance(words, recognised)


def test_long_texts_that_repeat_themselves_are_matched_in_place(monkeypatch):
    monkeypatch.setattr("extractors.text.alignment.matching._MAX_CELLS", 400)
    words = [str(n) for n in np.random.default_rng(0).integers(0, 30, 60)] * 5
    present = [n for n in range(len(words)) if n not in (31, 150, 151, 277)]
    pairs = match(words, [words[n] for n in present])
    exact = sum(pairs[n] == at for at, n in enumerate(present))
    assert exact > len(present) - 8


@pytest.mark.parametrize(
    ("text", "words"),
    {
        "low-budget": "low budget",
        "$5": "five dollars",
        "1990": "nineteen ninety",
        "2005": "two thousand five",
        "1,000,000": "one million",
        "3rd": "third",
        "21st": "twenty first",
        "80s": "eighties",
        "20%": "twenty percent",
        "8:30": "eight thirty",
        "3.14": "three point one four",
        "007": "zero zero seven",
        "U.S.": "u s",
        "FBI": "f b i",
        "NASA": "nasa",
        "don\u2019t": "don't",
        "caf\u00e9": "cafe",
        "'cause": "cause",
        "[laugh]": "",
        "--": "",
    }.items(),
)
def test_figures_and_signs_are_read_aloud(text, words):
    assert " ".join(spoken_form(text)) == words


@given(st.text(max_size=30))
def test_anything_can_be_read_and_pronounced(text):
    for word in spoken_form(text):
        assert word == word.lower()
        for phone in pronounce(word):
            assert phone.isalpha()
            assert phone.isupper()


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12))
def test_a_guess_has_a_length_that_fits_the_letters(word):
    assert 1 <= len(pronounce(word)) <= 7 * len(word)
