"""A search over options: what it tries, what it keeps, and that it goes on after a stop."""

import logging
import math

import pytest
from planted import planted_dataset

from mmemo.config import Config
from mmemo.errors import ConfigError
from pipelines.training.search import read_space, search, to_toml

CONFIG = Config.model_validate(
    {
        "model": {"encoder": {"hidden": 8, "heads": 2, "layers": 1}},
        "data": {"label_maps": {'a "b" c': {"joy": "happiness", "calm": ""}}, "sampling": {"a": 2}},
        "train": {"epochs": 1},
    }
)


def test_the_best_trial_is_kept_and_a_stopped_search_goes_on(tmp_path, monkeypatch):
    pytest.importorskip("optuna")
    space = {"train.learning_rate": {"low": 1e-7, "high": 1e-1, "log": True}}
    dataset, figures = planted_dataset(), {}

    def noted(config, dataset, out, device):
        if len(figures) == 2 and not (tmp_path / "stopped").exists():
            (tmp_path / "stopped").touch()
            raise KeyboardInterrupt
        checkpoint = trained(config, dataset, out, device)
        figures[config.train.learning_rate] = checkpoint.valid["set_nll"]
        return checkpoint

    from pipelines.training.train import train as trained

    monkeypatch.setattr("pipelines.training.search.train", noted)
    with pytest.raises(KeyboardInterrupt):
        search(CONFIG, dataset, tmp_path, space, 4)
    best = search(CONFIG, dataset, tmp_path, space, 4)
    assert len(figures) == 4
    assert figures[best.train.learning_rate] == min(figures.values())
    written = Config.load(tmp_path / "best.toml")
    assert math.isclose(written.train.learning_rate, best.train.learning_rate)
    assert written.model == best.model


def test_options_survive_being_written(tmp_path):
    (tmp_path / "c.toml").write_text(to_toml(CONFIG))
    assert Config.load(tmp_path / "c.toml") == CONFIG


@pytest.mark.parametrize(
    "text",
    ["", "[search]\na = 3", "[search]\na = []", "[search]\na = {low=1}", "[search", "search = 1"],
)
def test_a_space_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "space.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"space\.toml"):
        read_space(tmp_path / "space.toml")


def test_an_unknown_option_is_refused(tmp_path):
    pytest.importorskip("optuna")
    with pytest.raises(ConfigError, match=r"train\.speed"):
        search(CONFIG, planted_dataset(), tmp_path, {"train.speed": [1]}, 1)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"train.batch_size": [8, 16]}, {"train.batch_size": [8, 32]}),
        (None, {"train.learning_rate": {"low": -1.0, "high": 1.0, "log": True}}),
    ],
)
def test_what_optuna_refuses_is_one_error_without_its_traceback(
    tmp_path, capfd, monkeypatch, first, second
):
    pytest.importorskip("optuna")
    # Commands in other tests have directed the log to a stream that is closed by now.
    monkeypatch.setattr(logging, "raiseExceptions", False)
    dataset = planted_dataset(48, 16, 16)
    if first is not None:
        search(CONFIG, dataset, tmp_path, first, 1)
    with pytest.raises(ConfigError, match=r"\[search\] train\.") as caught:
        search(CONFIG, dataset, tmp_path, second, 2)
    assert "\n" not in str(caught.value)
    assert "Traceback" not in capfd.readouterr().err
