"""``mmemo search``: try options by Optuna's tree-structured Parzen estimator, and keep the best.

Akiba et al., "Optuna", KDD 2019. Trials are compared on validation clips alone, by the figure that
``train.select_by`` names. An interrupted search resumes: finished trials are in
``OUT/trials.log``, and an unfinished trial is run again.
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmemo.config import Config
from mmemo.config.toml import read_toml
from mmemo.datasets.dataset import Dataset
from mmemo.errors import ConfigError
from mmemo.files import utf8, write_atomically
from pipelines.outputs import make_folder
from pipelines.training.train import LOWER_IS_BETTER, train

logger = logging.getLogger(__name__)

TRIALS_FILE = "trials.log"
BEST_FILE = "best.toml"
Choices = list[Any] | dict[str, Any]


def read_space(path: Path) -> dict[str, Choices]:
    """Read the options to vary: TOML with a table ``[search]``.

        [search]
        "train.learning_rate" = { low = 3e-4, high = 3e-3, log = true }
        "model.encoder.hidden" = [32, 64, 128]

    Raises:
        ConfigError: the file cannot be read, or has no such table.
    """
    try:
        space = read_toml(path)["search"]
        for key, choices in space.items():
            if not _is_range(choices) and not (isinstance(choices, list) and choices):
                raise ConfigError(
                    f"{path}: {key}: expected a list of values, or {{ low, high }} with numbers; "
                    f"got {choices!r}"
                )
        return dict(space)
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise ConfigError(f"{path}: expected TOML with a table [search] ({error!r})") from None


def search(
    config: Config,
    dataset: Dataset,
    out: Path,
    space: Mapping[str, Choices],
    n_trials: int,
    device: str = "cpu",
) -> Config:
    """Run trials until ``n_trials`` are finished, and write the best options to ``best.toml``.

    Returns:
        The best options.

    Raises:
        ConfigError: an option is unknown or out of range, or Optuna is not installed.
        MmemoError: as ``pipelines.training.train.train``.
    """
    optuna = _import_optuna()
    make_folder(out)
    backend = optuna.storages.journal.JournalFileBackend(str(out / TRIALS_FILE))
    select_by = config.train.select_by
    study = optuna.create_study(
        storage=optuna.storages.JournalStorage(backend),
        study_name="mmemo",
        direction="minimize" if select_by in LOWER_IS_BETTER else "maximize",
        load_if_exists=True,
    )
    finished = len(study.get_trials(states=[optuna.trial.TrialState.COMPLETE]))
    # A resumed sampler with the same seed would draw the same trials again.
    study.sampler = optuna.samplers.TPESampler(
        seed=config.train.seed + len(study.trials), n_startup_trials=5
    )

    def figure_of(trial: Any) -> float:
        options = {key: _suggest(trial, key, choices) for key, choices in space.items()}
        chosen = config.with_options(options, "[search]")
        value = train(chosen, dataset, out / f"trial-{trial.number}", device).valid[select_by]
        logger.info("trial %d: %s %.4f with %s", trial.number, select_by, value, trial.params)
        return value

    study.optimize(figure_of, n_trials=max(0, n_trials - finished), catch=())
    if not study.get_trials(states=[optuna.trial.TrialState.COMPLETE]):
        raise ConfigError(f"{out}: expected a trial with a finite {select_by}; none has one")
    best = config.with_options(study.best_params, "[search]")
    write_atomically(out / BEST_FILE, utf8(to_toml(best)))
    return best


def to_toml(config: Config) -> str:
    """Write the options that differ from their defaults as a configuration file."""
    lines: list[str] = []
    for section, options in config.model_dump(mode="json", exclude_defaults=True).items():
        tables = {key: value for key, value in options.items() if isinstance(value, dict)}
        plain = {key: value for key, value in options.items() if key not in tables}
        lines += [f"[{section}]", *(f"{key} = {json.dumps(v)}" for key, v in plain.items()), ""]
        for key, table in tables.items():
            lines += _table(f"{section}.{key}", table)
    return "\n".join(lines)


def _table(name: str, table: Mapping[str, Any]) -> list[str]:
    lines = [f"[{name}]"]
    nested = {key: value for key, value in table.items() if isinstance(value, dict)}
    lines += [f"{json.dumps(k)} = {json.dumps(v)}" for k, v in table.items() if k not in nested]
    lines.append("")
    for key, value in nested.items():
        lines += _table(f"{name}.{json.dumps(key)}", value)
    return lines


def _is_range(choices: Any) -> bool:
    return (
        isinstance(choices, dict)
        and {"low", "high"} <= set(choices) <= {"low", "high", "log"}
        and all(isinstance(choices[end], (int, float)) for end in ("low", "high"))
        and choices["low"] < choices["high"]
    )


def _suggest(trial: Any, key: str, choices: Choices) -> Any:
    """Return the value that Optuna suggests for an option.

    Raises:
        ConfigError: the range is impossible, or the trials so far had another one.
    """
    try:
        if isinstance(choices, list):
            return trial.suggest_categorical(key, choices)
        low, high, log = choices["low"], choices["high"], bool(choices.get("log", False))
        if isinstance(low, int) and isinstance(high, int):
            return trial.suggest_int(key, low, high, log=log)
        return trial.suggest_float(key, low, high, log=log)
    except ValueError as error:
        raise ConfigError(
            f"[search] {key}: expected a range to draw from, the same as in the trials "
            f"so far ({error}); correct it, or choose another --out"
        ) from None


def _import_optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise ConfigError("expected Optuna to be installed; pip install 'mmemo[search]'") from None
    # At a lower level it prints the traceback of an error that the command reports in one line.
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna
