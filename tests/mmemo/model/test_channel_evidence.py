"""Voice and face as log-odds: Bayes' rule, limits, a person's usual manner, and learning."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmemo.batching.batch import ClipArrays
from mmemo.batching.batch import Sequence as Rows
from mmemo.config import ContextOptions, DecoderOptions, EncoderOptions
from mmemo.inference import infer
from mmemo.labels import all_sets
from mmemo.model.channel_evidence import (
    FEWEST,
    ChannelEvidence,
    clip_statistics,
    limited,
    statistics_of,
)
from mmemo.model.emotion_model import EmotionModel

LABELS = ("a", "b", "c")
K, D = len(LABELS), 4
DIMS = {"text": 5, "audio": D, "visual": D}


def clip(rng, number=0, rows=6, video="v", **modalities):
    sizes = modalities or {m: dim for m, dim in DIMS.items()}
    values = {m: rng.standard_normal((rows, dim)).astype(np.float32) for m, dim in sizes.items()}
    masks = {m: np.ones(rows, bool) for m in values}
    labels = (rng.random(K) < 0.4).astype(np.int8)
    return ClipArrays(
        f"{video}{number}", values, masks, labels=labels, video=video, start_s=float(number)
    )


def model_of(seed=0, trained=True, **options):
    torch.manual_seed(seed)
    model = EmotionModel(
        DIMS,
        LABELS,
        encoder=EncoderOptions(kind="gru", fusion="evidence", hidden=16, heads=2, layers=1),
        decoder=DecoderOptions(own_evidence=True),
        context=ContextOptions(kind="video"),
        **options,
    )
    rng = np.random.default_rng(seed)
    clips = [clip(rng, n, video=f"v{n % 5}") for n in range(40)]
    model.fit_statistics(clips)
    if trained:
        with torch.no_grad():
            for _, channel in model.channels.items():
                for weight in channel.parameters():
                    weight.normal_(0, 0.5)
    return model.eval()


def without(clips, *modalities):
    return [
        replace(
            one,
            values={m: v for m, v in one.values.items() if m not in modalities},
            masks={m: v for m, v in one.masks.items() if m not in modalities},
        )
        for one in clips
    ]


def log_probs(model, clips):
    return infer(model, clips).set_log_probs


def normalised(scores):
    return scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)


class TestBayes:
    def test_channels_multiply_what_the_words_leave(self):
        model, rng = model_of(), np.random.default_rng(1)
        clips = [clip(rng, n) for n in range(7)]
        words = log_probs(model, without(clips, "audio", "visual"))
        voice = log_probs(model, without(clips, "visual"))
        face = log_probs(model, without(clips, "audio"))
        assert log_probs(model, clips) == pytest.approx(normalised(voice + face - words), abs=1e-4)

    def test_without_words_they_multiply_the_prior(self):
        model, rng = model_of(), np.random.default_rng(2)
        clips = [clip(rng, n) for n in range(4)]
        prior = model.channels.prior.log_probs.double().numpy()
        with_words = log_probs(model, without(clips, "visual"))
        words = log_probs(model, without(clips, "audio", "visual"))
        alone = log_probs(model, without(clips, "text", "visual"))
        assert alone == pytest.approx(normalised(with_words - words + prior), abs=1e-4)

    def test_a_label_gets_the_log_odds_against_none(self):
        model, rng = model_of(), np.random.default_rng(3)
        [one] = without([clip(rng)], "text", "visual")
        channel = model.channels.of("audio")
        statistics = torch.from_numpy(statistics_of(one, "audio")).float()[None]
        with torch.no_grad():
            [odds] = channel.of_statistics(statistics, torch.tensor([True]), torch.tensor([[0]]))
        prior = model.channels.prior.log_probs.double().numpy()
        expected = normalised((prior + all_sets(K) @ odds.double().numpy())[None])
        assert log_probs(model, [one]) == pytest.approx(expected, abs=1e-4)

    def test_the_prior_counts_the_training_sets(self):
        model, rng = model_of(trained=False), np.random.default_rng(0)
        clips = [clip(rng, n, video=f"v{n % 5}") for n in range(40)]
        counts = np.full(1 << K, 0.5)
        for one in clips:
            counts[int(one.labels @ (1 << np.arange(K)))] += 1
        expected = np.log(counts / counts.sum())
        assert model.channels.prior.log_probs.numpy() == pytest.approx(expected, abs=1e-5)

    def test_untrained_channels_say_nothing(self):
        model, rng = model_of(trained=False), np.random.default_rng(4)
        clips = [clip(rng, n) for n in range(5)]
        words = log_probs(model, without(clips, "audio", "visual"))
        assert log_probs(model, clips) == pytest.approx(words, abs=1e-5)

    def test_weights_are_shares(self):
        model, rng = model_of(), np.random.default_rng(5)
        weights = infer(model, without([clip(rng, n) for n in range(5)], "visual")).modality_weights
        assert weights.sum(axis=2) == pytest.approx(np.ones((5, K)), abs=1e-4)
        assert (weights[:, :, 2] == 0).all()


class TestLimits:
    @settings(deadline=None)
    @given(seed=st.integers(0, 1000), mistrust=st.sampled_from([0.01, 0.1, 0.5, 0.99]))
    def test_no_channel_is_believed_beyond_its_mistrust(self, seed, mistrust):
        logits = 50 * torch.randn(20, K + 1, generator=torch.Generator().manual_seed(seed))
        odds = limited(logits, torch.tensor(mistrust))
        bound = math.log(((1 - mistrust) * (K + 1) + mistrust) / mistrust)
        assert odds.abs().max() <= bound + 1e-4

    def test_full_trust_is_the_plain_log_odds(self):
        logits = torch.randn(20, K + 1)
        odds = limited(logits, torch.tensor(1e-9))
        assert torch.allclose(odds, logits[:, :-1] - logits[:, -1:], atol=1e-4)

    def test_one_wild_column_changes_little(self):
        model, rng = model_of(), np.random.default_rng(6)
        [one] = without([clip(rng)], "text", "visual")
        wild = [
            replace(one, values={"audio": one.values["audio"] * factor}) for factor in (1e3, 1e6)
        ]
        few, many = log_probs(model, wild)
        assert few == pytest.approx(many, abs=1e-3)

    def test_clips_unlike_all_that_was_learned_from_are_unfamiliar(self):
        model, rng = model_of(), np.random.default_rng(7)
        channel = model.channels.of("audio")
        channel.farthest.fill_(0.5)
        usual, odd = (clip(rng, n, video=f"w{n}") for n in range(2))
        odd = replace(odd, values={**odd.values, "audio": odd.values["audio"] * 100 + 100})
        unfamiliar = infer(model, [usual, odd]).unfamiliar
        assert unfamiliar.tolist() == [[False, False, False], [False, True, False]]


class TestStatistics:
    def test_they_are_those_of_the_valid_rows(self):
        rng = np.random.default_rng(8)
        values = torch.from_numpy(rng.standard_normal((3, 9, D)).astype(np.float32))
        mask = torch.from_numpy(rng.random((3, 9)) < 0.6)
        mask[:, 0] = True
        got = clip_statistics(Rows(values.masked_fill(~mask[..., None], 1e6), mask))
        for row in range(3):
            valid = values[row][mask[row]].numpy()
            expected = np.concatenate([valid.mean(axis=0), valid.std(axis=0)])
            assert got[row].numpy() == pytest.approx(expected, abs=1e-4)

    def test_batches_and_padding_change_nothing(self):
        model, rng = model_of(), np.random.default_rng(9)
        clips = [clip(rng, n, rows=3 + 5 * n, video=f"w{n}") for n in range(4)]
        together = log_probs(model, clips)
        apart = np.vstack([log_probs(model, [one]) for one in clips])
        assert together == pytest.approx(apart, abs=1e-5)


class TestOwnManner:
    def recording(self, rng, count, shift=0.0):
        clips = [clip(rng, n, video="w") for n in range(count)]
        return [
            replace(one, values={**one.values, "audio": one.values["audio"] + shift})
            for one in clips
        ]

    def test_what_is_usual_for_a_person_is_taken_out(self):
        model = model_of()
        channel = model.channels.of("audio")
        with torch.no_grad():
            channel.among_all.weight.zero_()
        plain = log_probs(model, self.recording(np.random.default_rng(10), 8))
        shifted = log_probs(model, self.recording(np.random.default_rng(10), 8, shift=2.0))
        assert plain == pytest.approx(shifted, abs=1e-3)

    def test_a_short_recording_is_compared_with_everyone(self):
        model = model_of()
        clips = self.recording(np.random.default_rng(11), FEWEST - 1)
        with torch.no_grad():
            before = log_probs(model, clips)
            model.channels.of("audio").among_own.weight.normal_()
            assert log_probs(model, clips) == pytest.approx(before, abs=1e-6)
            more = self.recording(np.random.default_rng(11), FEWEST)
            before = log_probs(model, more)
            model.channels.of("audio").among_own.weight.normal_()
            assert abs(log_probs(model, more) - before).max() > 1e-3

    def test_clips_without_the_channel_do_not_count(self):
        model = model_of()
        clips = self.recording(np.random.default_rng(12), 5)
        silent = without(self.recording(np.random.default_rng(13), 3), "audio")
        silent = [replace(one, id=f"s{n}", start_s=10.0 + n) for n, one in enumerate(silent)]
        voices = without(clips, "text", "visual")
        with_silence = log_probs(model, [*voices, *without(silent, "text", "visual")])
        assert with_silence[:5] == pytest.approx(log_probs(model, voices), abs=1e-5)

    def test_order_does_not_matter(self):
        model = model_of()
        clips = self.recording(np.random.default_rng(14), 6)
        answers = log_probs(model, clips)
        assert log_probs(model, clips[::-1])[::-1] == pytest.approx(answers, abs=1e-5)


def test_it_learns_what_a_voice_says():
    """A label raises the mean of one column; trained end to end, the model finds out."""
    rng = np.random.default_rng(15)
    clips = []
    for number in range(300):
        one = clip(rng, number, video=f"s{number}")
        one.values["audio"][:, :K] += 1.5 * one.labels
        clips.append(replace(one, labels=one.labels.astype(np.float32)))
    model = model_of(trained=False)
    model.fit_statistics(clips)
    model.train()
    optimiser = torch.optim.Adam(model.parameters(), 0.02)
    for step in range(60):
        part = clips[(step * 50) % 250 : (step * 50) % 250 + 50]
        loss = model.loss(model.collate(part))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    voices = without(clips[250:], "text", "visual")
    truth = np.stack([one.labels for one in voices]).astype(bool)
    marginals = infer(model.eval(), voices).marginals
    assert marginals[truth].mean() > marginals[~truth].mean() + 0.2


def test_an_evidence_channel_refuses_nothing_but_needs_its_width():
    evidence = ChannelEvidence(D, K)
    rows = Rows(torch.zeros(2, 3, D), torch.ones(2, 3, dtype=torch.bool))
    odds = evidence(rows, torch.tensor([True, False]), torch.tensor([[0], [1]]))
    assert torch.equal(odds, torch.zeros(2, K))
