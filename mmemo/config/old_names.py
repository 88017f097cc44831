"""Model options under the names they had before they were grouped (checkpoints of format 1)."""

from collections.abc import Mapping
from typing import Any

GROUPS: Mapping[str, Mapping[str, str]] = {
    "encoder": {
        "encoder": "kind",
        "fusion": "fusion",
        "hidden": "hidden",
        "heads": "heads",
        "encoder_layers": "layers",
        "cross_layers": "cross_layers",
        "dropout": "dropout",
        "input_dropout": "input_dropout",
        "row_dropout": "row_dropout",
        "modality_dropout": "modality_dropout",
    },
    "decoder": {
        "decoder": "kind",
        "decoder_layers": "layers",
        "own_evidence": "own_evidence",
        "label_order": "label_order",
        "target_orders": "target_orders",
        "beam": "beam",
        "auxiliary": "degree_loss",
    },
    "text": {
        "known_words": "known_words",
        "known_dropout": "known_dropout",
        "word_bag": "word_bag",
        "pace": "clip_length",
    },
    "context": {"context": "kind", "context_layers": "layers", "context_clips": "clips"},
    "pretrained": {
        "pretrained": "name",
        "pretrained_training": "training",
        "pretrained_span": "span",
        "pretrained_window": "window",
        "pretrained_frozen_layers": "frozen_layers",
        "pretrained_dropout": "dropout",
        "pretrained_checkpointing": "checkpointing",
    },
}
"""Group of today -> name in ``[model]`` before -> name in the group."""

_PLACES = {old: (group, new) for group, names in GROUPS.items() for old, new in names.items()}


def current_key(keys: tuple[str, ...], value: Any) -> tuple[str, ...]:
    """Return the key of today for an option, which is the same for most.

    Args:
        keys: such as ("model", "hidden").
        value: of the option; a table is a group of today, even under an old option's name.
    """
    if len(keys) == 2 and keys[0] == "model" and not isinstance(value, Mapping):
        return "model", *_PLACES.get(keys[1], keys[1:])
    return keys


def regroup(table: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Put the model options of a configuration into their groups.

    Args:
        table: section -> option -> value, under names of before or of today.

    Returns:
        The same options under the names of today, and the old keys that occurred -> the new ones.
    """
    model = table.get("model")
    if not isinstance(model, Mapping):
        return dict(table), {}
    places = {option: current_key(("model", option), value) for option, value in model.items()}
    moved = {option: keys for option, keys in places.items() if len(keys) == 3}
    grouped = {
        option: dict(value) if isinstance(value, Mapping) else value
        for option, value in model.items()
        if option not in moved
    }
    for option, (_, group, name) in moved.items():
        options = grouped.setdefault(group, {})
        if isinstance(options, dict):
            options.setdefault(name, model[option])
    renamed = {f"model.{option}": ".".join(keys) for option, keys in moved.items()}
    return {**table, "model": grouped}, renamed
