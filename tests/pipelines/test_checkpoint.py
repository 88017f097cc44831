import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from planted import planted_dataset
from safetensors.torch import load_file, save_file
from sealed_json import write_sealed

from extractors.text.glove import GloveExtractor, WordVectors
from mmemo.assets.resolve import ASSETS
from mmemo.batching.rows import arrange
from mmemo.checkpoint import PartialReading, fingerprint, load_checkpoint, save_checkpoint
from mmemo.config import Config
from mmemo.config.old_names import GROUPS
from mmemo.datasets.dataset import Dataset
from mmemo.errors import CheckpointError
from mmemo.features import Clip, ClipFeatures, Word
from mmemo.inference import infer
from pipelines.training.train import train


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    model = {"encoder": {"hidden": 8, "heads": 2, "layers": 1}}
    config = Config.model_validate({"model": model, "train": {"epochs": 1}})
    train(config, planted_dataset(16, 8, 8), out)
    return out


@pytest.fixture
def run(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "run")


def described(run):
    return json.loads((run / "checkpoint.json").read_text())


def refused(run):
    with pytest.raises(CheckpointError) as error:
        load_checkpoint(run)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_no_model_says_how_to_make_one(tmp_path):
    assert "`mmemo train`" in refused(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', '{"format": 99}', "null"])
def test_a_broken_description(run, text):
    (run / "checkpoint.json").write_text(text)
    assert "checkpoint.json" in refused(run)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("labels", ["joy"]),
        ("labels", []),
        ("thresholds", [0.5]),
        ("thresholds", ["high"] * 6),
        ("inputs", {"text": {"names": [], "source": "x"}}),
        ("inputs", None),
        ("config", {"model": {"encoder": {"hidden": "wide"}}}),
        ("trained_on", {}),
    ],
)
def test_a_description_that_does_not_fit(run, key, value):
    write_sealed(run / "checkpoint.json", {**described(run), key: value})
    refused(run)


def test_what_only_some_modalities_are_answered_with_is_kept(run):
    checkpoint = load_checkpoint(run)
    assert checkpoint.partial == {}
    voice, rest = frozenset({"audio"}), frozenset({"visual", "text"})
    partial = {
        voice: PartialReading(0.25, (0.4,) * 6, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)),
        rest: PartialReading(0.0, (0.2,) * 6, (0.2,) * 6),
    }
    save_checkpoint(replace(checkpoint, partial=partial), run)
    loaded = load_checkpoint(run)
    assert loaded.partial == partial
    assert loaded.calibration.prior_shares == {voice: 0.25, rest: 0.0}
    cuts = loaded.thresholds_of("macro", [voice, voice | rest, rest])
    expected = [partial[voice].label_thresholds, loaded.label_thresholds, (0.2,) * 6]
    np.testing.assert_allclose(cuts, expected)
    assert loaded.thresholds_of("threshold", [voice]).tolist() == [[0.4] * 6]
    assert loaded.thresholds_of("threshold", []).shape == (0, 6)


@pytest.mark.parametrize(
    ("read", "changed"),
    [
        ("audio", {"prior_share": 1.5}),
        ("audio", {"prior_share": -0.1}),
        ("audio", {"prior_share": "half"}),
        ("audio", {"thresholds": [0.5]}),
        ("audio", {"label_thresholds": []}),
        ("smell", {}),
    ],
)
def test_partial_readings_that_cannot_be(run, read, changed):
    own = {"prior_share": 0.2, "thresholds": [0.5] * 6, "label_thresholds": [0.5] * 6}
    changed_description = {**described(run), "partial": {read: {**own, **changed}}}
    write_sealed(run / "checkpoint.json", changed_description)
    assert "checkpoint.json" in refused(run)


@pytest.mark.parametrize("cut", [0, 9, 1000, -3])
def test_weights_cut_short(run, cut):
    path = run / "model.safetensors"
    path.write_bytes(path.read_bytes()[:cut])
    assert "model.safetensors" in refused(run)


