"""The creak detector: its inputs against COVAREP's, its weights, and synthetic creaky voices."""

import json

import numpy as np
import pytest
import scipy.io.wavfile
import scipy.signal

from extractors.base import Sound
from extractors.covarep import CovarepExtractor, creak_inputs, load_detector, with_changes
from extractors.covarep.creak.detector import WEIGHTS, save_detector
from extractors.covarep.creak.measures import INPUT_NAMES
from extractors.covarep.recording import Recording
from extractors.covarep.strict.features import creak_inputs_of_whole, strict_features
from mmemo.errors import FeatureError

RATE = 16000
SPEECH = (
    "arctic_bdl1_16k",
    "espeak_female_16k",
    "espeak_male_16k",
    "ps_something_16k",
    "librivox_austen0930_snr10_16k",
)
EXACT = ("H2-H1", "zero crossings", "F0", "mean F0", "energy", "power spread", "creak F0")


def pulses(periods_s, duration_s):
    """Damped formants excited once per period; periods alternate."""
    source = np.zeros(int(duration_s * RATE))
    at, turn = 0.0, 0
    while at < duration_s:
        source[int(at * RATE)] = -1.0
        at += periods_s[turn % len(periods_s)]
        turn += 1
    poles = []
    for formant_hz, width_hz in ((700, 90), (1220, 100), (2600, 140), (3500, 200)):
        pole = np.exp((-np.pi * width_hz + 2j * np.pi * formant_hz) / RATE)
        poles += [pole, pole.conj()]
    sound = scipy.signal.lfilter([1.0, -0.9], np.poly(poles).real, source)
    noise = np.random.default_rng(0).standard_normal(len(sound))
    return (0.3 * sound / np.abs(sound).max() + 1e-4 * noise).astype(np.float32)


def creak_of(samples, extractor=None):
    features = (extractor or CovarepExtractor())(Sound(samples, RATE))
    return features.values[:, features.names.index("creak")]


@pytest.fixture
def oracle(shared):
    def load(name):
        folder = shared / "oracles" / "covarep"
        _, samples = scipy.io.wavfile.read(folder / "wavs" / f"{name}.wav")
        with np.load(folder / "creak_features" / f"{name}.npz") as file:
            inputs, probability = file["creak_features"], file["creak_pp"]
        with np.load(folder / "npz" / f"{name}.npz") as file:
            column = file["features"][:, 10]
        return Sound((samples / 32768).astype(np.float32), RATE), inputs, probability, column

    return load


def test_columns_are_covareps_own_in_its_order():
    names = CovarepExtractor().names
    assert len(names) == 74
    first = "F0 VUV NAQ QOQ H1H2 PSP MDQ peakSlope Rd Rd_conf creak MCEP_0"
    assert names[:12] == tuple(first.split())
    assert names[35:37] == ("MCEP_24", "HMPDM_0")
    assert names[60:62] == ("HMPDM_24", "HMPDD_0")


@pytest.mark.shared
@pytest.mark.parametrize("name", SPEECH)
def test_inputs_against_covareps(oracle, name):
    sound, theirs, _, _ = oracle(name)
    ours = creak_inputs_of_whole(Recording(sound))
    for column, measure in enumerate(INPUT_NAMES):
        a, b = ours[: len(theirs), column], theirs[: len(ours), column]
        if measure in EXACT:
            # A few frames of digital silence differ by rounding errors.
            assert np.mean(np.isclose(a, b, rtol=1e-5, atol=1e-5)) > 0.9, measure
        else:
            assert np.corrcoef(a, b)[0, 1] > 0.25, measure


@pytest.mark.shared
@pytest.mark.parametrize("name", SPEECH)
def test_changes_are_covareps(oracle, name):
    _, theirs, _, _ = oracle(name)
    assert np.allclose(with_changes(theirs[:, :12]), theirs)


@pytest.mark.shared
@pytest.mark.parametrize("name", SPEECH)
def test_detector_follows_covareps_on_its_training_data(oracle, name):
    sound, _, _, column = oracle(name)
    table = strict_features(sound)
    strict = table.values[:, table.names.index("creak")]
    assert np.corrcoef(strict, column)[0, 1] > 0.9
    default = creak_of(sound.samples)
    assert np.corrcoef(default[: len(column)], column)[0, 1] > 0.85


