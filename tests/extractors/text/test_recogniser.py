"""Recognised words: correct, inside the sound's time, and none without speech."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from extractors.base import Sound
from extractors.sound import quiet_parts
from extractors.text.recogniser import Recogniser
from mmemo.assets.resolve import ASSETS, resolve
from mmemo.errors import AssetError, FeatureError
from mmemo.features import Word

RATE = 16_000


@pytest.fixture(scope="module")
def recognise() -> Recogniser:
    return Recogniser(threads=1)


def load(path: Path) -> Sound:
    soundfile = pytest.importorskip("soundfile")
    samples, rate = soundfile.read(path, dtype="float32")
    return Sound(samples, rate)


def plain(words: tuple[Word, ...]) -> list[str]:
    return re.findall(r"[a-z']+", " ".join(word.text for word in words).lower())


def errors(words: list[str], recognised: list[str]) -> int:
    """Count word errors: the edit distance."""
    row = list(range(len(recognised) + 1))
    for i, word in enumerate(words, 1):
        before, row = row, [i]
        for j, other in enumerate(recognised, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (word != other)))
    return row[-1]


def check(words: tuple[Word, ...], sound: Sound) -> None:
    last = sound.start_s
    for word in words:
        assert last <= word.start <= word.end <= sound.start_s + sound.duration_s + 1e-9
        assert word.confidence is not None
        assert 0 <= word.confidence <= 1
        assert word.text == word.text.strip() != ""
        last = word.end


@pytest.mark.shared
def test_read_sentences_are_recognised_with_their_times(shared, recognise):
    folder = shared / "data" / "ravdess"
    wrong = total = 0
    for actor in ("01", "12"):
        for number, sentence in (
            ("01", "kids are talking by the door"),
            ("02", "dogs are sitting by the door"),
        ):
            sound = load(folder / f"03-01-01-01-{number}-01-{actor}.flac")
            words = recognise(sound)
            check(words, sound)
            wrong += errors(sentence.split(), plain(words))
            total += len(sentence.split())
            # The recordings begin and end with silence; the words must not fill it.
            loud = np.abs(sound.samples) > 0.1 * np.abs(sound.samples).max()
            first, last = np.flatnonzero(loud)[[0, -1]] / sound.sample_rate
            assert words[0].end > first
            assert words[-1].start < last
            assert words[-1].end < last + 0.7
    assert wrong / total < 0.1


@pytest.mark.shared
def test_the_same_sound_gives_the_same_words_and_its_start_shifts_them(shared, recognise):
    sound = load(shared / "oracles" / "covarep" / "wavs" / "ps_something_16k.wav")
    words = recognise(sound)
    assert plain(words) == ["go", "somewhere", "and", "do", "something"]
    assert recognise(sound) == words
    assert Recogniser(threads=2)(sound) == words
    later = recognise(Sound(sound.samples, sound.sample_rate, start_s=-1.5))
    check(later, Sound(sound.samples, sound.sample_rate, start_s=-1.5))
    np.testing.assert_allclose(
        [word.start for word in later], [word.start - 1.5 for word in words], atol=1e-9
    )


@pytest.mark.shared
def test_another_sample_rate_gives_the_same_words(shared, recognise):
    folder = shared / "oracles" / "covarep" / "wavs"
    one, other = (load(folder / f"arctic_bdl1_{rate}k.wav") for rate in (16, 32))
    assert (one.sample_rate, other.sample_rate) == (16_000, 32_000)
    assert plain(recognise(one)) == plain(recognise(other))


@pytest.mark.shared
def test_silence_around_speech_moves_the_words_and_adds_none(shared, recognise):
    speech = load(shared / "oracles" / "covarep" / "wavs" / "ps_something_16k.wav")
    quiet = np.zeros(5 * RATE, np.float32)
    words = recognise(speech)
    padded = recognise(Sound(np.concatenate([quiet, speech.samples, quiet]), RATE))
    assert plain(padded) == plain(words)
    for word, moved in zip(words[1:], padded[1:], strict=True):
        assert moved.start - word.start == pytest.approx(5.0, abs=0.3)


SECONDS = np.arange(6 * RATE) / RATE
NOISE = np.random.default_rng(0).standard_normal(6 * RATE)


@pytest.mark.parametrize(
    "samples",
    [
        0 * SECONDS,
        1e-4 * NOISE,
        0.3 * NOISE,
        1e-3 * np.cumsum(NOISE),
        0.3 * np.sin(2 * np.pi * 440 * SECONDS),
        0.2 * np.sin(2 * np.pi * 50 * SECONDS),
        0.3 * np.sin(2 * np.pi * 300 * SECONDS) * (np.sin(2 * np.pi * 4 * SECONDS) > 0),
        0.9 * (np.abs(NOISE) > 3.5),
        np.ones(6 * RATE),
    ],
    ids=["zeros", "hiss", "noise", "brown", "tone", "hum", "beeps", "clicks", "constant"],
)
def test_nobody_speaking_gives_no_words(recognise, samples):
    assert recognise(Sound(samples.astype(np.float32), RATE)) == ()


@pytest.mark.parametrize("length", [0, 1, 100, 400, 8000])
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_very_short_sounds_are_no_error(recognise, length, rate):
    samples = 0.1 * NOISE[:length].astype(np.float32)
    sound = Sound(samples, rate)
    check(recognise(sound), sound)


def test_samples_that_are_not_mono_or_finite_are_refused(recognise):
    for samples in (np.zeros((100, 2), np.float32), np.full(100, np.nan, np.float32)):
        with pytest.raises(FeatureError, match="expected finite mono samples"):
            recognise(Sound(samples, RATE))


def test_the_callers_samples_do_not_change(recognise):
    samples = (0.1 * NOISE).astype(np.float32)
    before = samples.copy()
    recognise(Sound(samples, RATE))
    np.testing.assert_array_equal(samples, before)


def test_the_fingerprint_needs_no_weights_and_follows_them(tmp_path, monkeypatch):
    monkeypatch.setenv("MMEMO_CACHE", str(tmp_path / "none"))
    monkeypatch.setenv("MMEMO_OFFLINE", "1")
    recogniser = Recogniser()
    assert ASSETS["whisper-tiny.en"].digest in recogniser.fingerprint()
    assert not re.search(r"\s", recogniser.fingerprint())
    with pytest.raises(AssetError, match="MMEMO_OFFLINE"):
        recogniser(Sound(NOISE.astype(np.float32), RATE))
    own = tmp_path / "own"
    own.mkdir()
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (own / name).write_text(name)
    first = Recogniser(str(own)).fingerprint()
    (own / "model.bin").write_text("other")
    assert Recogniser(str(own)).fingerprint() != first


def test_unknown_names_and_other_folders_are_refused(tmp_path):
    with pytest.raises(AssetError, match="expected a recogniser: an asset's name or a folder"):
        Recogniser("whisper-huge")
    with pytest.raises(AssetError, match=r"missing model\.bin, config\.json, tokenizer\.json"):
        Recogniser(str(tmp_path))(Sound(NOISE.astype(np.float32), RATE))


def test_an_own_folder_is_used_without_the_hub_and_without_torch(tmp_path):
    """In a fresh process where every socket is refused: the hub must not be contacted."""
    folder = shutil.copytree(resolve("whisper-tiny.en"), tmp_path / "own")
    script = (
        "import socket, sys\n"
        "def refuse(*args, **options): raise AssertionError('a socket was opened')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
        "import numpy as np\n"
        "from extractors.base import Sound\n"
        "from extractors.text.recogniser import Recogniser\n"
        f"print(Recogniser({str(folder)!r})(Sound(np.full(16000, 0.1, np.float32), 16000)))\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert (done.stdout.strip(), done.returncode) == ("()", 0), done.stderr


@pytest.mark.shared
def test_a_long_sound_is_recognised_in_parts_that_end_between_words(shared, recognise, monkeypatch):
    speech = load(shared / "oracles" / "covarep" / "wavs" / "ps_something_16k.wav")
    quiet = np.zeros(RATE // 2, np.float32)
    sound = Sound(np.concatenate([speech.samples, quiet] * 4), RATE, start_s=1.0)
    monkeypatch.setattr("extractors.text.recogniser._PART_S", 1.5 * speech.duration_s)
    monkeypatch.setattr("extractors.text.recogniser._SEEK_S", speech.duration_s)
    words = recognise(sound)
    check(words, sound)
    assert plain(words) == 4 * ["go", "somewhere", "and", "do", "something"]
    parts = list(quiet_parts(sound, 1.5 * speech.duration_s, speech.duration_s))
    np.testing.assert_array_equal(np.concatenate([p.samples for p in parts]), sound.samples)
    assert len(parts) > 2
    assert all(len(p.samples) <= 1.5 * len(speech.samples) + 1 for p in parts)