def test_weights_of_another_model(run, tmp_path):
    model = {"encoder": {"hidden": 12, "heads": 2}}
    config = Config.model_validate({"model": model, "train": {"epochs": 1}})
    train(config, planted_dataset(16, 8, 8), tmp_path / "other")
    shutil.copy(tmp_path / "other/model.safetensors", run)
    assert "damaged or of another model" in refused(run)
    earlier = described(run)  # before descriptions had digests
    del earlier["sha256"], earlier["parts"]
    (run / "checkpoint.json").write_text(json.dumps({**earlier, "format": 2}))
    assert "belong to another model" in refused(run)


def test_missing_weights(run):
    (run / "model.safetensors").unlink()
    assert "model.safetensors" in refused(run)


def vectors_dataset(name="glove-6b-50d"):
    """Clips whose labels follow from words of the real vectors, with some of these twice."""
    extract = GloveExtractor.from_name(name)
    rng = np.random.default_rng(0)
    texts = ["happy", "sad", "angry", "the", "film", "don't", "unheardofword", "sp"]
    clips = []
    for number in range(40):
        chosen = rng.choice(texts, 5)
        words = tuple(Word(str(text), float(n), n + 1.0) for n, text in enumerate(chosen))
        labels = tuple(float(text in chosen) for text in texts[:6])
        split = "train" if number < 30 else "valid"
        clip = Clip(f"{number}", f"{split}{number}", words=words, split=split, intensities=labels)
        clips.append(ClipFeatures(clip, {"text": extract(words)}))
    return Dataset("words", False, tuple(clips))


def downgraded(run, folder):
    """Write a checkpoint as format 1 had it."""
    description = json.loads((run / "checkpoint.json").read_text())
    words = description.pop("known_words")
    options = description["config"]
    model = {"modalities": options["model"]["modalities"]}
    for group, names in GROUPS.items():
        model |= {old: options["model"][group][new] for old, new in names.items()}
    train_options = {**options["train"], "label_smoothing": 0.02, "r_drop": 1.0}
    options = {**options, "model": model, "train": train_options}
    tensors = load_file(run / "model.safetensors")
    if words is not None:
        vectors = WordVectors.from_name("glove-6b-50d")
        size = model["known_words"]
        rows = np.zeros((size, vectors.dimension), np.float32)
        rows[: len(words)] = [vectors[word] for word in words]
        keys = np.full(size, np.finfo(np.float64).max)
        keys[: len(words)] = np.arange(len(words))
        tensors["known.learned"] = tensors.pop("learned_words.vectors")
        tensors |= {"known.rows": torch.from_numpy(rows), "known.keys": torch.from_numpy(keys)}
    old = {n.replace("clip_length.", "pace."): tensor for n, tensor in tensors.items()}
    folder.mkdir()
    save_file(old, folder / "model.safetensors")
    description |= {"format": 1, "config": options}
    del description["sha256"], description["parts"]
    (folder / "checkpoint.json").write_text(json.dumps(description))
    return folder


@pytest.fixture(scope="module")
def known_words_run(tmp_path_factory):
    out = tmp_path_factory.mktemp("known-words")
    model = {
        "modalities": ["text"],
        "encoder": {"hidden": 8, "heads": 2, "layers": 1},
        "text": {"known_words": 20, "word_bag": True, "clip_length": True},
    }
    train_options = {"epochs": 2, "batch_size": 8, "learning_rate": 0.05}
    train(Config.model_validate({"model": model, "train": train_options}), vectors_dataset(), out)
    return out


def predictions(checkpoint, clips):
    arrays = [arrange(clip, checkpoint.config.data) for clip in clips]
    return infer(checkpoint.model, arrays).set_log_probs


def test_known_words_are_listed_in_the_checkpoint(known_words_run):
    words = described(known_words_run)["known_words"]
    assert set(words) == {"happy", "sad", "angry", "the", "film", "do", "n't"}
    checkpoint = load_checkpoint(known_words_run)
    assert checkpoint.model.vocabulary.words == tuple(words)
    assert checkpoint.model.learned_words.vectors.abs().sum() > 0


