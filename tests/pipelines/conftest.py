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
