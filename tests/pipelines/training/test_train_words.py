"""Training with a pretrained encoder of the words and with context, from table to checkpoint."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sealed_json import write_sealed
from transformers import BertConfig, BertModel

from mmemo.assets.resolve import resolve
from mmemo.checkpoint import load_checkpoint, save_checkpoint
from mmemo.config import Config
from mmemo.datasets.dataset import Dataset
from mmemo.errors import CheckpointError, ConfigError
from mmemo.features import Clip, ClipFeatures, Word
from mmemo.inference import infer
from pipelines.evaluation.evaluate import evaluate
from pipelines.training.seeds import train_seeds
from pipelines.training.train import labelled, parameter_groups, train

GOOD, BAD = "lovely delightful wonderful great".split(), "awful dreadful terrible sad".split()


@pytest.fixture
def encoder(tmp_path):
    """Save an untrained BERT of two layers with a real vocabulary."""
    folder = tmp_path / "encoder"
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=30522,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        initializer_range=0.1,
    )
    BertModel(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(resolve("minilm-l6") / name, folder)
    return folder


def spoken(number, split, rng):
    """Happy clips say a good word, sad ones a bad one; half of the words say nothing."""
    happy = rng.random() < 0.5
    texts = [*rng.choice(["the", "film", "was", "it", "sp"], 3), rng.choice(GOOD if happy else BAD)]
    words = tuple(Word(text, float(n), n + 1.0) for n, text in enumerate(texts))
    clip = Clip(
        f"{split}{number}",
        f"{split}{number // 3}",
        start=float(number % 3),
        words=words,
        split=split,
        intensities=(float(happy), float(not happy), 0.0, 0.0, 0.0, 0.0),
    )
    return ClipFeatures(clip, {})


@pytest.fixture(scope="module")
def dataset():
    rng = np.random.default_rng(0)
    splits = (("train", 96), ("valid", 30), ("test", 30))
    return Dataset("t", False, tuple(spoken(n, s, rng) for s, size in splits for n in range(size)))


def options(encoder, context="none", **pretrained):
    return Config.model_validate(
        {
            "model": {
                "modalities": ["text"],
                "pretrained": {"name": str(encoder), **pretrained},
                "encoder": {"hidden": 16, "heads": 2},
                "context": {"kind": context},
            },
            "train": {
                "epochs": 12,
                "patience": 12,
                "batch_size": 8,
                "learning_rate": 0.01,
                "pretrained_learning_rate": 0.003,
            },
        }
    )


KINDS = [
    {"context": "video", "span": "video", "frozen_layers": 2},
    {"training": "frozen"},
]


@pytest.mark.parametrize("kind", KINDS)
def test_it_learns_and_the_checkpoint_is_the_trained_model(encoder, dataset, tmp_path, kind):
    trained = train(options(encoder, **kind), dataset, tmp_path / "run")
    report = evaluate(trained, dataset.split("test"))
    assert report["decoders"]["threshold"]["micro_f1"] > 0.8, "a constant earns 2/3"
    assert trained.inputs["text"].names == ()
    if "training" not in kind:
        shutil.rmtree(encoder)  # a fine-tuned encoder travels with the checkpoint
        (tmp_path / "run/encoder/.DS_Store").touch()  # as systems add
        vocabulary = tmp_path / "run/encoder/tokenizer.json"
        whole = vocabulary.read_bytes()
        vocabulary.write_bytes(whole.replace(b'"a', b'"b', 1))
        with pytest.raises(CheckpointError, match="encoder: expected"):
            load_checkpoint(tmp_path / "run")
        vocabulary.write_bytes(whole)
    loaded = load_checkpoint(tmp_path / "run")
    assert evaluate(loaded, dataset.split("test")) == report
    assert loaded.model.words.source == trained.model.words.source


def test_a_frozen_encoder_that_has_changed_is_refused(encoder, dataset, tmp_path):
    config = options(encoder, training="frozen")
    train(config, dataset, tmp_path / "run")
    description = json.loads((tmp_path / "run/checkpoint.json").read_text())
    assert description["pretrained"].startswith("folder:")
    sizes = [path.stat().st_size for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert sum(sizes) < 200_000, "no weights of the encoder, no vocabulary"
    torch.manual_seed(1)
    BertModel(BertConfig.from_pretrained(encoder)).save_pretrained(encoder)
    with pytest.raises(CheckpointError, match="was trained on the encoder folder:"):
        load_checkpoint(tmp_path / "run")
    shutil.rmtree(encoder)
    with pytest.raises((CheckpointError, ConfigError), match=r"model\.pretrained"):
        load_checkpoint(tmp_path / "run")


def test_what_an_asset_holds_is_not_saved_again(dataset, tmp_path):
    config = options("minilm-l6", frozen_layers=6)
    one_epoch = config.train.model_copy(update={"epochs": 1, "pretrained_learning_rate": 1e-4})
    trained = train(config.model_copy(update={"train": one_epoch}), dataset, tmp_path / "run")
    saved = (tmp_path / "run/model.safetensors").stat().st_size
    assert 4 * 1.7e6 < saved < 4 * 2.1e6, "one of the six layers, and the rest of the model"
    expected = evaluate(trained, dataset.split("test"))
    assert evaluate(load_checkpoint(tmp_path / "run"), dataset.split("test")) == expected
    save_checkpoint(trained, tmp_path / "half", dtype=torch.float16)
    assert (tmp_path / "half/model.safetensors").stat().st_size < 0.52 * saved
    half = load_checkpoint(tmp_path / "half")
    assert {weight.dtype for weight in half.model.parameters()} == {torch.float32}
    clips = labelled(dataset.split("test"), half.config)
    near = infer(half.model, clips).set_log_probs
    np.testing.assert_allclose(near, infer(trained.model, clips).set_log_probs, atol=0.02)
    described = json.loads((tmp_path / "half/checkpoint.json").read_text())
    for change in ({"pretrained_whole": True}, {"pretrained": "minilm-l6:0000"}):
        write_sealed(tmp_path / "half/checkpoint.json", described | change)
        with pytest.raises(CheckpointError, match="half"):
            load_checkpoint(tmp_path / "half")


def test_frozen_layers_read_once_for_all_seeds_and_seeds_stay_what_they_are(
    encoder, dataset, tmp_path
):
    config = options(encoder, training="frozen")
    config = config.model_copy(update={"train": config.train.model_copy(update={"epochs": 2})})
    memory: dict[bytes, torch.Tensor] = {}
    train(config, dataset, tmp_path / "first", memory=memory)
    before = dict(memory)
    train(config.with_seed(1), dataset, tmp_path / "second", memory=memory)
    assert before
    assert memory.keys() == before.keys()
    assert all(memory[key] is state for key, state in before.items())
    train_seeds(config, dataset, tmp_path / "seeds", [1])
    ours, theirs = (
        load_file(tmp_path / run / "model.safetensors") for run in ("second", "seeds/seed-1")
    )
    assert all(torch.equal(weight, theirs[name]) for name, weight in ours.items())


def test_lower_layers_learn_more_slowly(encoder, dataset, tmp_path):
    config = options(encoder, frozen_layers=0)
    one_epoch = config.train.model_copy(update={"epochs": 1})
    config = config.model_copy(update={"train": one_epoch})
    model = train(config, dataset, tmp_path / "run").model
    peaks = {}
    for group in parameter_groups(model, config.train):
        for weight in group["params"]:
            [name] = [n for n, p in model.named_parameters() if p is weight]
            peaks[name] = group["lr"]
    rates = [0.003 * 0.9**2, 0.003 * 0.9, 0.003]
    for name, peak in peaks.items():
        inside = name.removeprefix("words.encoder.")
        expected = 0.01 if inside == name else rates[model.words.depth_of(inside)]
        assert peak == pytest.approx(expected), name
    assert len(set(peaks.values())) == 4
