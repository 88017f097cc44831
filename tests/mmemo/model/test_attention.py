import pytest
import torch
from torch import nn

from mmemo.model.attention import MultiHeadAttention


def pair(hidden: int, heads: int) -> tuple[MultiHeadAttention, nn.MultiheadAttention]:
    """Ours, and PyTorch's with the same weights."""
    torch.manual_seed(0)
    ours = MultiHeadAttention(hidden, heads).double()
    theirs = nn.MultiheadAttention(hidden, heads, batch_first=True).double()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key_value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key_value.bias]))
        theirs.out_proj.load_state_dict(ours.output.state_dict())
    return ours, theirs


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_equals_torch_with_the_same_weights(heads: int) -> None:
    ours, theirs = pair(8, heads)
    queries, memory = torch.randn(3, 5, 8).double(), torch.randn(3, 7, 8).double()
    mask = torch.rand(3, 7) > 0.4
    mask[:, 2] = True
    expected, weights = theirs(queries, memory, memory, key_padding_mask=~mask)
    torch.testing.assert_close(ours(queries, memory, mask), expected)
    torch.testing.assert_close(ours.weights(queries, memory, mask), weights)


def test_masked_rows_are_as_good_as_cut_out() -> None:
    ours, _ = pair(8, 2)
    queries, memory = torch.randn(1, 5, 8).double(), torch.randn(1, 7, 8).double()
    mask = torch.tensor([[True, False, True, True, False, False, True]])
    cut = ours(queries, memory[:, mask[0]], torch.ones(1, 4, dtype=torch.bool))
    torch.testing.assert_close(ours(queries, memory, mask), cut)


def test_nothing_to_attend_to_is_finite_forward_and_backward() -> None:
    ours = MultiHeadAttention(8, 2)
    queries = torch.randn(2, 3, 8, requires_grad=True)
    memory = torch.randn(2, 4, 8, requires_grad=True)
    mask = torch.tensor([[True, True, False, False], [False, False, False, False]])
    out = ours(queries, memory, mask)
    torch.testing.assert_close(out[1], ours.output.bias.expand(3, 8))
    assert ours.weights(queries, memory, mask)[1].abs().sum() == 0
    out.sum().backward()
    for tensor in (queries, memory, *ours.parameters()):
        assert tensor.grad is not None
        assert torch.isfinite(tensor.grad).all()
    assert memory.grad is not None
    assert memory.grad[1].abs().sum() == 0
    assert memory.grad[0, 2:].abs().sum() == 0
