import json
import logging
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from planted import planted_clip, planted_dataset
from safetensors import safe_open
from safetensors.torch import save_file

from mmemo.checkpoint import load_checkpoint
from mmemo.config import Config
from mmemo.datasets.dataset import Dataset
from mmemo.datasets.mosei import PRESENT, SEGMENTS, folds
from mmemo.decisions.sure import NEVER
from mmemo.decisions.sure_fitting import PRECISION
from mmemo.disk.locks import lock_folder
from mmemo.errors import ConfigError, DataError, FeatureError
from mmemo.explain import explain
from mmemo.features import ClipFeatures
from mmemo.labels import EMOTIONS, sets_of, to_set_index
from pipelines.evaluation.evaluate import evaluate
from pipelines.training.label_checks import check_label_order
from pipelines.training.reliability import FEWEST_CLIPS
from pipelines.training.state import STATE_FILE
from pipelines.training.step import TrainingStep
from pipelines.training.train import count_sets, labelled, labels_of, train


def options(**changes):
    encoder = {"hidden": 16, "heads": 2, "layers": 1, "dropout": 0.1, "modality_dropout": 0.1}
    return Config.model_validate(
        {
            "model": {"encoder": encoder},
            "train": {
                "epochs": 4,
                "batch_size": 16,
                "learning_rate": 0.01,
                "patience": 9,
                **changes,
            },
        }
    )


@pytest.fixture(scope="module")
def dataset():
    return planted_dataset()


@pytest.fixture(scope="module")
def learnt(dataset, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    return train(options(epochs=16), dataset, out), out


def weights(checkpoint):
    return checkpoint.model.state_dict()


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first.values(), second.values(), strict=True))


def test_what_is_planted_is_learnt(learnt, dataset):
    checkpoint, _ = learnt
    report = evaluate(checkpoint, dataset.split("test"))
    assert report["decoders"]["threshold"]["micro_f1"] > 0.95
    assert report["decoders"]["map"]["exact_match"] > 0.9


def test_hiding_a_modality_hurts_what_is_planted_in_it(learnt, dataset):
    checkpoint, _ = learnt
    emotions = list(checkpoint.labels)
    for place, modality in enumerate(("text", "audio", "visual")):
        report = evaluate(checkpoint, dataset.split("test"), without=[modality])
        f1 = {e: s["f1"] for e, s in report["decoders"]["threshold"]["per_label"].items()}
        planted = emotions[2 * place : 2 * place + 2]
        assert max(f1[e] for e in planted) < 0.75
        assert min(f1[e] for e in emotions if e not in planted) > 0.85


def test_the_saved_model_is_the_trained_one(learnt, dataset):
    checkpoint, out = learnt
    loaded = load_checkpoint(out)
    assert same(weights(loaded), weights(checkpoint))
    assert loaded.thresholds == checkpoint.thresholds
    assert loaded.config == checkpoint.config
    assert loaded.trained_on == checkpoint.trained_on
    clips = dataset.split("test")
    assert evaluate(loaded, clips) == evaluate(checkpoint, clips)
    assert not (out / STATE_FILE).exists()


def test_the_reliability_of_answers_is_measured_on_enough_validation_clips(tmp_path):
    dataset = planted_dataset(valid=FEWEST_CLIPS, test=200)
    checkpoint = train(options(epochs=8), dataset, tmp_path / "run")
    assert len(checkpoint.sure) == 7, "modalities are hidden from clips that have them all"
    assert load_checkpoint(tmp_path / "run").sure == checkpoint.sure
    every = checkpoint.sure[frozenset({"text", "audio", "visual"})]
    assert min(every.precision) >= PRECISION
    voice = checkpoint.sure[frozenset({"audio"})]
    assert sum(threshold == NEVER for threshold in voice.thresholds) >= 2
    levels = evaluate(checkpoint, dataset.split("test"), resamples=20)["reliabilities"]
    assert levels["likely"]["right"] > 0.9
    assert levels["likely"]["n"] > sum(level["n"] for level in levels.values()) / 2


def test_a_few_validation_clips_measure_no_reliability(learnt, dataset):
    checkpoint, _ = learnt
    assert len(dataset.split("valid")) < FEWEST_CLIPS
    assert not checkpoint.sure
    assert "reliabilities" not in evaluate(checkpoint, dataset.split("test"), resamples=20)


def test_the_best_epoch_is_kept_not_the_last(learnt):
    checkpoint, out = learnt
    history = [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()]
    assert checkpoint.valid["set_nll"] == min(line["set_nll"] for line in history)


