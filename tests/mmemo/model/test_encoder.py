import pytest
import torch

from mmemo.batching.batch import Sequence
from mmemo.config import EncoderOptions
from mmemo.model.encoder import CrossModalEncoder, ModalityEncoder, draw_absent, sinusoids

KINDS = ["transformer", "gru"]


def encoder(kind: str, **options: float) -> ModalityEncoder:
    torch.manual_seed(0)
    sizes = {"hidden": 8, "heads": 2, "layers": 2, "dropout": 0.0}
    chosen = EncoderOptions.model_validate({"kind": kind, **sizes, **options})
    return ModalityEncoder(3, chosen).eval()


def sequence(rows: int = 6, clips: int = 2) -> Sequence:
    torch.manual_seed(1)
    mask = torch.rand(clips, rows) > 0.3
    mask[:, 1] = True
    return Sequence(torch.randn(clips, rows, 3) * mask[..., None], mask)


def present(clips: int = 2) -> torch.Tensor:
    return torch.zeros(clips, dtype=torch.bool)


@pytest.mark.parametrize("kind", KINDS)
def test_padding_and_company_change_nothing(kind: str) -> None:
    encode, rows = encoder(kind), sequence()
    alone, _ = encode(Sequence(rows.values[:1], rows.mask[:1]), present(1))
    padded = Sequence(
        torch.cat([rows.values, torch.zeros(2, 9, 3)], dim=1),
        torch.cat([rows.mask, torch.zeros(2, 9, dtype=torch.bool)], dim=1),
    )
    together, mask = encode(padded, present())
    torch.testing.assert_close(together[:1, :6], alone, atol=1e-6, rtol=1e-5)
    assert not mask[:, 6:].any()


@pytest.mark.parametrize("kind", KINDS)
def test_each_row_hears_rows_on_both_sides_and_their_order(kind: str) -> None:
    encode = encoder(kind).double()
    values = torch.randn(1, 5, 3).double().requires_grad_()
    mask = torch.ones(1, 5, dtype=torch.bool)
    memory, _ = encode(Sequence(values, mask), present(1))
    (gradient,) = torch.autograd.grad(memory[0, 2].square().sum(), values)
    assert (gradient[0].abs().sum(dim=-1) > 1e-9).all()
    flipped, _ = encode(Sequence(values.flip(1), mask), present(1))
    assert not torch.allclose(flipped.flip(1), memory, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_no_gradient_reaches_masked_rows(kind: str) -> None:
    encode, rows = encoder(kind), sequence()
    values = rows.values.clone().requires_grad_()
    encode(Sequence(values, rows.mask), present())[0].square().sum().backward()
    assert values.grad is not None
    reached = values.grad.abs().sum(dim=-1) > 0
    assert torch.equal(reached, rows.mask)


@pytest.mark.parametrize("kind", KINDS)
def test_an_absent_modality_is_its_token_and_nothing_else(kind: str) -> None:
    encode, rows = encoder(kind), sequence()
    absent = torch.tensor([True, False])
    memory, mask = encode(rows, absent)
    assert mask[0].tolist() == [True] + [False] * 5
    assert torch.equal(mask[1], rows.mask[1])
    noise, _ = encode(Sequence(torch.randn_like(rows.values), rows.mask), absent)
    torch.testing.assert_close(noise[0], memory[0])
    empty = Sequence(torch.zeros(1, 1, 3), torch.zeros(1, 1, dtype=torch.bool))
    torch.testing.assert_close(encode(empty, torch.tensor([True]))[0][0, 0], memory[0, 0])
    memory[0].square().sum().backward()
    assert encode.absent_token.grad is not None
    assert encode.absent_token.grad.abs().sum() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_acts_in_training_only_and_leaves_a_row(kind: str) -> None:
    encode, rows = encoder(kind, row_dropout=0.5, input_dropout=0.5, dropout=0.5), sequence()
    torch.testing.assert_close(encode(rows, present())[0], encode(rows, present())[0])
    encode.train()
    masks = torch.stack([encode(rows, present())[1] for _ in range(50)])
    assert masks.any(dim=-1).all()
    assert not (masks & ~rows.mask).any()
    assert masks.sum() < 0.7 * 50 * rows.mask.sum()


def test_modalities_hear_each_other_at_any_lengths() -> None:
    torch.manual_seed(0)
    cross = CrossModalEncoder(
        ("text", "audio", "visual"),
        EncoderOptions(hidden=8, heads=2, cross_layers=2, dropout=0.0),
    )
    lengths = {"text": 3, "audio": 11, "visual": 7}
    values = {m: torch.randn(2, rows, 8, requires_grad=True) for m, rows in lengths.items()}
    masks = {m: torch.ones(2, rows, dtype=torch.bool) for m, rows in lengths.items()}
    masks["audio"][:, 5:] = False
    out = cross({m: Sequence(values[m], masks[m]) for m in lengths})
    for target, rows in lengths.items():
        assert out[target].values.shape == (2, rows, 8)
        for source, rows_of_source in values.items():
            (gradient,) = torch.autograd.grad(
                out[target].values[0, 0].square().sum(), rows_of_source, retain_graph=True
            )
            assert gradient[0].abs().sum() > 0, (target, source)
            assert gradient[1].abs().sum() == 0, "clips do not hear each other"
            assert gradient[0][~masks[source][0]].abs().sum() == 0


def test_hidden_modalities_leave_each_clip_one_it_has() -> None:
    torch.manual_seed(0)
    have = torch.tensor([[True, True, True], [False, True, False], [False, False, False]])
    draws = torch.stack([draw_absent(have, 0.7) for _ in range(400)])
    assert (draws | have).all(), "what a clip has not is always absent"
    assert not draws[:, 0].all(dim=-1).any()
    assert not draws[:, 1, 1].any()
    assert draws[:, 2].all()
    # Each of three is hidden 7 times in 10, less the third of the 0.343 in which all would be.
    assert abs(float(draws[:, 0].float().mean()) - (0.7 - 0.343 / 3)) < 0.05


def test_positions_differ_and_do_not_depend_on_the_length() -> None:
    long = sinusoids(3000, 16, torch.zeros(1))
    torch.testing.assert_close(sinusoids(10, 16, torch.zeros(1)), long[:10])
    assert torch.cdist(long[:200], long[:200]).fill_diagonal_(9).min() > 0.1
    assert sinusoids(4, 16, torch.zeros(1).double()).dtype == torch.float64