def test_creaky_voice_is_found_and_modal_voice_is_not():
    modal = pulses([1 / 120], 1.5)
    creaky = pulses([1 / 42, 1 / 30, 1 / 36, 1 / 50], 1.5)
    voice = np.concatenate([modal, creaky, modal])
    creak = creak_of(voice)
    inner = [slice(20, 130), slice(170, 280), slice(320, 430)]
    before, middle, after = (np.median(creak[rows]) for rows in inner)
    assert middle > 0.3
    assert max(before, after) < 0.1


def test_probabilities_are_between_0_and_1():
    noise = np.random.default_rng(1).standard_normal(RATE).astype(np.float32)
    creak = creak_of(np.concatenate([noise, np.zeros(4000, np.float32), pulses([0.03], 1.0)]))
    assert (creak >= 0).all()
    assert (creak <= 1).all()


def test_inputs_do_not_depend_on_loudness():
    voice = pulses([1 / 90, 1 / 80], 1.0).astype(np.float64)
    residual = np.diff(voice, prepend=0.0)
    centres = np.arange(79, len(voice), 160)
    f0_hz = np.full(len(centres), 85.0)
    quiet, loud = (
        creak_inputs(gain * voice, gain * residual, RATE, centres, f0_hz, 85.0)
        for gain in (1.0, 8.0)
    )
    assert np.allclose(quiet, loud, atol=1e-6)


def test_a_shorter_sound_than_any_frame_has_inputs():
    inputs = creak_inputs(np.ones(30), np.ones(30), RATE, np.array([10]), np.array([100.0]), 100.0)
    assert inputs.shape == (1, len(INPUT_NAMES))
    assert np.isfinite(inputs).all()


def test_own_weights_replace_the_packages(tmp_path):
    detector = load_detector()
    other = detector._replace(output_bias=detector.output_bias + 1.0)
    save_detector(other, tmp_path / "mine.json")
    mine, standard = CovarepExtractor(tmp_path / "mine.json"), CovarepExtractor()
    assert mine.fingerprint() != standard.fingerprint()
    voice = pulses([1 / 100], 0.5)
    a, b = (extractor(Sound(voice, RATE)) for extractor in (mine, standard))
    creak = a.names.index("creak")
    assert (a.values[:, creak] > b.values[:, creak]).all()
    assert np.array_equal(np.delete(a.values, creak, 1), np.delete(b.values, creak, 1))


def test_weights_survive_writing(tmp_path):
    detector = load_detector()
    save_detector(detector, tmp_path / "copy.json")
    copy = load_detector(tmp_path / "copy.json")
    assert copy.digest() == detector.digest()
    inputs = np.random.default_rng(0).uniform(detector.lowest, detector.highest, (20, 36))
    assert np.array_equal(copy.probability(inputs), detector.probability(inputs))


def test_nan_counts_as_lowest():
    detector = load_detector()
    lowest = detector.lowest[None].repeat(2, axis=0)
    with_nan = lowest.copy()
    with_nan[1, ::3] = np.nan
    probability = detector.probability(with_nan)
    assert probability[0] == probability[1]


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.pop("hidden"),
        lambda content: content.update(output=[]),
        lambda content: content.update(hidden_bias=[0.0]),
        lambda content: content.update(lowest=content["highest"]),
        lambda content: content.update(output_bias=float("inf")),
        lambda content: content.update(output_bias="much"),
    ],
    ids=["missing", "empty", "shape", "range", "infinite", "text"],
)
def test_unusable_weights_are_refused_in_one_line(tmp_path, change):
    content = json.loads(WEIGHTS.read_text())
    change(content)
    path = tmp_path / "weights.json"
    path.write_text(json.dumps(content))
    with pytest.raises(FeatureError, match=r"weights\.json") as caught:
        CovarepExtractor(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"not JSON", b"[1, 2]"])
def test_other_files_than_weights_are_refused(tmp_path, content):
    path = tmp_path / "weights.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FeatureError, match=r"weights\.json"):
        load_detector(path)
