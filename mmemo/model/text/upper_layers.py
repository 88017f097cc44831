"""The upper layers of a pretrained encoder, as an encoder of the states below them.

Architectures differ in the names of their parts, in what a layer returns, and in what they do by a
layer's number (masks of a window, rotations). So lower layers stay in their places and pass states
on, and the result is compared with the whole encoder's before it is used.
"""

import contextlib
import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from mmemo.errors import ConfigError

_PROBE_PIECES = 7
_TOLERANCE = 1e-3
"""Of the largest state; the order of sums may differ, a wrong layer differs by much more."""


def upper_layers(encoder: Any, first: int) -> Any:
    """Return an encoder that starts at layer ``first``, sharing all weights.

    Args:
        encoder: of transformers, with its layers in one list.
        first: how many layers are left out.

    Returns:
        An encoder of ``inputs_embeds``, the states before that layer.

    Raises:
        ConfigError: the encoder has another structure.
    """
    layers = _list_of_layers(encoder)
    # Layers return the states, or a tuple that begins with them.
    for returned in (_states, _tuple_of_states):
        upper = _without_lower(encoder, layers, first, returned)
        with contextlib.suppress(TypeError, AttributeError, ValueError, IndexError, RuntimeError):
            if _agree(encoder, upper, first):
                return upper
    raise _unreadable()


def _states(states: Tensor) -> Tensor:
    return states


def _tuple_of_states(states: Tensor) -> tuple[Tensor, None]:
    return states, None


def _unreadable() -> ConfigError:
    return ConfigError(
        "model.pretrained.frozen_layers: expected 0 or 1 for this encoder, which cannot be "
        "read from its middle"
    )


def _list_of_layers(encoder: Any) -> str:
    """Return the name of the module with the encoder's layers."""
    depth = encoder.config.num_hidden_layers
    lists = [
        name
        for name, module in encoder.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == depth
    ]
    if len(lists) != 1:
        raise _unreadable()
    return lists[0]


def _without_lower(
    encoder: Any, layers: str, first: int, returned: Callable[[Tensor], object]
) -> Any:
    upper = _sharing(encoder)
    if "embeddings" in upper._modules:
        upper._modules["embeddings"] = _PassOn()
    holder = upper
    *way, last = layers.split(".")
    for name in way:
        holder._modules[name] = _sharing(holder._modules[name])
        holder = holder._modules[name]
    every = list(holder._modules[last])
    lower = [_passing_on(layer, returned) for layer in every[:first]]
    holder._modules[last] = nn.ModuleList([*lower, *every[first:]])
    return upper


class _PassOn(nn.Module):
    """Replaces the embeddings, which have been applied already."""

    def forward(self, *, inputs_embeds: Tensor, **_: Any) -> Tensor:
        return inputs_embeds


def _passing_on(layer: Any, returned: Callable[[Tensor], object]) -> Any:
    """Return a layer without weights that changes nothing.

    It keeps the layer's other attributes, such as the kind of its mask, which the encoder may read.
    """

    def forward(hidden_states: Tensor, *_: Any, **__: Any) -> object:
        return returned(hidden_states)

    twin = _sharing(layer)
    twin._modules, twin.forward = {}, forward
    return twin


def _sharing(module: Any) -> Any:
    """Copy a module but share its submodules."""
    twin = copy.copy(module)
    twin._modules = dict(module._modules)
    return twin


@torch.no_grad()
def _agree(encoder: Any, upper: Any, first: int) -> bool:
    """Whether an encoder's upper layers make of its middle states what it makes itself."""
    device = next(encoder.parameters()).device
    training = encoder.training
    encoder.eval()
    upper.eval()
    ids = torch.arange(1, 1 + _PROBE_PIECES, device=device)[None] % encoder.config.vocab_size
    mask = torch.ones_like(ids)
    whole = encoder(input_ids=ids, attention_mask=mask, output_hidden_states=True)
    states = whole.hidden_states[first]
    above = upper(inputs_embeds=states, attention_mask=mask).last_hidden_state
    encoder.train(training)
    difference = (above - whole.last_hidden_state).abs().max()
    return bool(difference <= _TOLERANCE * whole.last_hidden_state.abs().max())