def test_the_same_seed_gives_the_same_weights(dataset, tmp_path):
    first, second, other = (
        train(options(epochs=2, seed=seed), dataset, tmp_path / name)
        for seed, name in ((1, "a"), (1, "b"), (2, "c"))
    )
    assert same(weights(first), weights(second))
    assert not same(weights(first), weights(other))


@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_a_stopped_run_goes_on_to_the_same_result(dataset, tmp_path, monkeypatch, ema_decay):
    whole = train(options(ema_decay=ema_decay), dataset, tmp_path / "whole")

    def stop_in_third_epoch(step, *arguments):
        if (tmp_path / "cut/history.jsonl").exists():
            lines = (tmp_path / "cut/history.jsonl").read_text().splitlines()
            if len(lines) == 2:
                raise KeyboardInterrupt
        return update(step, *arguments)

    update = TrainingStep.__call__
    monkeypatch.setattr(TrainingStep, "__call__", stop_in_third_epoch)
    with pytest.raises(KeyboardInterrupt):
        train(options(ema_decay=ema_decay), dataset, tmp_path / "cut")
    monkeypatch.undo()
    resumed = train(options(ema_decay=ema_decay), dataset, tmp_path / "cut")
    assert same(weights(resumed), weights(whole))
    assert resumed.valid == whole.valid
    histories = [
        [{**json.loads(line), "seconds": 0} for line in path.read_text().splitlines()]
        for path in (tmp_path / "cut/history.jsonl", tmp_path / "whole/history.jsonl")
    ]
    assert histories[0] == histories[1]


