"""One update of the weights, and what may be added to its loss."""

import pytest
import torch
from planted import planted_dataset

from mmemo.config import Config
from mmemo.model.emotion_model import build_model
from pipelines.training.state import TrainingState
from pipelines.training.step import TrainingStep, parameter_groups, relative_rate
from pipelines.training.train import labelled

ENCODER = {"hidden": 16, "heads": 2, "layers": 1, "modality_dropout": 0.0}
SHARE = torch.tensor([0.5, 0.25, 0.25, 0.25, 0.25, 0.01])


@pytest.fixture(scope="module")
def clips():
    return labelled(planted_dataset().split("train")[:32], Config())


def a_step(clips, dropout=0.0, device="cpu", **changes):
    encoder = {**ENCODER, "dropout": dropout}
    config = Config.model_validate({"model": {"encoder": encoder}, "train": changes})
    torch.manual_seed(0)
    dims = {m: values.shape[1] for m, values in clips[0].values.items()}
    model = build_model(config.model, dims, planted_dataset().labels)
    model.fit_statistics(clips)
    model.to(device)
    optimizer = torch.optim.AdamW(parameter_groups(model, config.train))
    return TrainingStep(model, optimizer, config.train, steps=100, label_share=SHARE)


def weights_after(step, parts):
    loss = step(parts, done=10)
    return loss, torch.cat([weight.detach().flatten() for weight in step.model.parameters()])


def test_parts_add_up_to_the_batch_that_they_are(clips):
    whole, in_parts = a_step(clips), a_step(clips)
    assert in_parts([clips[:20], clips[20:]], 10) == pytest.approx(whole([clips], 10), rel=1e-5)
    for first, second in zip(whole.model.parameters(), in_parts.model.parameters(), strict=True):
        torch.testing.assert_close(first.grad, second.grad, atol=1e-6, rtol=1e-3)


@pytest.mark.parametrize(
    "option",
    [{"adversary": 0.5}, {"balance": 0.5}, {"precision": "bfloat16"}],
    ids=str,
)
def test_every_option_changes_the_update_and_still_lowers_the_loss(clips, option):
    _, plain = weights_after(a_step(clips, dropout=0.2), [clips])
    step = a_step(clips, dropout=0.2, **option)
    first, weights = weights_after(step, [clips])
    assert not torch.equal(weights, plain)
    for _ in range(30):
        last = step([clips], done=10)
    assert last < first


def test_the_adversary_moves_each_clip_by_its_size_and_uphill(clips):
    from pipelines.training.step import _moved, _with_gradients

    step = a_step(clips)
    batch = _with_gradients(step.model.collate(clips))
    before = step.model.losses(batch)
    before.sum().backward()
    moved = _moved(batch, step.model, 0.1)
    squares = torch.zeros(len(clips))
    for modality, (values, mask) in moved.sequences.items():
        shift = (values - batch.sequences[modality].values) / step.model.normalizer.std(modality)
        assert torch.equal(shift[~mask], torch.zeros_like(shift[~mask]))
        lengths = shift.flatten(1).norm(dim=1)
        assert ((lengths < 1e-6) | ((lengths - 0.1).abs() < 1e-4)).all()
        squares += lengths**2
    assert (squares > 0).all()
    assert step.model.losses(moved).mean() > before.mean()


def test_clips_with_rare_labels_weigh_more(clips):
    from pipelines.training.step import _rarity, _weights

    rarity = _rarity(SHARE, 0.5)
    labels = torch.tensor(
        [[0.0] * 6, [1, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 1], [0, torch.nan, 0, 0, 0, 0]]
    )
    assert _weights(labels, rarity).tolist() == pytest.approx([1, 1, 50**0.5, 1])
    assert (_rarity(SHARE, 0.0) == 1).all()


def test_the_rate_rises_then_falls_to_nothing_or_stays_for_averaging():
    plain = Config().train
    rates = [relative_rate(n, 200, plain) for n in range(200)]
    assert max(rates) == pytest.approx(1)
    assert rates[0] < 0.2
    assert rates[-1] < 0.001
    averaging = plain.model_copy(update={"swa_from": 0.5})
    plateau = {relative_rate(n, 200, averaging) for n in range(150, 200)}
    assert len(plateau) == 1
    assert plateau.pop() > 0.3


def test_averaging_epochs_gives_their_mean():
    model = torch.nn.Linear(2, 2)
    options = Config.model_validate({"train": {"epochs": 4, "swa_from": 0.5}}).train
    state = TrainingState.fresh(model)
    ends = []
    for epoch in range(4):
        with torch.no_grad():
            model.weight += 1 + epoch
        state.count_step(model, options)
        state.average_epoch(model, options)
        ends.append(model.weight.detach().clone())
        expected = ends[-1] if epoch < 2 else torch.stack(ends[2:]).mean(dim=0)
        torch.testing.assert_close(state.mean_weights["weight"], expected)
        state.finish_epoch({"set_nll": 1.0}, True, options)


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_compiled_step_is_the_same_step(clips):
    """On a GPU only: without one, compiling takes minutes."""
    loss, weights = weights_after(a_step(clips, device="cuda"), [clips])
    compiled, weights_compiled = weights_after(a_step(clips, device="cuda", compile=True), [clips])
    assert compiled == pytest.approx(loss, rel=1e-4)
    assert (weights_compiled - weights).abs().max() < 1e-3
