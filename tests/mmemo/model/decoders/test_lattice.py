from itertools import permutations

import numpy as np
import pytest
import torch
from torch import Tensor

from mmemo.labels import all_sets
from mmemo.model.decoders.binary import BinaryDecoder
from mmemo.model.decoders.lattice import LatticeDecoder, LatticePaths

K, H = 6, 16


def random_contexts(queries: int, clips: int = 3, modalities: int = 3) -> tuple[Tensor, Tensor]:
    """Contexts large enough that the choices are far from uniform, and who is present."""
    torch.manual_seed(1)
    contexts = 6 * torch.randn(clips, modalities, queries, H, dtype=torch.float64)
    present = torch.ones(clips, modalities, dtype=torch.bool)
    present[1, 0] = False
    return contexts, present


def lattice(n_labels: int = K) -> LatticeDecoder:
    torch.manual_seed(0)
    return LatticeDecoder(n_labels, H).double()


def enumerate_orders(step_log_probs: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, int]:
    """Walk every sequence of distinct labels: p(set), posterior weights of each label, how many."""
    clips, _, symbols, modalities = weights.shape
    n_labels = symbols - 1
    set_probs = torch.zeros(clips, 1 << n_labels, dtype=torch.float64)
    by_label = torch.zeros(clips, n_labels, modalities, dtype=torch.float64)
    count = 0
    for size in range(n_labels + 1):
        for order in permutations(range(n_labels), size):
            state, log_prob, steps = 0, torch.zeros(clips, dtype=torch.float64), []
            for label in order:
                log_prob = log_prob + step_log_probs[:, state, label]
                steps.append((state, label))
                state |= 1 << label
            prob = (log_prob + step_log_probs[:, state, n_labels]).exp()
            set_probs[:, state] += prob
            for before, label in steps:
                by_label[:, label] += prob[:, None] * weights[:, before, label]
            count += 1
    return set_probs, by_label / by_label.sum(dim=-1, keepdim=True), count


def test_equals_the_sum_over_all_1957_orders() -> None:
    decoder, (contexts, present) = lattice(), random_contexts(K + 1)
    with torch.no_grad():
        set_log_probs, modality_weights, *_ = decoder(contexts, present)
        set_probs, by_label, count = enumerate_orders(*decoder.steps(contexts, present))
    assert count == 1957
    assert set_probs.std() > 0.01, "a uniform distribution would prove little"
    torch.testing.assert_close(set_log_probs.exp(), set_probs, atol=1e-12, rtol=1e-9)
    torch.testing.assert_close(modality_weights, by_label, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("n_labels", [1, 2, 5, 8])
def test_sums_to_one_for_any_number_of_labels(n_labels: int) -> None:
    decoder, (contexts, present) = lattice(n_labels), random_contexts(n_labels + 1)
    set_log_probs, weights, *_ = decoder(contexts, present)
    assert set_log_probs.shape == (3, 2**n_labels)
    torch.testing.assert_close(set_log_probs.exp().sum(dim=-1), torch.ones(3).double())
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(3, n_labels).double())


def test_evidence_of_its_own_shifts_the_odds_of_every_set_that_holds_the_label() -> None:
    torch.manual_seed(2)
    decoder = LatticeDecoder(K, H, own_evidence=True).double()
    contexts, present = random_contexts(K + 1)
    with torch.no_grad():
        set_log_probs, weights, *_ = decoder(contexts, present)
        assert decoder.own is not None
        log_odds, own_weights = decoder.own(contexts[:, :, :K], present)
        steps_only, by_label, _ = enumerate_orders(*decoder.steps(contexts, present))
    expected = steps_only * (log_odds @ decoder.sets.T).exp()
    expected = expected / expected.sum(dim=-1, keepdim=True)
    assert log_odds.abs().max() > 1, "small odds would prove little"
    torch.testing.assert_close(set_log_probs.exp(), expected, atol=1e-12, rtol=1e-9)
    torch.testing.assert_close(weights, (by_label + own_weights) / 2, atol=1e-9, rtol=1e-9)
    assert not weights[1, :, 0].any(), "an absent modality has no say"


def test_chances_of_the_edges_sum_to_the_marginals() -> None:
    decoder, (contexts, present) = lattice(), random_contexts(K + 1)
    steps, _ = decoder.steps(contexts, present)
    edges = (decoder.paths(steps)[:, :, None] + steps[:, :, :K]).exp()
    marginals = decoder(contexts, present).set_log_probs.exp() @ decoder.sets
    torch.testing.assert_close(edges.sum(dim=1), marginals)


