"""The order-dependent decoder, against its definition walked by hand."""

import math
from itertools import permutations

import pytest
import torch
from torch import Tensor

from mmemo.batching.batch import Sequence
from mmemo.config import DecoderOptions, EncoderOptions
from mmemo.labels import all_sets
from mmemo.model.decoders.prefixes import all_prefixes, count_prefixes, empty_prefix
from mmemo.model.decoders.sequence import SequenceDecoder

H, CLIPS = 16, 3
ROWS = {"text": 4, "audio": 7}
ORDERS = ("free", "frequent")

Inputs = tuple[dict[str, Sequence], Tensor]


def random_inputs(dtype: torch.dtype = torch.float64, scale: float = 4.0) -> Inputs:
    """Memories strong enough that the choices are far from uniform, and who is present."""
    torch.manual_seed(1)
    memories = {
        m: Sequence(scale * torch.randn(CLIPS, t, H, dtype=dtype), torch.rand(CLIPS, t) > 0.2)
        for m, t in ROWS.items()
    }
    for _, mask in memories.values():
        mask[:, 0] = True
    return memories, torch.tensor([[True, True], [True, False], [False, True]])


def decoder(n_labels: int, label_order: str = "free", **options: int) -> SequenceDecoder:
    torch.manual_seed(0)
    chosen = {"layers": 2, "label_order": label_order, **options}
    built = SequenceDecoder(
        n_labels,
        tuple(ROWS),
        DecoderOptions.model_validate(chosen),
        EncoderOptions(hidden=H, heads=2, dropout=0.0),
    )
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    built.fit(torch.randn(n_labels))
    return built.double().eval()


def walk(built: SequenceDecoder, inputs: Inputs) -> tuple[Tensor, Tensor, int]:
    """Emit every sequence one by one: p(set), what the modalities weigh for each label, how many.

    The order mask and the numbering of the labels are written out here again, from their meaning.
    """
    n_labels = built.n_labels
    label_of = built.frequent_to_rare.tolist()
    set_probs = torch.zeros(CLIPS, 1 << n_labels, dtype=torch.float64)
    by_label = torch.zeros(CLIPS, n_labels, len(ROWS), dtype=torch.float64)
    count = 0
    for size in range(n_labels + 1):
        for sequence in permutations(range(n_labels), size):
            if built.ordered and list(sequence) != sorted(sequence):
                continue
            tree = empty_prefix(1, n_labels)
            for number in sequence:
                here = torch.tensor([[tree.depth.shape[1] - 1]])
                tree = tree.extend(here, torch.tensor([[number]]), here >= 0)
            steps = built.steps(tree, *inputs)
            log_prob = steps.log_probs[:, -1, n_labels]
            for place, number in enumerate(sequence):
                log_prob = log_prob + steps.log_probs[:, place, number]
            index = sum(1 << label_of[number] for number in sequence)
            set_probs[:, index] += log_prob.exp()
            for place, number in enumerate(sequence):
                by_label[:, label_of[number]] += log_prob.exp()[:, None] * steps.weights[:, place]
            count += 1
    return set_probs, by_label / by_label.sum(dim=-1, keepdim=True), count


