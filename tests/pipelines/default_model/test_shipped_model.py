"""The model that comes with the package: what is in it, and that its answers make sense."""

import itertools
import json

import numpy as np
import pytest
import torch

from extractors.base import Sound
from extractors.clip import ClipExtractor
from extractors.column_sets import side_by_side
from extractors.media import read_sound
from mmemo.assets.shipped import find_model
from mmemo.batching.batch import ClipArrays
from mmemo.batching.rows import arrange
from mmemo.checkpoint import load_checkpoint
from mmemo.decisions.sure_fitting import PRECISION
from mmemo.features import Clip, ClipFeatures, Word, rows_of_words
from mmemo.inference import infer
from mmemo.labels import EMOTIONS
from pipelines.cli import main

MOST_BYTES = 20_000_000


@pytest.fixture(scope="module")
def model():
    return load_checkpoint(find_model("default"))


def probs_of(model, *clips):
    """Marginals of clips that are recordings by themselves: (N, K)."""
    arrays = [arrange(clip, model.config.data, reads_words=True) for clip in clips]
    return infer(model.model, arrays, calibration=model.calibration).marginals


def spoken(text):
    words = tuple(Word(word, float(n), n + 1.0) for n, word in enumerate(text.split()))
    return ClipFeatures(Clip(text, text, words=words), {"text": rows_of_words(words)})


def test_it_is_small_and_nothing_in_it_can_run():
    files = [path for path in find_model("default").rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"model.safetensors", "checkpoint.json", "LICENSE.md"}
    assert sum(path.stat().st_size for path in files) <= MOST_BYTES


def test_it_says_what_it_learnt_from_and_under_which_terms(model):
    trained_on = model.trained_on
    assert "CMU-MOSEI" in trained_on.dataset
    for corpus in ("RAVDESS", "nEMO", "FER2013"):
        assert corpus in trained_on.dataset
    assert not trained_on.demonstration
    assert sum(trained_on.set_counts.values()) == 16_327
    licence = (find_model("default") / "LICENSE.md").read_text()
    assert "CC BY-NC-SA 4.0" in licence
    assert "CMU-MOSEI" in licence
    described = json.loads((find_model("default") / "checkpoint.json").read_text())
    assert "/work" not in json.dumps(described)
    assert set(described["parts"]) == {"model.safetensors"}, "with the digest of its weights"


def test_it_reads_what_the_extractors_make(model):
    """A model whose inputs no extractor makes any more would refuse every clip."""
    assert model.labels == EMOTIONS
    extractor = ClipExtractor(model.config.features, vectors=False)
    for modality in ("audio", "visual"):
        sets = extractor.column_sets(modality).values()
        assert model.inputs[modality].source == "+".join(one.fingerprint() for one in sets)
        assert model.inputs[modality].names == tuple(name for one in sets for name in one.names)


def test_words_move_the_answer_where_they_should(model):
    happy, sad, angry, afraid = probs_of(
        model,
        spoken("i loved this movie it was wonderful and so funny i am so happy"),
        spoken("it made me cry so many people died and the families are grieving"),
        spoken("this is an outrage they lied to us and i am furious"),
        spoken("i was terrified and scared for my life it is a frightening threat"),
    )
    at = EMOTIONS.index
    assert happy[at("happiness")] > 0.8
    assert happy[at("happiness")] > sad[at("happiness")] + 0.2
    assert sad[at("sadness")] > happy[at("sadness")] + 0.2
    assert angry[at("anger")] > happy[at("anger")] + 0.2
    assert afraid[at("fear")] > happy[at("fear")]


def test_any_subset_of_the_modalities_gives_a_distribution(model):
    rng = np.random.default_rng(0)
    values = {}
    for m in ("audio", "visual"):
        channel = model.model.channels.of(m)
        dim = model.model.dims[m]
        usual, spread = (part[:dim].numpy() for part in (channel.location, channel.scale))
        values[m] = rng.normal(usual, spread, (7, dim)).astype(np.float32)
    values["text"] = np.zeros((2, 0), np.float32)
    words = ("good", "morning")
    clips = [
        ClipArrays(
            id="+".join(subset),
            values={m: values[m] for m in subset},
            masks={m: np.ones(len(values[m]), bool) for m in subset},
            words=words if "text" in subset else (),
        )
        for size in (1, 2, 3)
        for subset in itertools.combinations(("text", "audio", "visual"), size)
    ]
    predictions = infer(model.model, clips, calibration=model.calibration)
    probs = np.exp(predictions.set_log_probs)
    assert np.isfinite(predictions.set_log_probs).all()
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-4)
    assert len(np.unique(probs.round(4), axis=0)) == len(clips)
    for clip, weights in zip(clips, predictions.modality_weights, strict=True):
        heard = [m in clip.values for m in predictions.modalities]
        np.testing.assert_allclose(weights[:, heard].sum(axis=1), 1, atol=1e-4)
        assert not weights[:, np.logical_not(heard)].any()


def test_every_subset_has_a_decision_that_was_measured(model):
    subsets = {
        frozenset(subset)
        for size in (1, 2, 3)
        for subset in itertools.combinations(("text", "audio", "visual"), size)
    }
    assert set(model.sure) == subsets
    for decision in model.sure.values():
        assert all(share == 0 or share >= PRECISION - 1e-6 for share in decision.precision)


def test_words_alone_are_answered_as_without_any_channel(model):
    """Voice and face add to what the words say, so they cannot change it where they are absent."""
    [words] = [arrange(spoken("i am so happy"), model.config.data, reads_words=True)]
    plain = infer(model.model, [words]).set_log_probs
    with torch.no_grad():
        for _, channel in model.model.channels.items():
            channel.sharpness.mul_(2)
    try:
        assert infer(model.model, [words]).set_log_probs == pytest.approx(plain)
    finally:
        for _, channel in model.model.channels.items():
            channel.sharpness.div_(2)


@pytest.mark.shared
def test_a_grin_is_happiness_and_nobody_is_nothing(model, shared, capsys):
    folder = shared / "data/odd_clips"
    for name in ("single_face", "no_face"):
        assert main(["predict", str(folder / f"{name}.mp4"), "--json"]) in (0, 1, 2, 3)
    grin, title_card = map(json.loads, capsys.readouterr().out.splitlines())
    assert max(grin["probs"], key=grin["probs"].get) == "happiness"
    assert title_card["labels"] is None
    assert title_card["probs"] is None
    assert title_card["reliability"] == "cannot tell"
    assert title_card["absent"]


@pytest.mark.shared
def test_an_angry_voice_is_angrier_than_a_calm_one(model, shared):
    clips = []
    for name in ("03-01-05-02-01-01-17", "03-01-02-01-01-01-17"):
        samples: Sound = read_sound(shared / f"data/ravdess/{name}.flac", 16_000)
        sets = ClipExtractor(model.config.features, vectors=False).column_sets("audio").values()
        features = {"audio": side_by_side([measure(samples) for measure in sets])}
        clips.append(ClipFeatures(Clip(name, name), features))
    angry, calm = probs_of(model, *clips)[:, EMOTIONS.index("anger")]
    assert angry > calm + 0.2


def test_the_command_reads_a_clip_with_it(corpus, capsys):
    media = sorted(corpus.rglob("*.mp4"))[0]
    run = str(find_model("default"))
    assert main(["predict", str(media), "--run", run, "--json"]) == 0
    prediction = json.loads(capsys.readouterr().out.splitlines()[0])
    assert prediction["demonstration"] is False
    assert set(prediction["effects"]["anger"]) == {"text", "audio", "visual"}
