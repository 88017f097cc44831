"""Load pretrained encoders, and describe them in checkpoints.

Only safetensors are read, and no code of a model is run.
"""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from mmemo.assets.resolve import ASSETS, is_offline, resolve
from mmemo.assets.table import sha256_of
from mmemo.config import PretrainedOptions
from mmemo.errors import ConfigError
from mmemo.model.text.pretrained import PretrainedWords


def load_pretrained(options: PretrainedOptions) -> PretrainedWords:
    """Load an encoder by the name of an asset, from a folder, or from the Hugging Face hub.

    Raises:
        AssetError: an asset cannot be fetched.
        ConfigError: there is no such model, or it is not an encoder that transformers can load.
    """
    place, source = _find(options.name)
    return _build(place, source, options, weights=True)


def rebuild_pretrained(folder: Path, source: str, options: PretrainedOptions) -> PretrainedWords:
    """Build an encoder that ``save_description`` described, with fresh weights.

    Raises:
        ConfigError: the folder does not hold one.
    """
    return _build(str(folder), source, options, weights=False)


def save_description(words: PretrainedWords, folder: Path) -> None:
    """Write the configuration and tokenizer of a fine-tuned encoder, without its weights."""
    words.model.config.save_pretrained(folder)
    words.tokenizer.save_pretrained(folder)


def _find(name: str) -> tuple[str, str]:
    """Return the place where transformers finds a model, and the fingerprint of its bytes."""
    if name in ASSETS:
        return str(resolve(name)), f"{name}:{ASSETS[name].digest}"
    weights = Path(name) / "model.safetensors"
    if name and weights.is_file():
        return name, f"folder:{sha256_of(weights)[:16]}"
    if not name or Path(name).exists() or not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name):
        raise ConfigError(
            f"model.pretrained.name: expected an asset, a folder with config.json and "
            f"model.safetensors, or a model of the hub; got {name!r}"
        )
    return name, f"hub:{name}"


def _build(
    place: str, source: str, options: PretrainedOptions, *, weights: bool
) -> PretrainedWords:
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    # Otherwise transformers asks the user whether to run code that came with the model.
    local = {
        "local_files_only": Path(place).is_dir() or is_offline(),
        "trust_remote_code": False,
    }
    try:
        with _quiet():
            config = AutoConfig.from_pretrained(place, **local)
            _set_dropout(config, options.dropout)
            tokenizer = AutoTokenizer.from_pretrained(place, **local)
            if weights:
                encoder = AutoModel.from_pretrained(
                    place, config=config, dtype=torch.float32, use_safetensors=True, **local
                )
            else:
                encoder = AutoModel.from_config(
                    config, dtype=torch.float32, trust_remote_code=False
                )
        source = f"{source}@{config._commit_hash}" if source.startswith("hub:") else source
        return PretrainedWords(encoder, tokenizer, options, source)
    except (OSError, ValueError, KeyError, AttributeError, ImportError, SafetensorError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ConfigError(
            f"model.pretrained.name: expected an encoder that transformers can load; got "
            f"{options.name!r} ({reason})"
        ) from None


def _set_dropout(config: Any, dropout: float) -> None:
    """Set dropout of states; that of attention weights would forbid the fused kernel."""
    for names, value in (
        (("hidden_dropout_prob", "hidden_dropout", "dropout"), dropout),
        (("attention_probs_dropout_prob", "attention_dropout"), 0.0),
    ):
        for name in names:
            if hasattr(config, name):
                setattr(config, name, value)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers' bars and reports off the user's screen while a model loads."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
