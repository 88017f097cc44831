"""A few real clips and their features, made once for all tests that need them."""

from pathlib import Path

import pytest

from pipelines.cli import main
from pipelines.sample_corpus import build


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
    small = ["model.hidden=16", "model.heads=2", "model.encoder_layers=1", "train.epochs=1"]
    train = ["train", "--set", *small, "--data", str(corpus_features), "--out", str(out)]
    assert main(train) == 0
    return out