@pytest.mark.parametrize(
    ("n_labels", "label_order", "sequences"),
    [(1, "free", 2), (4, "free", 65), (5, "free", 326), (6, "frequent", 64)],
)
@torch.no_grad()
def test_equals_the_walk_over_every_sequence(
    n_labels: int, label_order: str, sequences: int
) -> None:
    built, inputs = decoder(n_labels, label_order), random_inputs()
    decoded = built(*inputs)
    set_probs, by_label, count = walk(built, inputs)
    assert count == sequences
    assert set_probs.std() > 0.01, "a uniform distribution would prove little"
    torch.testing.assert_close(decoded.set_log_probs.exp(), set_probs, atol=1e-12, rtol=1e-9)
    torch.testing.assert_close(decoded.modality_weights, by_label, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("label_order", ORDERS)
@pytest.mark.parametrize("n_labels", [1, 2, 6, 8])
@torch.no_grad()
def test_is_a_distribution_for_any_number_of_labels(n_labels: int, label_order: str) -> None:
    decoded = decoder(n_labels, label_order)(*random_inputs(), moments=True)
    assert torch.isfinite(decoded.set_log_probs).all()
    torch.testing.assert_close(decoded.set_log_probs.exp().sum(dim=1), torch.ones(CLIPS).double())
    torch.testing.assert_close(
        decoded.modality_weights.sum(dim=-1), torch.ones(CLIPS, n_labels).double()
    )
    assert decoded.moment_weights is not None
    for m, (_, mask) in random_inputs()[0].items():
        assert torch.equal(decoded.moment_weights[m].amax(dim=1) > 0, mask)


@pytest.mark.parametrize("label_order", ORDERS)
@torch.no_grad()
def test_a_wide_beam_is_the_whole_tree(label_order: str) -> None:
    inputs = random_inputs()
    exact = decoder(5, label_order)(*inputs)
    beam = decoder(5, label_order, beam=500)(*inputs)
    for one, other in zip(beam[:2], exact[:2], strict=True):
        torch.testing.assert_close(one, other, atol=1e-12, rtol=1e-9)


@torch.no_grad()
def test_a_narrower_beam_finds_less_and_stays_a_distribution() -> None:
    inputs = random_inputs()
    exact = decoder(6)(*inputs).set_log_probs.exp()
    distances = []
    for beam in (1, 8, 64, 360, 720):
        decoded = decoder(6, beam=beam)(*inputs).set_log_probs.exp()
        torch.testing.assert_close(decoded.sum(dim=1), torch.ones(CLIPS).double())
        distances.append(float((decoded - exact).abs().sum()))
    assert distances == sorted(distances, reverse=True)
    assert distances[0] > 0.1 > 1e-9 > distances[-1], "720 prefixes of a length are all there are"


@pytest.mark.parametrize("leans", [False, True])
@pytest.mark.parametrize("label_order", ORDERS)
@torch.no_grad()
def test_the_likelihood_of_a_set_is_what_prediction_says(label_order: str, leans: bool) -> None:
    built, inputs = decoder(5, label_order, target_orders=120), random_inputs()
    leaning = torch.randn(CLIPS, 5).double() if leans else None
    set_log_probs = built(*inputs, leaning).set_log_probs
    for index, multihot in enumerate(all_sets(5)):
        labels = torch.from_numpy(multihot).double().expand(CLIPS, -1)
        decoded = built.log_likelihood(*inputs, labels, leaning)
        torch.testing.assert_close(decoded, set_log_probs[:, index], atol=1e-9, rtol=1e-9)


@torch.no_grad()
def test_leaning_multiplies_the_odds_of_its_label_at_every_step() -> None:
    built, inputs = decoder(4), random_inputs()
    built.fit(torch.tensor([3.0, 10.0, 1.0, 7.0]))  # from frequent to rare: 1, 3, 0, 2
    tree = built._tree(*inputs, None)
    leaning = torch.zeros(CLIPS, 4).double()
    leaning[1, 3] = math.log(5)
    plain, moved = (built.steps(tree, *inputs, lean).log_probs.exp() for lean in (None, leaning))
    raised = plain[1] * torch.tensor([1.0, 5.0, 1.0, 1.0, 1.0])
    torch.testing.assert_close(moved[1], raised / raised.sum(dim=-1, keepdim=True))
    torch.testing.assert_close(moved[[0, 2]], plain[[0, 2]])


@torch.no_grad()
def test_fewer_target_orders_are_a_lower_bound_that_grows() -> None:
    inputs, labels = (
        random_inputs(),
        torch.tensor([[1, 1, 0, 1, 1], [0, 1, 1, 1, 0], [0, 0, 0, 0, 0]]),
    )
    bounds = torch.stack(
        [
            decoder(5, target_orders=orders).log_likelihood(*inputs, labels.double())
            for orders in (1, 2, 6, 24)
        ]
    )
    assert (bounds.diff(dim=0) >= -1e-12).all()
    assert (bounds.diff(dim=0)[:, 0] > 0).all(), "four labels have 24 orders"
    assert (bounds.diff(dim=0)[-1, 1:].abs() < 1e-12).all(), "three labels have 6"


@torch.no_grad()
def test_one_target_order_is_the_frequent_to_rare_sequence() -> None:
    built, inputs = decoder(5, target_orders=1), random_inputs()
    built.fit(torch.tensor([3.0, 10.0, 1.0, 7.0, 5.0]))
    assert built.frequent_to_rare.tolist() == [1, 3, 4, 0, 2]
    labels = torch.tensor([[1, 1, 0, 0, 1]]).double().expand(CLIPS, -1)
    tree = empty_prefix(1, 5)
    for number in (0, 2, 3):  # labels 1, 4, 0
        here = torch.tensor([[tree.depth.shape[1] - 1]])
        tree = tree.extend(here, torch.tensor([[number]]), here >= 0)
    log_probs = built.steps(tree, *inputs).log_probs
    expected = log_probs[:, 0, 0] + log_probs[:, 1, 2] + log_probs[:, 2, 3] + log_probs[:, 3, 5]
    torch.testing.assert_close(built.log_likelihood(*inputs, labels), expected)


@pytest.mark.parametrize("label_order", ORDERS)
@torch.no_grad()
def test_labels_that_are_not_known_are_summed_out(label_order: str) -> None:
    built, inputs = decoder(4, label_order, target_orders=24), random_inputs()
    labels = torch.tensor([[1, 0, math.nan, 1], [0, 1, 1, 0], [math.nan] * 4]).double()
    for leaning in (None, torch.randn(CLIPS, 4).double()):
        probs = built(*inputs, leaning).set_log_probs.exp()
        sums = [probs[0, 0b1001] + probs[0, 0b1101], probs[1, 0b0110], probs[2].sum()]
        decoded = built.log_likelihood(*inputs, labels, leaning).exp()
        torch.testing.assert_close(decoded, torch.stack(sums))


@torch.no_grad()
def test_a_label_is_emitted_once_and_in_order_where_told() -> None:
    for label_order in ORDERS:
        tree = all_prefixes(5, ordered=label_order == "frequent")
        probs = decoder(5, label_order).steps(tree, *random_inputs()).log_probs.exp()
        assert (
            probs[:, tree.emitted[0].nonzero()[:, 0], tree.emitted[0].nonzero()[:, 1]] == 0
        ).all()
        torch.testing.assert_close(probs.sum(dim=2), torch.ones(probs.shape[:2]).double())
    later = tree.symbols[0, :, None] > torch.arange(5)
    assert (probs[:, :, :5][:, (tree.depth[0, :, None] > 0) & later] == 0).all()


@torch.no_grad()
def test_order_matters_to_it() -> None:
    """Else it would be a lattice in disguise: the step after (a, b) is not that after (b, a)."""
    built, inputs = decoder(3), random_inputs()
    tree = all_prefixes(3, ordered=False)
    after = built.steps(tree, *inputs).log_probs[:, -6:].exp()
    assert tree.depth[0, -6:].tolist() == [2] * 6
    same = tree.sets[0, -6:, None] == tree.sets[0, -6:]
    same &= ~torch.eye(6, dtype=torch.bool)
    first, second = same.nonzero(as_tuple=True)
    assert (after[:, first] - after[:, second]).abs().amax(dim=2).min() > 1e-3


@torch.no_grad()
def test_the_numbering_only_renames() -> None:
    """Labels that trade places in the order of frequency trade places in the answer."""
    built, inputs = decoder(3), random_inputs()
    built.fit(torch.tensor([3.0, 2.0, 1.0]))
    before = built(*inputs, moments=True)
    built.fit(torch.tensor([1.0, 3.0, 2.0]))
    after = built(*inputs, moments=True)
    new = torch.tensor([1, 2, 0])  # the most frequent label is now 1, then 2, then 0
    torch.testing.assert_close(after.modality_weights[:, new], before.modality_weights)
    for index, (a, b, c) in enumerate(all_sets(3)):
        renamed = int(a) << 1 | int(b) << 2 | int(c)
        torch.testing.assert_close(after.set_log_probs[:, renamed], before.set_log_probs[:, index])


@torch.no_grad()
def test_what_is_not_present_has_no_say() -> None:
    built, (memories, present) = decoder(4), random_inputs()
    before = built(memories, present)
    text = memories["text"].values.clone()
    text[2] = torch.randn_like(text[2])
    after = built(memories | {"text": Sequence(text, memories["text"].mask)}, present)
    torch.testing.assert_close(after.set_log_probs, before.set_log_probs)
    assert (after.modality_weights[2, :, 0] == 0).all()


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("n_labels", [6, 7])
def test_finite_in_float32_at_any_confidence(n_labels: int, scale: float) -> None:
    built, (memories, present) = (
        decoder(n_labels, beam=20).float(),
        random_inputs(torch.float32, scale),
    )
    values = memories["audio"].values.requires_grad_()
    decoded = built(memories, present)
    assert torch.isfinite(decoded.set_log_probs).all()
    torch.testing.assert_close(
        decoded.set_log_probs.exp().sum(dim=1), torch.ones(CLIPS), atol=1e-4, rtol=0
    )
    labels = torch.tensor(all_sets(n_labels)[[0, 5, 63]]).float()
    (built.log_likelihood(memories, present, labels) + decoded.set_log_probs[:, 9]).sum().backward()
    for gradient in (values.grad, *(parameter.grad for parameter in built.parameters())):
        assert gradient is not None
        assert torch.isfinite(gradient).all()
    assert (values.grad[1] == 0).all(), "audio is not present in the second clip"
    assert values.grad[0].abs().sum() > 0


@torch.no_grad()
def test_the_choice_is_made_in_float32_under_autocast() -> None:
    built, (memories, present) = decoder(6).float(), random_inputs(torch.float32, scale=1.0)
    expected = built(memories, present).set_log_probs.exp()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        decoded = built(memories, present).set_log_probs
    assert decoded.dtype == torch.float32
    torch.testing.assert_close(decoded.exp().sum(dim=1), torch.ones(CLIPS), atol=1e-5, rtol=0)
    torch.testing.assert_close(decoded.exp(), expected, atol=0.05, rtol=0)


def test_the_search_leaves_no_trace() -> None:
    """The beam runs without dropout and gives training back its mode."""
    built, inputs = decoder(5, target_orders=2).train(), random_inputs()
    built.log_likelihood(*inputs, torch.ones(CLIPS, 5).double())
    assert all(module.training for module in built.modules())


def test_prefixes_are_counted_without_listing_them() -> None:
    for n_labels in range(1, 7):
        for ordered in (False, True):
            tree = all_prefixes(n_labels, ordered)
            assert tree.depth.shape[1] == count_prefixes(n_labels, ordered)
            lines = [tuple(tree.symbols[0, line].tolist()) for line in tree.lineage[0]]
            assert len(set(lines)) == len(lines)
    assert count_prefixes(6, ordered=False) == 1237
    assert count_prefixes(12, ordered=True) == 2048
