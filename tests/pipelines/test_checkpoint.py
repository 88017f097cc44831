import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from planted import planted_dataset

from mmemo.checkpoint import PartialReading, load_checkpoint, save_checkpoint
from mmemo.config import Config
from mmemo.errors import CheckpointError
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
    (run / "checkpoint.json").write_text(json.dumps({**described(run), key: value}))
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
    wanted = [partial[voice].label_thresholds, loaded.label_thresholds, (0.2,) * 6]
    np.testing.assert_allclose(cuts, wanted)
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
    held = {**described(run), "partial": {read: {**own, **changed}}}
    (run / "checkpoint.json").write_text(json.dumps(held))
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
    assert "belong to another model" in refused(run)


def test_missing_weights(run):
    (run / "model.safetensors").unlink()
    assert "model.safetensors" in refused(run)
