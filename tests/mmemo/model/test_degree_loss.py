import numpy as np
import pytest
import torch

from mmemo.batching.batch import ClipArrays
from mmemo.batching.rows import arrange
from mmemo.config import DataConfig, DecoderOptions, EncoderOptions, ModelConfig
from mmemo.features import Clip, ClipFeatures, Features
from mmemo.labels import EMOTIONS
from mmemo.model.emotion_model import build_model

DIMS = {"text": 3, "audio": 2}


def clip(number, degrees):
    rng = np.random.default_rng(number)
    values = {m: rng.normal(size=(4, d)).astype(np.float32) for m, d in DIMS.items()}
    masks = {m: np.ones(4, bool) for m in DIMS}
    return ClipArrays(str(number), values, masks, np.zeros(6), degrees=degrees)


def build(decoder="lattice", weight=0.0):
    torch.manual_seed(0)
    config = ModelConfig(
        modalities=tuple(DIMS),
        encoder=EncoderOptions(hidden=8, heads=2, dropout=0.0, modality_dropout=0.0),
        decoder=DecoderOptions(kind=decoder, degree_loss=weight),
    )
    return build_model(config, DIMS, EMOTIONS)


@pytest.mark.parametrize("decoder", ["lattice", "sequence", "binary"])
def test_degrees_count_in_training_only_and_only_where_known(decoder):
    built = build(decoder, weight=0.5)
    known = np.array([1.0, 0.0, 0.25, 0.0, 0.0, 0.0, -2.0], np.float32)
    partly = np.where(np.arange(7) < 2, known, np.nan).astype(np.float32)
    clips = [clip(0, known), clip(1, partly), clip(2, np.full(7, np.nan, np.float32))]
    batch = built.collate(clips)
    plain = built.eval().losses(batch)
    extra = (built.train().losses(batch) - plain).detach()
    assert extra[0] > extra[1] > 0
    assert extra[2] == pytest.approx(0, abs=1e-6)
    built.losses(batch).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in built.parameters() if p.grad is not None)
    assert built.degrees.predict.weight.grad.abs().sum() > 0
    torch.testing.assert_close(built.losses(batch._replace(degrees=None)), plain)


def test_the_loss_is_zero_where_the_square_roots_are_met():
    built = build(weight=1.0)
    degrees = np.array([0.0, 4.0, 1.0, 0.25, 0.0, 0.0, -2.25], np.float32)
    with torch.no_grad():
        built.degrees.predict.weight.zero_()
        built.degrees.predict.bias.copy_(torch.tensor([0, 2, 1, 0.5, 0, 0, -1.5]))
    batch = built.collate([clip(0, degrees)])
    memories, present = built._encode(batch)
    assert built.degrees(memories, present, batch.degrees).item() == pytest.approx(0, abs=1e-10)
    farther = built.degrees(memories, present, batch.degrees + 1).item()
    assert farther > 0.1


def test_arranged_clips_bring_intensities_and_sentiment():
    rows = Features(np.ones((1, 3)), np.array([[0.0, 1.0]]), np.ones(1, bool), ("a", "b", "c"), "x")
    features = {"text": rows}
    some = Clip("c", "v", intensities=(0.5, 0, 0, 0, 0, float("nan")), sentiment=-1.0)
    np.testing.assert_array_equal(
        arrange(ClipFeatures(some, features), DataConfig()).degrees, [0.5, 0, 0, 0, 0, np.nan, -1]
    )
    unlabelled = Clip("c", "v", sentiment=1.0)
    assert arrange(ClipFeatures(unlabelled, features), DataConfig()).degrees is None
    no_sentiment = Clip("c", "v", intensities=(0.0,) * 6)
    assert np.isnan(arrange(ClipFeatures(no_sentiment, features), DataConfig()).degrees[6])


def test_without_it_the_model_has_no_such_weights():
    assert build().degrees is None
    assert not any("degrees" in name for name in build().state_dict())
