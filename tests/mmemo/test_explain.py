from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from mmemo.batching.batch import ClipArrays
from mmemo.config import ContextOptions, DecoderOptions, EncoderOptions
from mmemo.decisions.calibration import Calibration
from mmemo.explain import explain, modality_effects, onto_words, without_rows
from mmemo.features import Word
from mmemo.inference import infer
from mmemo.labels import all_sets
from mmemo.model.emotion_model import EmotionModel

DIMS = {"text": 5, "audio": 4, "visual": 3}
LABELS = ("a", "b", "c")


def clip(number: int, video: str | None = None, **lengths: int) -> ClipArrays:
    rng = np.random.default_rng(number)
    rows = {"text": 4, "audio": 7, "visual": 3} | lengths
    return ClipArrays(
        str(number),
        {m: rng.normal(size=(n, DIMS[m])).astype(np.float32) for m, n in rows.items() if n},
        {m: (rng.random(n) > 0.2) | (np.arange(n) == 0) for m, n in rows.items() if n},
        video=video,
        start_s=float(number),
    )


def model(decoder: str = "lattice", context: str = "none") -> EmotionModel:
    torch.manual_seed(0)
    built = EmotionModel(
        DIMS,
        LABELS,
        encoder=EncoderOptions(hidden=16, heads=2, layers=1, modality_dropout=0.0),
        decoder=DecoderOptions.model_validate({"kind": decoder}),
        context=ContextOptions.model_validate({"kind": context}),
    )
    for parameter in built.parameters():  # far from the near-uniform start, so that effects show
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=0.3)
    return built


