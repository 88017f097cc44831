"""Several seeds in one command, and what is kept of them."""

import json

import pytest
from planted import planted_dataset

from mmemo.config import Config
from mmemo.errors import ConfigError
from pipelines.training.seeds import spread, train_seeds

MODEL = {"encoder": {"hidden": 8, "heads": 2, "layers": 1}}


def config(**changes):
    return Config.model_validate({"model": MODEL, "train": {"epochs": 2, **changes}})


def test_each_seed_has_its_run_and_figures_are_their_mean(tmp_path):
    dataset = planted_dataset()
    checkpoints = train_seeds(config(), dataset, tmp_path, [3, 4])
    nlls = [checkpoint.valid["set_nll"] for checkpoint in checkpoints]
    assert nlls[0] != nlls[1]
    mean, deviation = spread(checkpoints)["set_nll"]
    assert mean == pytest.approx(sum(nlls) / 2)
    assert deviation == pytest.approx(abs(nlls[0] - nlls[1]) / 2**0.5)
    before = (tmp_path / "seed-3/model.safetensors").stat().st_mtime_ns
    again = train_seeds(config(), dataset, tmp_path, [3, 4, 5])
    assert (tmp_path / "seed-3/model.safetensors").stat().st_mtime_ns == before
    assert [checkpoint.config.train.seed for checkpoint in again] == [3, 4, 5]
    with pytest.raises(ConfigError, match=r"other options \(train\.learning_rate .*, now 0\.5\)"):
        train_seeds(config(learning_rate=0.5), dataset, tmp_path, [3])
    train_seeds(config(learning_rate=0.01), dataset, tmp_path, [3], force=True)
    assert (tmp_path / "seed-3/model.safetensors").stat().st_mtime_ns > before


def test_tensorboard_shows_what_the_history_says(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train_seeds(config(tensorboard=True), planted_dataset(), tmp_path, [0])
    lines = (tmp_path / "seed-0/history.jsonl").read_text().splitlines()
    events = accumulator.EventAccumulator(str(tmp_path / "seed-0/tensorboard"))
    events.Reload()
    shown = [event.value for event in events.Scalars("valid/set_nll")]
    assert shown == pytest.approx([json.loads(line)["set_nll"] for line in lines], rel=1e-6)