def test_a_label_is_emitted_once_and_the_full_set_stops() -> None:
    decoder, (contexts, present) = lattice(), random_contexts(K + 1)
    steps, _ = decoder.steps(contexts, present)
    already = torch.from_numpy(all_sets(K).astype(bool))
    assert (steps[:, :, :K].exp()[:, already] == 0).all()
    torch.testing.assert_close(steps[:, -1, K], torch.zeros(3).double())


def test_what_is_not_present_has_no_say() -> None:
    decoder, (contexts, present) = lattice(), random_contexts(K + 1)
    before = decoder(contexts, present)
    changed = contexts.clone()
    changed[1, 0] = torch.randn_like(changed[1, 0])
    after = decoder(changed, present)
    torch.testing.assert_close(after.set_log_probs, before.set_log_probs)
    assert (after.modality_weights[1, :, 0] == 0).all()


@pytest.mark.parametrize("kind", ["lattice", "lattice with own evidence", "binary"])
def test_permuting_the_labels_permutes_the_outputs(kind: str) -> None:
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    decoder: LatticeDecoder | BinaryDecoder
    if kind.startswith("lattice"):
        torch.manual_seed(0)
        own = kind != "lattice"
        decoder = LatticeDecoder(K, H, own_evidence=own).double()
        contexts, present = random_contexts(K + 1)
        queries = torch.cat([order, torch.tensor([K])])
    else:
        torch.manual_seed(0)
        decoder, (contexts, present) = BinaryDecoder(K, H).double(), random_contexts(K)
        queries = order
    before = decoder(contexts, present)
    with torch.no_grad():
        evidence = {"evidence.query", "evidence.direction", "own.query", "own.direction"}
        by_label = {"labels", *evidence, *({"bias"} if kind == "binary" else ())}
        for name, parameter in decoder.named_parameters():
            if name == "symbols":
                parameter.copy_(parameter[queries].clone())
            elif name in by_label:
                parameter.copy_(parameter[order].clone())
    after = decoder(contexts[:, :, queries], present)
    # New label j is old label order[j]: find each new set's index among the old ones.
    old_sets = np.zeros((2**K, K), dtype=np.int64)
    old_sets[:, order.numpy()] = all_sets(K)
    renamed = torch.from_numpy(old_sets @ (1 << np.arange(K)))
    torch.testing.assert_close(after.set_log_probs, before.set_log_probs[:, renamed])
    torch.testing.assert_close(after.modality_weights, before.modality_weights[:, order])


def test_gradients_are_exact() -> None:
    paths, legal = LatticePaths(3), lattice(3).legal

    def walk(logits: Tensor) -> Tensor:
        return paths(logits.masked_fill(~legal, -torch.inf).log_softmax(dim=-1))

    torch.manual_seed(0)
    logits = torch.randn(2, 8, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(walk, (logits,))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_finite_in_float32_at_any_confidence(scale: float) -> None:
    decoder, (contexts, present) = lattice().float(), random_contexts(K + 1)
    contexts = (scale * contexts).float().requires_grad_()
    set_log_probs, weights, *_ = decoder(contexts, present)
    assert torch.isfinite(set_log_probs).all()
    assert torch.isfinite(weights).all()
    torch.testing.assert_close(set_log_probs.exp().sum(dim=-1), torch.ones(3), atol=1e-5, rtol=0)
    (-set_log_probs[:, 5].mean()).backward()
    assert contexts.grad is not None
    assert torch.isfinite(contexts.grad).all()


def test_stays_in_float32_under_autocast() -> None:
    decoder, (contexts, present) = lattice().float(), random_contexts(K + 1)
    expected = decoder(contexts.float(), present).set_log_probs
    with torch.autocast("cpu", dtype=torch.bfloat16):
        set_log_probs = decoder(contexts.float(), present).set_log_probs
    assert set_log_probs.dtype == torch.float32
    torch.testing.assert_close(set_log_probs, expected)


def test_binary_is_the_product_of_its_marginals() -> None:
    torch.manual_seed(0)
    decoder, (contexts, present) = BinaryDecoder(K, H).double(), random_contexts(K)
    probs = decoder(contexts, present).set_log_probs.exp()
    marginals = (probs @ decoder.sets)[:, None]
    sets = decoder.sets[None]
    product = torch.where(sets == 1, marginals, 1 - marginals).prod(dim=-1)
    torch.testing.assert_close(probs, product)
