"""From labelled voices and faces to log-odds, trust and thresholds, on made-up channels."""

import numpy as np
import pytest
import torch

from mmemo.decisions.sure_fitting import PRECISION
from mmemo.labels import EMOTIONS, all_sets, to_set_index
from pipelines.default_model.calibrate import (
    MISTRUST,
    Trust,
    ValidationClips,
    answers,
    fit_decisions,
    fit_partial,
    fit_trust,
    subsets,
)
from pipelines.default_model.channel_clips import (
    FEWEST,
    KINDS,
    MOST,
    NONE,
    ChannelClips,
    joined,
    recordings,
    weights,
)
from pipelines.default_model.compose import MANNERS, compose
from pipelines.default_model.learn import ColumnSet, folds, learned, logits_alone, logits_together
from pipelines.default_model.unseen import unseen

D = 12
SETS = (ColumnSet(slice(0, D), 0.1),)
K = len(EMOTIONS)


def made_clips(seed=0, speakers=12, each=42, corpus="x", signal=1.5, manner=1.0, missing=()):
    """Clips whose first columns show the kind, on top of how the speaker always is."""
    rng = np.random.default_rng(seed)
    kinds = np.array([kind for kind in range(KINDS) if kind not in missing])
    kind = np.tile(kinds, -(-each // len(kinds)))[:each]
    statistics, names = [], []
    for number in range(speakers):
        usual = manner * rng.standard_normal(2 * D)
        for k in kind:
            values = usual + rng.standard_normal(2 * D)
            if k != NONE:
                values[k] += signal
            statistics.append(values)
            names.append(f"{corpus}/{number}")
    return ChannelClips(
        np.array(statistics, np.float32),
        np.tile(kind, speakers),
        np.array(names),
        np.full(len(names), corpus),
        np.zeros(len(names), bool),
    )


def recall_of(logits, clips):
    return np.mean(logits.argmax(axis=1) == clips.kinds)


def test_unseen_speakers_are_read():
    clips = made_clips()
    for left_out in folds(clips, 3):
        model = learned(clips.where(~left_out), SETS)
        assert (
            recall_of(logits_alone(model, clips.where(left_out)), clips.where(left_out)) > 2 / KINDS
        )


def test_a_speaker_who_is_always_like_that_is_read_among_the_own_clips():
    clips = made_clips(manner=3.0, speakers=20, each=63)
    left_out = next(folds(clips, 4))
    model = learned(clips.where(~left_out), SETS)
    alone, together = [], []
    for speaker in np.unique(clips.speakers[left_out]):
        own = clips.where(clips.speakers == speaker)
        alone.append(recall_of(logits_alone(model, own), own))
        together.append(recall_of(logits_together(model, own), own))
    assert np.mean(together) > np.mean(alone) + 0.05


def test_folds_never_divide_a_speaker():
    clips = joined([made_clips(corpus="x"), made_clips(corpus="y", speakers=5)])
    parts = list(folds(clips, 4))
    assert np.sum(parts, axis=0) == pytest.approx(1)
    for left_out in parts:
        assert not set(clips.speakers[left_out]) & set(clips.speakers[~left_out])


def test_two_kinds_are_told_apart_like_more():
    clips = made_clips(speakers=20)
    clips = clips.where(np.isin(clips.kinds, (2, NONE)))
    left_out = next(folds(clips, 3))
    logits = logits_alone(learned(clips.where(~left_out), SETS), clips.where(left_out))
    assert recall_of(logits, clips.where(left_out)) > 0.6


def test_kinds_that_a_corpus_lacks_are_never_its_answer():
    model = learned(made_clips(missing=(4,)), SETS)
    assert logits_alone(model, made_clips(seed=1)).argmax(axis=1).tolist().count(4) == 0


def test_every_kind_counts_alike_in_every_corpus():
    clips = joined([made_clips(), made_clips(corpus="y", each=9, missing=(4,))])
    weight = weights(clips)
    sums = {
        (corpus, kind): weight[(clips.corpora == corpus) & (clips.kinds == kind)].sum()
        for corpus in ("x", "y")
        for kind in np.unique(clips.kinds[clips.corpora == corpus])
    }
    assert list(sums.values()) == pytest.approx([next(iter(sums.values()))] * len(sums))


def test_recordings_are_of_one_speaker_and_without_repetition():
    clips = made_clips()
    for places in recordings(clips, 3, np.random.default_rng(0)):
        assert FEWEST <= len(places) <= MOST
        assert len(set(places)) == len(places)
        assert len(set(clips.speakers[places])) == 1


def test_clips_are_saved_as_they_are(tmp_path):
    clips = made_clips(speakers=2)
    clips.save(tmp_path / "x.npz")
    back = ChannelClips.load(tmp_path / "x.npz")
    assert np.array_equal(back.statistics, clips.statistics)
    assert back.speakers.tolist() == clips.speakers.tolist()


@pytest.fixture(scope="module")
def validation():
    """Segments whose words say a little, voices that say more, faces that say nothing."""
    rng = np.random.default_rng(3)
    sets = all_sets(K)
    prior = np.full(1 << K, 0.2)
    prior[[0, *(1 << np.arange(K))]] = 8.0
    prior /= prior.sum()
    truth = sets[rng.choice(1 << K, 600, p=prior)]
    words = np.log(prior) + 1.0 * (2 * rng.standard_normal((600, K)) + truth) @ sets.T * 0.3
    words -= np.logaddexp.reduce(words, axis=1, keepdims=True)
    channels = {
        "audio": unseen(made_clips(signal=3.0, manner=0.3), SETS, number=3),
        "visual": unseen(made_clips(seed=9, signal=0.0), SETS, own_share=0.0, number=3),
    }
    videos = np.array_split(np.arange(600), 60)
    composed = compose(words, truth, videos, channels, seed=0)
    return ValidationClips(composed, channels, prior, 1.0)


def test_a_channel_that_says_nothing_is_not_believed(validation):
    voice, face = fit_trust(validation, "audio"), fit_trust(validation, "visual")
    moved = {
        m: np.abs(trust(validation.composed.logits[m])).mean()
        for m, trust in (("audio", voice), ("visual", face))
    }
    assert moved["audio"] > 3 * moved["visual"]
    assert voice.mistrust in MISTRUST


def test_composed_voices_show_the_labels_as_often_as_the_manners_say(validation):
    logits, truth = validation.composed.logits["audio"], validation.composed.truth
    strongest = logits.argmax(axis=1)
    single = truth.sum(axis=1) == 1
    agrees = truth[single, np.minimum(strongest[single], K - 1)] * (strongest[single] < K)
    assert MANNERS["faithful"] * 0.4 < agrees.mean() < MANNERS["faithful"] + 0.35


def test_answers_are_distributions_over_all_clips_of_a_subset(validation):
    trust = {"audio": Trust(1.0, 0.1), "visual": Trust(1.0, 0.5)}
    for read in subsets():
        every = answers(validation, trust, read)
        assert np.exp(every.set_log_probs).sum(axis=1) == pytest.approx(1.0)
        lone = len(read) == 1 and "text" not in read
        assert every.composed.all() != lone
        assert every.weights[every.composed].sum() == pytest.approx(1.0)
        assert len(every.groups) == len(every.truth)


def test_voices_make_answers_likelier(validation):
    trust = {"audio": fit_trust(validation, "audio"), "visual": Trust(1.0, 0.5)}
    nll = {}
    for read in (frozenset({"text"}), frozenset({"text", "audio"})):
        every = answers(validation, trust, read)
        nll[read] = -every.set_log_probs[np.arange(600), to_set_index(every.truth)].mean()
    assert nll[frozenset({"text", "audio"})] < nll[frozenset({"text"})]


def test_decisions_and_thresholds_are_there_for_every_subset(validation):
    trust = {m: fit_trust(validation, m) for m in ("audio", "visual")}
    decisions, partial = fit_decisions(validation, trust), fit_partial(validation, trust)
    assert set(decisions) == set(subsets())
    assert set(partial) == {read for read in subsets() if "text" not in read}
    for decision in decisions.values():
        precisions = [p for p in decision.precision if p > 0]
        assert all(p >= PRECISION - 1e-9 for p in precisions)
    assert any(p > 0 for p in decisions[frozenset({"audio"})].precision)


def test_trust_is_what_the_model_does():
    logits = np.random.default_rng(0).standard_normal((5, KINDS))
    model = learned(made_clips(), SETS)
    model.trust(2.0, 0.2)
    assert model.trusted() == pytest.approx((2.0, 0.2))
    clips = made_clips(seed=4, speakers=1)
    odds = model.of_statistics(
        torch.from_numpy(clips.statistics),
        torch.ones(len(clips), dtype=torch.bool),
        torch.arange(len(clips))[:, None],
    )
    assert Trust(2.0, 0.2)(logits_alone(model, clips)) == pytest.approx(odds.numpy(), abs=1e-4)
    assert Trust(1.0, 1.0 - 1e-12)(logits) == pytest.approx(0.0, abs=1e-6)