def log_odds(marginals: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log(marginals / (1 - marginals))


def without_row(clip: ClipArrays, modality: str, row: int) -> ClipArrays:
    mask = clip.masks[modality].copy()
    mask[row] = False
    return replace(clip, masks={**clip.masks, modality: mask})


@pytest.mark.parametrize("decoder", ["lattice", "sequence", "binary"])
def test_effects_are_the_differences_of_inference(decoder: str) -> None:
    built, clips = model(decoder=decoder), [clip(0), clip(1, visual=0)]
    explanations = explain(built, clips)
    assert built.training, "the mode it came in"
    whole = infer(built, clips)
    for place, explanation in enumerate(explanations):
        full = whole.marginals[place]
        np.testing.assert_allclose(explanation.marginals, full, atol=1e-6)
        np.testing.assert_allclose(
            explanation.modality_weights, whole.modality_weights[place], atol=1e-6
        )
        for i, m in enumerate(DIMS):
            if m not in clips[place].values:
                assert (explanation.modality_effects[:, i] == 0).all()
                assert m not in explanation.row_effects
                continue
            less = infer(built, clips, without=[m]).marginals[place]
            expected = log_odds(full) - log_odds(less)
            np.testing.assert_allclose(explanation.modality_effects[:, i], expected, atol=1e-4)
            np.testing.assert_allclose(explanation.row_weights[m].sum(axis=1), 1, atol=1e-5)
            for row, valid in enumerate(clips[place].masks[m]):
                effect = explanation.row_effects[m][:, row]
                less = infer(built, [without_row(clips[place], m, row)]).marginals[0]
                np.testing.assert_allclose(effect, log_odds(full) - log_odds(less), atol=1e-4)
                assert (abs(effect).sum() > 1e-5) == valid
                assert (explanation.row_weights[m][:, row] > 0).all() == valid


def test_the_neighbours_of_a_clip_stay_as_they_are() -> None:
    built = model(context="video")
    video = [clip(n, "v") for n in range(3)] + [clip(9, "w")]
    explanation = explain(built, video, batch_size=7)[1]
    whole, changed = infer(built, video), [video[0], without_row(video[1], "audio", 0), *video[2:]]
    less = infer(built, changed).marginals[1]
    np.testing.assert_allclose(explanation.marginals, whole.marginals[1], atol=1e-5)
    lost = log_odds(whole.marginals[1]) - log_odds(less)
    np.testing.assert_allclose(explanation.row_effects["audio"][:, 0], lost, atol=1e-4)
    alone = explain(built, [video[1]])[0]
    assert abs(alone.marginals - explanation.marginals).max() > 1e-3, "context must matter here"


def test_max_neighbours_reads_only_the_nearest_along() -> None:
    built = model(context="video")
    video = [clip(n, "v") for n in range(6)]
    explanations = explain(built, video, max_neighbours=2)
    for place, near in ((3, [2, 3, 4]), (0, [0, 1, 2])):
        expected = explain(built, [video[n] for n in near])[near.index(place)]
        np.testing.assert_allclose(explanations[place].marginals, expected.marginals, atol=1e-6)
        for m in DIMS:
            np.testing.assert_allclose(
                explanations[place].row_effects[m], expected.row_effects[m], atol=1e-4
            )


def test_many_rows_are_hidden_in_windows() -> None:
    built, sample = model(), clip(0, audio=11)
    effects = explain(built, [sample], max_windows=3)[0].row_effects["audio"]
    assert effects.shape == (3, 11)
    assert len(np.unique(effects[0])) == 3
    mask = sample.masks["audio"].copy()
    mask[:4] = False
    changed = replace(sample, masks={**sample.masks, "audio": mask})
    full, less = infer(built, [sample]).marginals[0], infer(built, [changed]).marginals[0]
    np.testing.assert_allclose(
        effects[:, :4].sum(axis=1), log_odds(full) - log_odds(less), atol=1e-4
    )


def test_row_effects_can_be_switched_off() -> None:
    explanation = explain(model(), [clip(0)], row_effects=False)[0]
    assert explanation.row_effects == {}
    assert abs(explanation.modality_effects).sum() > 0


def test_the_answer_to_an_empty_clip_is_the_prior() -> None:
    prior = np.random.default_rng(0).dirichlet(np.ones(8))
    built, sample = model(), clip(0, audio=0, visual=0, text=1)
    explanation = explain(built, [sample], calibration=Calibration(prior=prior))[0]
    expected = log_odds(explanation.marginals) - log_odds(prior @ all_sets(3))
    np.testing.assert_allclose(explanation.modality_effects[:, 0], expected, atol=1e-5)
    np.testing.assert_allclose(explanation.row_effects["text"][:, 0], expected, atol=1e-5)
    empty = explain(built, [clip(0, text=0, audio=0, visual=0)])[0]
    assert empty.row_weights == {}
    assert (empty.modality_effects == 0).all()


@pytest.mark.parametrize("context", ["none", "video"])
def test_effects_of_modalities_are_those_of_leaving_them_out_everywhere(context: str) -> None:
    built, prior = model(context=context), np.random.default_rng(0).dirichlet(np.ones(8))
    clips = [clip(0, "v"), clip(1, "v", visual=0), clip(2, "w", text=0, visual=0), clip(3)]
    calibration = Calibration(1.3, prior, {frozenset({"text", "audio"}): 0.4})
    full = infer(built, clips, calibration=calibration).marginals
    effects = modality_effects(built, clips, full, calibration=calibration)
    for i, m in enumerate(DIMS):
        has = [m in clip.values for clip in clips]
        less = infer(built, clips, without=[m], calibration=calibration).marginals
        lost = log_odds(full) - log_odds(less)
        np.testing.assert_allclose(effects[has, :, i], lost[has], atol=1e-4)
        assert abs(lost[has]).max() > 0.01
        assert np.isnan(effects[np.logical_not(has), :, i]).all()


def test_nothing_to_hide_has_no_effect() -> None:
    empty = [clip(0, text=0, audio=0, visual=0)]
    built = model()
    assert np.isnan(modality_effects(built, empty, infer(built, empty).marginals)).all()
    assert modality_effects(built, [], np.zeros((0, 3))).shape == (0, 3, 3)


def test_words_go_with_their_rows() -> None:
    sample = replace(clip(0), words=("so", "what", "now", "then"))
    less = without_rows(sample, "text", np.array([1, 3]))
    assert less.words == ("so", "", "now", "")
    assert (less.masks["text"] == (sample.masks["text"] & [True, False, True, False])).all()
    assert sample.words == ("so", "what", "now", "then"), "the clip itself stays as it is"
    assert without_rows(sample, "audio", slice(2)).words == sample.words
    none = without_rows(sample, "text", slice(None))
    assert none.words == ()
    assert "text" not in none.values


def test_rows_are_summed_over_the_words_they_lie_in() -> None:
    words = [Word("so", 0.0, 0.5), Word("what", 0.5, 1.0), Word("now", 2.0, 3.0)]
    times = np.array([[0.0, 0.2], [0.2, 0.6], [0.6, 1.2], [1.2, 1.8], [2.0, 3.0]])
    values = np.array([[1.0, 2.0, 4.0, 8.0, 16.0], [0.0, 0.0, 0.0, 1.0, -1.0]])
    np.testing.assert_array_equal(
        onto_words(values, times, words), [[3.0, 4.0, 16.0], [0.0, 0.0, -1.0]]
    )
    assert onto_words(values, times, []).shape == (2, 0)