@pytest.mark.parametrize("words", [None, "happy", [1, 2], ["a", "a"], ["a"] * 30])
def test_known_words_that_cannot_be(known_words_run, tmp_path, words):
    run = shutil.copytree(known_words_run, tmp_path / "run")
    write_sealed(run / "checkpoint.json", {**described(run), "known_words": words})
    assert "known_words" in refused(run)


@pytest.mark.parametrize("name", ["saved", "known_words_run"])
def test_a_checkpoint_of_format_1_is_the_same_model(name, tmp_path, request):
    run = request.getfixturevalue(name)
    today, old = load_checkpoint(run), load_checkpoint(downgraded(run, tmp_path / "old"))
    assert old.config == today.config
    clips = (vectors_dataset() if name != "saved" else planted_dataset(8, 8, 8)).clips
    np.testing.assert_array_equal(predictions(old, clips), predictions(today, clips))
    save_checkpoint(old, tmp_path / "again")
    for file in ("checkpoint.json", "model.safetensors"):
        assert (tmp_path / "again" / file).read_bytes() == (run / file).read_bytes()


def test_format_1_with_known_words_of_other_vectors_says_to_retrain(known_words_run, tmp_path):
    old = downgraded(known_words_run, tmp_path / "old")
    text = (old / "checkpoint.json").read_text()
    digest = ASSETS["glove-6b-50d"].digest
    (old / "checkpoint.json").write_text(text.replace(digest, "0" * 16))
    assert refused(old).endswith("retrain")
    (old / "checkpoint.json").write_text(text)
    tensors = load_file(old / "model.safetensors")
    tensors["known.rows"][0] += 1
    save_file(tensors, old / "model.safetensors")
    assert refused(old).endswith("retrain")


@pytest.mark.parametrize("file", ["checkpoint.json", "model.safetensors"])
def test_no_flipped_bit_goes_unnoticed(saved, run, file):
    data = (saved / file).read_bytes()
    rng = np.random.default_rng(0)
    for place, bit in zip(rng.integers(len(data), size=20), rng.integers(8, size=20), strict=True):
        damaged = bytearray(data)
        damaged[place] ^= 1 << bit
        (run / file).write_bytes(damaged)
        assert file in refused(run)


@pytest.mark.parametrize("change", [("sha256", "sia256"), ("parts", "partz"), ("format", "fermat")])
def test_a_damaged_key_of_a_digest_is_noticed(run, change):
    path = run / "checkpoint.json"
    path.write_text(path.read_text().replace(f'"{change[0]}"', f'"{change[1]}"'))
    assert "checkpoint.json" in refused(run)


@pytest.mark.parametrize(
    "parts", [None, {}, {"model.safetensors": "../../x"}, {"model.safetensors": 1}]
)
def test_a_description_without_the_digest_of_its_weights(run, parts):
    write_sealed(run / "checkpoint.json", {**described(run), "parts": parts})
    assert "expected the SHA-256 of model.safetensors" in refused(run)


def test_a_checkout_with_other_line_ends_is_the_same_model(run):
    path = run / "checkpoint.json"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    load_checkpoint(run)


def test_new_weights_under_an_old_description_are_refused(saved, run):
    """As a crash between two renames left them in earlier versions."""
    changed = load_file(saved / "model.safetensors")
    save_file({name: weight * 1.01 for name, weight in changed.items()}, run / "model.safetensors")
    assert "damaged or of another model" in refused(run)


def test_a_checkpoint_of_format_2_still_loads(run):
    earlier = described(run)
    del earlier["sha256"], earlier["parts"]
    (run / "checkpoint.json").write_text(json.dumps({**earlier, "format": 2}))
    before = fingerprint(run)
    assert load_checkpoint(run).labels == tuple(earlier["labels"])
    weights = load_file(run / "model.safetensors")
    save_file({name: weight * 2 for name, weight in weights.items()}, run / "model.safetensors")
    assert fingerprint(run) != before
