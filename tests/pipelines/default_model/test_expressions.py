"""The expression network: the extractor runs what was trained; mirrored faces are one."""

import sys

import numpy as np
import pytest
import torch
from fer2013 import unpack
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from extractors.facet.expression import (
    EXPRESSIONS,
    MOST_ODDS,
    ExpressionNetwork,
    log_odds,
    standardised,
)
from extractors.facet.measures import mirror_of
from extractors.facet.tracker import FaceTracker
from mmemo.errors import AssetError
from pipelines.default_model import expressions
from pipelines.default_model.expressions import (
    SMALL_LANDMARK_CM,
    TrainedNetwork,
    shrunk,
    symmetric_statistics,
    vary,
)
from pipelines.default_model.face_pictures import Faces


@pytest.fixture(scope="module")
def pairs() -> np.ndarray:
    return mirror_of(FaceTracker().networks.canonical)


def random_faces(number: int, seed: int = 0) -> Faces:
    rng = np.random.default_rng(seed)
    return Faces(
        rng.integers(0, 256, (number, 48, 48)).astype(np.uint8),
        rng.normal(0, 3, (number, 478, 3)).astype(np.float32),
        rng.normal(0, 20, (number, 3)).astype(np.float32),
        np.arange(number) % len(EXPRESSIONS),
        np.array([f"happy/{place}.jpg" for place in range(number)]),
        np.zeros(len(EXPRESSIONS), np.int64),
    )


def trained_for_a_moment(faces: Faces, pairs: np.ndarray) -> TrainedNetwork:
    """Give weights and batch norms values of their own."""
    torch.manual_seed(0)
    network = TrainedNetwork(*symmetric_statistics(faces.heads, pairs))
    optimiser = torch.optim.SGD(network.parameters(), lr=0.05)
    tensors = (
        torch.from_numpy(standardised(faces.patches)),
        torch.from_numpy(faces.heads),
        torch.from_numpy(faces.angles),
    )
    for _ in range(3):
        loss = torch.nn.functional.cross_entropy(network(*tensors), torch.from_numpy(faces.labels))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network.eval()


def test_the_extractor_computes_what_was_trained(tmp_path, pairs):
    faces = random_faces(24)
    network = trained_for_a_moment(faces, pairs)
    (tmp_path / "weights.safetensors").write_bytes(save(network.weights()))
    extractor = ExpressionNetwork(tmp_path / "weights.safetensors")
    with torch.no_grad():
        logits = network(
            torch.from_numpy(standardised(faces.patches)),
            torch.from_numpy(faces.heads),
            torch.from_numpy(faces.angles),
        ).numpy()
    measured = zip(faces.patches, faces.heads, faces.angles, strict=True)
    columns = np.stack([extractor(*face) for face in measured])
    np.testing.assert_allclose(columns, [log_odds(row) for row in logits], atol=1e-3)
    assert columns.std(axis=0).min() > 0.01


def test_log_odds_are_those_of_a_softmax():
    logits = np.array([1.0, -2.0, 0.5, 3.0])
    probabilities = np.exp(logits) / np.exp(logits).sum()
    expected = np.log10(probabilities / (1 - probabilities))
    np.testing.assert_allclose(log_odds(logits), expected, rtol=1e-5)
    extreme = log_odds(np.array([100.0, -100.0]))
    np.testing.assert_array_equal(extreme, [MOST_ODDS, -MOST_ODDS])


def test_the_mean_shape_is_symmetric(pairs):
    mean, deviation = symmetric_statistics(random_faces(50).heads, pairs)
    np.testing.assert_allclose(mean, mean[pairs] * [-1, 1, 1], atol=1e-5)
    np.testing.assert_allclose(deviation, deviation[pairs], atol=1e-5)
    assert deviation.min() > 0


def test_variations_keep_shapes_and_mirror_everything_together(pairs):
    faces = random_faces(64)
    torch.manual_seed(0)
    patches, heads, angles = vary(
        torch.from_numpy(standardised(faces.patches)),
        torch.from_numpy(faces.heads),
        torch.from_numpy(faces.angles),
        torch.from_numpy(pairs),
    )
    assert patches.shape == (64, 48, 48)
    assert torch.isfinite(patches).all()
    mirrored = angles[:, 1].numpy() == -faces.angles[:, 1]
    assert 10 < mirrored.sum() < 54
    expected = np.where(mirrored[:, None, None], faces.heads[:, pairs] * [-1, 1, 1], faces.heads)
    assert np.abs(heads.numpy() - expected).max() < 8 * SMALL_LANDMARK_CM


@settings(deadline=None, max_examples=20)
@given(width=st.integers(6, 48))
def test_a_small_face_keeps_its_brightness_and_loses_its_details(width):
    patches = torch.from_numpy(standardised(random_faces(4).patches))[:, None]
    small = shrunk(patches, width)
    assert small.shape == patches.shape
    assert torch.allclose(small.mean((2, 3)), patches.mean((2, 3)), atol=0.1)
    if width == 48:
        assert torch.allclose(small, patches, atol=1e-5)
    else:
        assert (small.std((2, 3)) < patches.std((2, 3))).all()


def test_missing_or_foreign_weights_are_named(tmp_path):
    with pytest.raises(AssetError, match="expression network"):
        ExpressionNetwork(tmp_path / "none.safetensors")
    other = tmp_path / "other.safetensors"
    other.write_bytes(save({"out.bias": np.zeros(3, np.float32)}))
    with pytest.raises(AssetError, match="expected 7 expressions"):
        ExpressionNetwork(other)


@pytest.mark.shared
def test_the_command_writes_weights_that_the_extractor_reads(shared, tmp_path, monkeypatch):
    unpack(shared, tmp_path / "train", 8)
    monkeypatch.setattr(expressions, "EPOCHS", 1)
    monkeypatch.setattr(expressions, "BATCH", 16)
    out = tmp_path / "weights.safetensors"
    folder, work = str(tmp_path), str(tmp_path / "work")
    monkeypatch.setattr(sys, "argv", ["expressions", folder, "--work", work, "--out", str(out)])
    expressions.main()
    assert ExpressionNetwork(out).fingerprint() != ExpressionNetwork().fingerprint()