def test_an_epoch_that_was_logged_but_not_saved_is_logged_once(dataset, tmp_path, monkeypatch):
    def stop_in_second_epoch(out, config, state, *arguments):
        if state.epoch == 2:
            raise KeyboardInterrupt
        save(out, config, state, *arguments)

    from pipelines.training.train import save_state as save

    monkeypatch.setattr("pipelines.training.train.save_state", stop_in_second_epoch)
    with pytest.raises(KeyboardInterrupt):
        train(options(), dataset, tmp_path)
    assert len((tmp_path / "history.jsonl").read_text().splitlines()) == 1
    monkeypatch.undo()
    train(options(), dataset, tmp_path)
    lines = (tmp_path / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [0, 1, 2, 3]


def interrupt_training(dataset, folder, monkeypatch):
    """Begin a run, and interrupt it after its first epoch."""

    def stop_after_the_first(log, history, **_):
        if len(history) > 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.training.log.TrainingLog.write", stop_after_the_first)
        with pytest.raises(KeyboardInterrupt):
            train(options(), dataset, folder)


def test_a_run_that_an_earlier_version_began_keeps_its_history(dataset, tmp_path, monkeypatch):
    interrupt_training(dataset, tmp_path, monkeypatch)
    with safe_open(tmp_path / STATE_FILE, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    counts = json.loads(metadata["counts"])
    lines = [json.dumps(line) + "\n" for line in counts.pop("history")]
    (tmp_path / "history.jsonl").write_text("".join(lines))
    earlier = {"counts": json.dumps(counts)} | {n: metadata[n] for n in ("config", "data")}
    save_file(tensors, tmp_path / STATE_FILE, metadata=earlier)
    train(options(), dataset, tmp_path)
    assert (tmp_path / "history.jsonl").read_text().splitlines(keepends=True)[:2] == lines
    assert len((tmp_path / "history.jsonl").read_text().splitlines()) == 4


def test_a_damaged_state_is_not_resumed(dataset, tmp_path, monkeypatch, caplog):
    interrupt_training(dataset, tmp_path, monkeypatch)
    whole = (tmp_path / STATE_FILE).read_bytes()
    train(options(), dataset, tmp_path / "other")
    for place in (len(whole) - 3, whole.index(b"sha256") + 1, len(whole) // 2):
        damaged = bytearray(whole)
        damaged[place] ^= 4
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / STATE_FILE).write_bytes(damaged)
        caplog.clear()
        train(options(), dataset, tmp_path / "run")
        assert "starting over" in caplog.text
        ours, theirs = (tmp_path / run / "model.safetensors" for run in ("run", "other"))
        assert ours.read_bytes() == theirs.read_bytes()


def test_two_runs_in_one_folder_are_refused(dataset, tmp_path):
    with lock_folder(tmp_path, ValueError()), pytest.raises(ConfigError, match="nothing else"):
        train(options(), dataset, tmp_path)
    train(options(), dataset, tmp_path)
    with pytest.raises(ConfigError, match="holds a finished run"):
        train(options(), dataset, tmp_path, force=False)


def test_an_unfinished_run_with_other_options_is_not_overwritten(dataset, tmp_path, monkeypatch):
    interrupt_training(dataset, tmp_path, monkeypatch)
    before = (tmp_path / STATE_FILE).read_bytes()
    with pytest.raises(
        ConfigError, match=r"unfinished run with other options \(train\.seed 0, now 5\)"
    ):
        train(options(seed=5), dataset, tmp_path)
    assert (tmp_path / STATE_FILE).read_bytes() == before


def changed(dataset, what):
    """Return a data set that differs in one respect, in a training or a validation clip."""
    clips = list(dataset.clips)
    at = next(
        n for n, c in enumerate(clips) if c.clip.split == ("valid" if what == "valid" else "train")
    )
    clip = clips[at]
    text = clip.features["text"]
    if what == "fewer":
        del clips[at]
    elif what == "order":
        clips[at], clips[at + 1] = clips[at + 1], clips[at]
    elif what in ("label", "valid"):
        flipped = tuple(1.0 - value for value in clip.clip.intensities)
        clips[at] = replace(clip, clip=replace(clip.clip, intensities=flipped))
    elif what == "value":
        other = replace(text, values=text.values + np.float32(0.25))
        clips[at] = replace(clip, features={**clip.features, "text": other})
    elif what == "columns":
        names = tuple(f"other{n}" for n in range(len(text.names)))
        clips = [
            replace(c, features={**c.features, "text": replace(c.features["text"], names=names)})
            for c in clips
        ]
    elif what == "names":
        return replace(dataset, labels=("a", *dataset.labels[1:]))
    return replace(dataset, clips=tuple(clips))


@pytest.mark.parametrize("what", ["fewer", "order", "label", "valid", "value", "columns", "names"])
def test_an_unfinished_run_goes_on_with_the_same_data_only(dataset, tmp_path, monkeypatch, what):
    interrupt_training(dataset, tmp_path, monkeypatch)
    before = (tmp_path / STATE_FILE).read_bytes()
    with pytest.raises(ConfigError, match="unfinished run on other data"):
        train(options(), changed(dataset, what), tmp_path)
    assert (tmp_path / STATE_FILE).read_bytes() == before
    test_clips = tuple(c for c in dataset.clips if c.clip.split != "test")
    train(options(), replace(dataset, clips=test_clips), tmp_path)  # test clips are not used


def with_mosei_counts(order, videos=None):
    """Make clips whose labels are as frequent as CMU-MOSEI's, in another order of columns."""
    rng = np.random.default_rng(0)
    rates = np.array(PRESENT["train"]) / SEGMENTS["train"]
    clips = []
    for split, count in (("train", 3000), ("valid", 500)):
        for number in range(count):
            own = (rng.random(6) < rates)[list(order)] * 1.0
            planted = planted_clip(number, split, rng)
            clip = replace(planted.clip, intensities=tuple(own.tolist()))
            if videos is not None:
                clip = replace(clip, video_id=videos[split][number % len(videos[split])])
            clips.append(replace(planted, clip=clip))
    return Dataset("mine", False, tuple(clips))


ORDERS = [(1, 0, 2, 3, 4, 5), (5, 0, 1, 2, 3, 4)]


@pytest.mark.parametrize("order", ORDERS)
def test_swapped_label_columns_are_named(caplog, order):
    dataset = with_mosei_counts(order)
    check_label_order(dataset, dataset.clips)
    names = ", ".join(EMOTIONS[place] for place in order)
    assert f"by CMU-MOSEI's counts they are {names}" in caplog.text


@pytest.mark.parametrize("order", ORDERS)
def test_swapped_label_columns_of_cmu_mosei_are_refused(tmp_path, caplog, order):
    videos = {split: [v for v, s in folds().items() if s == split] for split in ("train", "valid")}
    dataset = with_mosei_counts(order, videos)
    names = ",".join(EMOTIONS[place] for place in order)
    with pytest.raises(DataError, match=f"--label-order {names}`"):
        train(options(), dataset, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    check_label_order(dataset, dataset.clips, trusted=True)
    assert "may be swapped" in caplog.text


def with_more_labels(dataset, n_labels):
    """Return the data set with further labels, each of the planted ones in turn."""
    clips = tuple(
        replace(
            clip,
            clip=replace(clip.clip, intensities=tuple(np.resize(clip.clip.intensities, n_labels))),
        )
        for clip in dataset.clips
    )
    return replace(dataset, clips=clips, labels=tuple(f"l{n}" for n in range(n_labels)))


@pytest.mark.parametrize(
    ("kind", "fusion", "remedy"),
    [
        ("lattice", "cross", "set model.decoder.kind=binary, where"),
        ("sequence", "late", "set model.decoder.kind=binary, where"),
        ("binary", "evidence", "set model.encoder.fusion=cross, where"),
        ("lattice", "evidence", "set model.decoder.kind=binary model.encoder.fusion=cross, where"),
    ],
)
def test_more_labels_than_can_be_listed_are_refused_at_once(
    dataset, tmp_path, kind, fusion, remedy
):
    model = {"encoder": {"hidden": 8, "heads": 2, "fusion": fusion}, "decoder": {"kind": kind}}
    config = Config.model_validate({"model": model})
    with pytest.raises(ConfigError, match=f"at most 12 labels.*got 13: {remedy}"):
        train(config, with_more_labels(dataset, 13), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_independent_outputs_take_any_number_of_labels(dataset, tmp_path):
    many = with_more_labels(dataset, 70)
    config = options(epochs=8).model_dump()
    config["model"]["decoder"]["kind"] = "binary"
    checkpoint = train(Config.model_validate(config), many, tmp_path / "run")
    clips = many.split("test")
    evaluation = evaluate(checkpoint, clips, resamples=20)
    assert evaluation["decoders"]["threshold"]["micro_f1"] > 0.9
    assert evaluation["set_nll"] < evaluation["prior"]["set_nll"] / 2
    loaded = load_checkpoint(tmp_path / "run")
    assert loaded.trained_on == checkpoint.trained_on
    assert evaluate(loaded, clips, resamples=20) == evaluation
    blind = evaluate(loaded, clips, without=["text", "audio", "visual"], resamples=20)
    assert blind["set_nll"] == pytest.approx(blind["prior"]["set_nll"], rel=0.2)
    effects = explain(
        loaded.model, labelled(clips[:3], loaded.config), calibration=loaded.calibration
    )
    assert all(np.abs(clip.modality_effects).max() > 0.5 for clip in effects)


def test_many_labels_of_mixed_data_are_counted_without_a_list_of_their_sets(dataset):
    clips = labelled(with_more_labels(dataset, 30).split("train"), options())
    known = np.arange(30) % 2 == np.arange(len(clips))[:, None] % 2
    partly = [
        replace(clip, labels=np.where(row, clip.labels, np.nan))
        for clip, row in zip(clips, known, strict=True)
    ]
    counts = count_sets(partly)
    assert sum(counts.values()) == len(clips)
    rates = np.nanmean([clip.labels for clip in partly], axis=0)
    drawn = sets_of(list(counts), 30).T @ list(counts.values()) / len(clips)
    np.testing.assert_allclose(drawn, rates, atol=1 / len(clips))


def partly_labelled(dataset, unknown):
    """Return the data set with labels of its training clips unknown: number -> places."""
    clips = []
    for number, clip in enumerate(dataset.clips):
        if clip.clip.split == "train":
            values = list(clip.clip.intensities)
            for place in unknown(number):
                values[place] = np.nan
            clip = replace(clip, clip=replace(clip.clip, intensities=tuple(values)))
        clips.append(clip)
    return replace(dataset, clips=tuple(clips))


PARTS = {
    "some lack a label": lambda number: (5,) if number % 2 else (),
    "two data sets without common labels": lambda number: (0, 1, 2) if number % 2 else (3, 4, 5),
    "each lacks another": lambda number: (number % 6,),
    "each has one": lambda number: [place for place in range(6) if place != number % 6],
}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, "lattice") for name in PARTS),
        ("each has one", "sequence"),
        ("each has one", "binary"),
    ],
)
def test_partly_labelled_clips_are_trained_on(dataset, tmp_path, kind, name):
    mixed = partly_labelled(dataset, PARTS[name])
    model = {"encoder": {"hidden": 8, "heads": 2}, "decoder": {"kind": kind}}
    config = Config.model_validate({"model": model, "train": {"epochs": 1}})
    checkpoint = train(config, mixed, tmp_path)
    trained = [clip.clip for clip in mixed.clips if clip.clip.split == "train"]
    assert checkpoint.trained_on.clips == len(trained)
    if not any(clip.fully_labelled for clip in trained):
        assert sum(checkpoint.trained_on.set_counts.values()) == len(trained)


