"""A few real clips and their features, made once for all tests that need them."""

from pathlib import Path

import pytest
from planted import planted_dataset

from mmemo.config import Config
from pipelines.cli import main
from pipelines.commands.options import DEFAULT_CONFIG
from pipelines.sample.build import build
from pipelines.training.train import train


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> Path:
    """Build eight clips of the sample corpus."""
    return build(tmp_path_factory.mktemp("corpus") / "sample", clips=8, jobs=2)


@pytest.fixture(scope="session")
def corpus_features(corpus, tmp_path_factory) -> Path:
    """Extract them, as a user would."""
    out = tmp_path_factory.mktemp("features") / "store"
    assert main(["features", str(corpus), "--out", str(out), "--jobs", "2"]) == 0
    return out


@pytest.fixture(scope="session")
def small_run(corpus_features, tmp_path_factory) -> Path:
    """Train a small model on them: enough to answer, not to be right."""
    out = tmp_path_factory.mktemp("runs") / "small"
    small = [
        "model.encoder.hidden=16",
        "model.encoder.heads=2",
        "model.encoder.layers=1",
        "train.epochs=1",
    ]
    arguments = ["train", "--set", *small, "--data", str(corpus_features), "--out", str(out)]
    assert main(arguments) == 0
    return out


@pytest.fixture(scope="session")
def planted_run(tmp_path_factory) -> Path:
    """Train a tiny model on made-up features: a checkpoint to carry around."""
    out = tmp_path_factory.mktemp("runs") / "planted"
    small = [
        "model.encoder.hidden=8",
        "model.encoder.heads=2",
        "train.epochs=1",
        "train.batch_size=16",
    ]
    train(Config.load(DEFAULT_CONFIG, small), planted_dataset(48, 16, 16), out)
    return out
