import json
import shutil

import pytest
from planted import planted_dataset

from mmemo.checkpoint import load_checkpoint
from mmemo.config import Config
from mmemo.errors import CheckpointError
from pipelines.train import train


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    model = {"hidden": 8, "heads": 2, "encoder_layers": 1}
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
        ("config", {"model": {"hidden": "wide"}}),
        ("trained_on", {}),
    ],
)
def test_a_description_that_does_not_fit(run, key, value):
    (run / "checkpoint.json").write_text(json.dumps({**described(run), key: value}))
    refused(run)


@pytest.mark.parametrize("cut", [0, 9, 1000, -3])
def test_weights_cut_short(run, cut):
    path = run / "model.safetensors"
    path.write_bytes(path.read_bytes()[:cut])
    assert "model.safetensors" in refused(run)


def test_weights_of_another_model(run, tmp_path):
    config = Config.model_validate({"model": {"hidden": 12, "heads": 2}, "train": {"epochs": 1}})
    train(config, planted_dataset(16, 8, 8), tmp_path / "other")
    shutil.copy(tmp_path / "other/model.safetensors", run)
    assert "belong to another model" in refused(run)


def test_missing_weights(run):
    (run / "model.safetensors").unlink()
    assert "model.safetensors" in refused(run)