@pytest.mark.parametrize("place", [0, 5])
def test_a_label_that_no_training_clip_annotates_is_refused(dataset, tmp_path, place):
    mixed = partly_labelled(dataset, lambda number: (place,))
    with pytest.raises(DataError, match=f"says anything about {EMOTIONS[place]}: leave"):
        train(options(), mixed, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_training_stops_when_nothing_improves(dataset, tmp_path):
    train(options(epochs=40, patience=1, learning_rate=1.0), dataset, tmp_path)
    assert len((tmp_path / "history.jsonl").read_text().splitlines()) < 40


def test_a_modality_that_the_data_lack_is_left_out(dataset, tmp_path, caplog):
    only_text = Dataset(
        "words",
        False,
        tuple(ClipFeatures(c.clip, {"text": c.features["text"]}) for c in dataset.clips),
    )
    with caplog.at_level(logging.INFO, logger="pipelines"):
        checkpoint = train(options(epochs=1), only_text, tmp_path)
    assert list(checkpoint.inputs) == ["text"]
    assert checkpoint.config.model.modalities == ("text",)
    assert "audio: absent from the training data" in caplog.text


def test_missing_splits_and_labels_are_named(dataset, tmp_path):
    no_valid = Dataset("d", False, dataset.split("train"))
    with pytest.raises(DataError, match="split 'valid'"):
        train(options(), no_valid, tmp_path)


def test_mixed_extractors_are_refused(dataset, tmp_path):
    other = planted_dataset(4, 4, 4, seed=1)
    text = other.clips[0].features["text"]
    object.__setattr__(text, "source", "text:2:0")
    mixed = Dataset("d", False, (*dataset.clips, other.clips[0]))
    with pytest.raises(FeatureError, match="extract all clips with the same options"):
        train(options(), mixed, tmp_path)


def test_evaluation_refuses_other_features(learnt):
    checkpoint, _ = learnt
    other = planted_dataset(4, 4, 4, seed=1)
    object.__setattr__(other.clips[0].features["audio"], "source", "audio:2:0")
    with pytest.raises(Exception, match="made by audio:1:0; these were made by audio:2:0"):
        evaluate(checkpoint, other.clips)


def test_padding_and_batch_size_change_no_score(learnt, dataset):
    checkpoint, _ = learnt
    clips = dataset.split("test")
    one = evaluate(checkpoint, clips, batch_size=1)
    many = evaluate(checkpoint, clips, batch_size=64)
    assert one["set_nll"] == pytest.approx(many["set_nll"], abs=1e-5)
    assert one["decoders"]["jaccard"] == many["decoders"]["jaccard"]


def test_with_nothing_to_read_the_answer_is_what_the_training_labels_say(learnt, dataset):
    checkpoint, _ = learnt
    blind = evaluate(checkpoint, dataset.split("test"), without=["text", "audio", "visual"])
    truth = labels_of(labelled(dataset.split("test"), checkpoint.config))
    prior = checkpoint.trained_on.prior(6)
    assert prior.sum() == pytest.approx(1)
    assert blind["set_nll"] == pytest.approx(-np.log(prior[to_set_index(truth)]).mean())


def test_rows_that_also_say_how_much_frames_vary(dataset, tmp_path):
    wider = options(epochs=1).model_copy(
        update={"data": options().data.model_copy(update={"pooling": "mean_sd"})}
    )
    checkpoint = train(wider, dataset, tmp_path)
    plain = {m: len(columns.names) for m, columns in checkpoint.inputs.items()}
    assert checkpoint.model.dims == {m: d * (1 + (m != "text")) for m, d in plain.items()}
    assert evaluate(load_checkpoint(tmp_path), dataset.split("test"))["n"] > 0


def with_words(clip, known):
    """Give a planted clip's text rows the tokens "yes" and "no", if they are known."""
    text = clip.features["text"]
    tokens = tuple("yes" if row[0] > 1 else "no" for row in text.values) if known else ()
    return replace(clip, features={**clip.features, "text": replace(text, tokens=tokens)})


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_words_that_are_not_known_are_reported_once(dataset, tmp_path, caplog, share):
    clips = tuple(with_words(c, n % 4 >= 4 * share) for n, c in enumerate(dataset.clips))
    some = Dataset("d", False, clips)
    config = options(epochs=1).with_options({"model.text.known_words": 5}, "test")
    if share == 1:
        with pytest.raises(ConfigError, match=r"model\.text\.known_words: expected clips whose"):
            train(config, some, tmp_path)
        return
    checkpoint = train(config, some, tmp_path)
    assert set(checkpoint.model.vocabulary.words) == {"yes", "no"}
    warnings = [record.message for record in caplog.records if "not the words" in record.message]
    assert len(warnings) == (share > 0)
    if warnings:
        assert warnings[0].startswith("128 of 256 training clips")
