"""``mmemo data``: files of other projects are checked, converted, trained on, and exported."""

import contextlib
import io
import json
import pickle

import h5py
import numpy as np
import pytest
import torch
from foreign_files import csd_folder, hhmpn, known_labels, label_csv, mmsa, mult, videos

from mmemo.csd.reader import CsdFile
from mmemo.csd.writer import write_csd
from mmemo.datasets.foreign.dataset import Tally
from mmemo.datasets.foreign.open import open_foreign
from mmemo.errors import DataError
from mmemo.labels import EMOTIONS
from mmemo.store import FeatureStore
from pipelines.cli import main


def clips_of(path, **options):
    data, tally = open_foreign(path, **options), Tally()
    clips = list(data.make(tally))
    assert len(clips) == data.count
    return clips, tally.counts, data


def run(capsys, *words):
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def segments(count=2):
    return [
        (video, k, k * 3.0, k * 3.0 + 2.5)
        for split in ("train", "valid", "test")
        for video in videos(split, 2)
        for k in range(count)
    ]


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("aligned", [True, False])
def test_mmsa(tmp_path, aligned, protocol):
    written = mmsa(tmp_path / "aligned_50.pkl", aligned=aligned, protocol=protocol)
    label_csv(tmp_path / "label.csv", segments())
    clips, met, data = clips_of(tmp_path / "aligned_50.pkl", labels=tmp_path / "label.csv")
    assert data.kind == "MMSA pickle"
    assert [clip.clip.split for clip in clips] == ["train"] * 4 + ["valid"] * 4 + ["test"] * 4
    assert met["audio: values of -inf, set to 0"] == 3
    assert all(clip.clip.intensities is not None for clip in clips)
    first = clips[0].features
    assert {m: f.values.shape[1] for m, f in first.items()} == {
        "text": 768, "audio": 74, "visual": 35,
    }  # fmt: skip
    rows = written["train"]["text"][0]
    nonzero = rows[(rows != 0).any(axis=1)]
    np.testing.assert_array_equal(first["text"].values[first["text"].valid], nonzero)
    if aligned:
        assert len({len(features) for features in first.values()}) == 1
        np.testing.assert_array_equal(first["text"].times, first["audio"].times)
    ends = {round(float(features.times[-1, 1]), 9) for features in first.values()}
    assert len(ends) == 1


def test_mult(tmp_path):
    written = mult(tmp_path / "mosei_senti_data_noalign.pkl")
    label_csv(tmp_path / "label.csv", segments())
    clips, met, data = clips_of(
        tmp_path / "mosei_senti_data_noalign.pkl", labels=tmp_path / "label.csv"
    )
    assert data.kind == "MulT pickle"
    assert met["audio: values of NaN, set to 0"] == 3
    assert all(clip.clip.intensities is not None for clip in clips)
    second = clips[1].clip
    assert (second.video_id, second.start, second.end) == (written["train"]["id"][1][0], 3.0, 5.5)
    audio = clips[1].features["audio"]
    assert audio.times[0, 0] == 0
    assert audio.times[-1, 1] == pytest.approx(2.5)
    assert len(audio) < 20  # the padding is off


def test_six_labels_in_a_mult_pickle_are_emotions(tmp_path):
    written = mult(tmp_path / "mosei_emotion.pkl", emotions=True)
    clips, _, _ = clips_of(tmp_path / "mosei_emotion.pkl")
    np.testing.assert_array_equal(clips[0].clip.intensities, written["train"]["labels"][0])


@pytest.mark.parametrize("zipped", [True, False])
def test_hhmpn(tmp_path, zipped):
    written = hhmpn(tmp_path / "train_valid_test.pt", zipped=zipped)
    clips, _, data = clips_of(tmp_path / "train_valid_test.pt")
    assert data.kind == "HHMPN torch file"
    assert any("too few segments" in note for note in data.notes)
    ids = [label for label in written["train"]["tgt"][0] if label > 3]
    assert [4 + k for k, v in enumerate(clips[0].clip.intensities) if v] == ids
    np.testing.assert_allclose(
        clips[0].features["audio"].values, written["train"]["src-audio"][0].numpy(), rtol=1e-6
    )


def test_hhmpn_with_lists_of_arrays(tmp_path):
    written = hhmpn(tmp_path / "x.pt")
    for split in ("train", "valid", "test"):
        written[split]["src-text"] = list(written[split]["src-text"].numpy())
    torch.save(written, tmp_path / "x.pt")
    clips, _, _ = clips_of(tmp_path / "x.pt")
    np.testing.assert_allclose(
        clips[0].features["text"].values, written["train"]["src-text"][0], rtol=1e-6
    )


def test_hhmpns_label_ids_are_inferred_from_the_counts(tmp_path):
    hhmpn(tmp_path / "x.pt", labels="known", order=(0, 1, 2, 4, 3, 5), splits=["test"])
    data = open_foreign(tmp_path / "x.pt")
    [note] = [note for note in data.notes if "label order" in note]
    assert note.endswith("happiness, sadness, anger, disgust, surprise, fear")
    labels = [clip.clip.intensities for clip in data.make(Tally())]
    assert np.sum(labels, axis=0).tolist() == [2502, 1129, 1071, 441, 805, 385]


def test_csd_folder(tmp_path):
    written = csd_folder(tmp_path, outside=True)
    clips, met, data = clips_of(tmp_path)
    assert data.kind == "csd folder"
    assert "1 of 7 videos are in no standard fold" in data.notes
    assert met["segments that start before their video, cut at 0 s"] == 7
    by_id = {clip.clip.id: clip for clip in clips}
    video = videos("test", 1)[0]
    first, second = by_id[f"{video}[0]"], by_id[f"{video}[1]"]
    assert (first.clip.start, first.clip.end, first.clip.split) == (2.0, 4.0, "test")
    assert second.clip.start == 0.0
    labels = written["All Labels"][video].features[0, 1:]
    np.testing.assert_allclose(first.clip.intensities, np.clip(labels, 0, 3), rtol=1e-6)
    assert [word.text for word in first.clip.words] == ["good", "sp"] * 2
    assert len(first.features["audio"]) == 200
    source = written["COVAREP"][video].features[200:400]
    np.testing.assert_array_equal(first.features["audio"].values, source)
    assert not first.features["audio"].valid[(source == 0).all(axis=1)].any()
    assert met["audio: values of -inf, set to 0"] == 7
    assert by_id["no_fold[0]"].clip.split is None


def test_label_columns_are_put_in_order(tmp_path):
    csd_folder(tmp_path)
    before = clips_of(tmp_path)[0][0].clip.intensities
    order = ["fear", *EMOTIONS[:-1]]
    after = clips_of(tmp_path, order=order)[0][0].clip.intensities
    assert after == (*before[1:], before[0])


def test_segments_beyond_their_video_are_counted(tmp_path):
    """Some labels of CMU-MOSEI have times of another cut of the video."""
    written = csd_folder(tmp_path)
    for entry in written["All Labels"].values():
        entry.intervals[0] = (5.5, 9.0)
        entry.intervals[2] = (20.0, 25.0)
    write_csd(tmp_path / "labels/CMU_MOSEI_Labels.csd", "All Labels", written["All Labels"].items())
    clips, met, _ = clips_of(tmp_path)
    assert met["audio: segments that end after its last row"] == 12
    assert clips[2].absent["audio"] == "no row in this segment"


def test_a_mirrors_cache_of_links(tmp_path):
    """Hugging Face keeps files by hash and links to them; git alone leaves pointers."""
    snapshot, blobs = tmp_path / "cache/snapshots/0a1b", tmp_path / "cache/blobs"
    csd_folder(snapshot)
    blobs.mkdir()
    for number, path in enumerate(list(snapshot.rglob("*.csd"))):
        path.rename(blobs / f"{number}")
        path.symlink_to(f"../../../blobs/{number}")
    for folder in (tmp_path / "cache", snapshot):
        assert len(clips_of(folder)[0]) == 18
    pointer = snapshot / "visual/CMU_MOSEI_VisualOpenFace2.csd"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0a\nsize 9\n")
    with pytest.raises(DataError, match=r"OpenFace2\.csd: a Git LFS pointer"):
        open_foreign(tmp_path / "cache")


def test_files_outside_that_a_folder_links_to_are_passed_over(tmp_path, caplog):
    folder = tmp_path / "folder"
    csd_folder(folder)
    link = next((folder / "visual").iterdir())
    link.rename(tmp_path / link.name)
    link.symlink_to(tmp_path / link.name)
    clips, _, _ = clips_of(folder)
    assert clips[0].absent == {"visual": "the data set has no file for it"}
    assert caplog.text.count(f"passed over: {link}: expected a file of the folder") == 1
    assert set(clips[0].features) == {"text", "audio"}


def test_a_part_of_the_files_is_enough(tmp_path):
    csd_folder(tmp_path)
    for path in (tmp_path / "visual").iterdir():
        path.unlink()
    clips, _, _ = clips_of(tmp_path)
    assert clips[0].absent == {"visual": "the data set has no file for it"}
    for path in (tmp_path / "labels").iterdir():
        path.unlink()
    with pytest.raises(DataError, match=r"expected a \.csd file of labels"):
        open_foreign(tmp_path)


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: csd_folder(folder / "data"),
        lambda folder: mmsa(folder / "data"),
        lambda folder: mult(folder / "data"),
        lambda folder: hhmpn(folder / "data"),
    ],
    ids=["csd", "mmsa", "mult", "hhmpn"],
)
def test_whatever_it_is_it_can_be_trained_on(tmp_path, capsys, make):
    make(tmp_path)
    label_csv(tmp_path / "label.csv", segments())
    source, store, model = tmp_path / "data", tmp_path / "store", tmp_path / "run"
    code, out, _ = run(
        capsys, "data", "convert", source, "--out", store, "--labels", tmp_path / "label.csv"
    )
    assert code == 0, out
    assert "written" in out
    assert "CMU-MOSEI (" in FeatureStore(store).info().dataset
    code, _, err = run(
        capsys, "train", "--data", store, "--out", model, "--quiet", "--device", "cpu",
        "--set", "train.epochs=1", "model.encoder.hidden=8", "model.encoder.heads=2",
        "features.vectors=none",
    )  # fmt: skip
    assert code == 0, err
    code, out, err = run(capsys, "evaluate", model, "--data", store, "--json", "--device", "cpu")
    assert code == 0, err
    assert "CMU-MOSEI (" in out


def test_check_reports_problems(tmp_path, capsys):
    written = mmsa(tmp_path / "x.pkl")
    code, out, _ = run(capsys, "data", "check", tmp_path / "x.pkl")
    assert code == 1
    assert "problem: 12 of 12 segments have no emotion labels" in out
    assert "audio: values of -inf, set to 0: 3" in out
    written["test"] = {key: value[:2] for key, value in written["train"].items()}
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(written))
    code, out, _ = run(capsys, "data", "check", tmp_path / "x.pkl", "--json")
    problems = "\n".join(json.loads(out)["problems"])
    assert "1 videos are in two splits" in problems
    assert "2 segments have the same features in two splits" in problems
    assert "ids occur twice" in problems


def test_splits_that_are_not_the_standard_folds_are_named(tmp_path, capsys):
    written = mmsa(tmp_path / "x.pkl")
    (tmp_path / "x.pkl").write_bytes(
        pickle.dumps(
            {"train": written["train"], "valid": written["test"], "test": written["valid"]}
        )
    )
    code, out, _ = run(capsys, "data", "check", tmp_path / "x.pkl")
    assert code == 1
    assert "problem: 4 videos are in another split than in the standard folds" in out


def test_a_correct_data_set_has_no_problems(tmp_path, capsys):
    csd_folder(tmp_path)
    code, out, _ = run(capsys, "data", "check", tmp_path)
    assert code == 0
    assert "segments: 18 (test 6, train 6, valid 6), 6 videos" in out
    assert "audio: 74 columns, in 18 segments, 3600 rows, 85.7% with a measurement" in out
    assert out.endswith("no problems found\n")


def test_swapped_columns_are_refused_until_they_are_named(tmp_path, capsys):
    order = ["happiness", "sadness", "anger", "fear", "disgust", "surprise"]
    lines = ["video_id,segment_id,start,end,text,sentiment," + ",".join(EMOTIONS)]
    swapped = known_labels("valid")[:, [EMOTIONS.index(name) for name in order]]
    for k, row in enumerate(swapped):
        lines.append(f"v{k // 7},{k},0,1,good,0," + ",".join(map(str, row)))
    (tmp_path / "valid.csv").write_text("\n".join(lines))
    code, out, _ = run(capsys, "data", "check", tmp_path / "valid.csv")
    assert code == 1
    assert "problem: label columns are swapped" in out
    assert f"--label-order {','.join(order)}" in out
    named = ["--label-order", ",".join(order)]
    code, out, _ = run(capsys, "data", "check", tmp_path / "valid.csv", *named)
    assert code == 0, out
    (tmp_path / "vectors.txt").write_text("good 1 2 3\n")
    words = ["--set", f"features.vectors={tmp_path / 'vectors.txt'}", "--out", tmp_path / "store"]
    code, _, err = run(capsys, "data", "convert", tmp_path / "valid.csv", *words)
    assert code == 1
    assert "label columns are swapped" in err
    code, _, err = run(
        capsys, "data", "check", tmp_path / "valid.csv", "--label-order", "joy,anger"
    )
    assert code == 1
    assert "expected each of happiness" in err


def test_labels_that_mean_other_segments_are_not_taken(tmp_path):
    """Segment numbers of two files need not agree; where texts differ, they do not."""
    mmsa(tmp_path / "x.pkl")
    label_csv(tmp_path / "label.csv", segments())
    lines = (tmp_path / "label.csv").read_text().replace(",,0,", ",quite another sentence,0,")
    (tmp_path / "label.csv").write_text(lines)
    clips, met, _ = clips_of(tmp_path / "x.pkl", labels=tmp_path / "label.csv")
    assert met["segments that the label file does not have"] == 12
    assert all(clip.clip.intensities is None for clip in clips)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["train"].pop("audio"), "expected text, audio, vision, id in train"),
        (
            lambda d: d["train"].update(audio=d["train"]["audio"][:2]),
            "expected 4 segments in train",
        ),
        (lambda d: d["train"].update(text=d["train"]["text"][0]), r"numbers \(N, T, D\)"),
        (lambda d: d["train"].update(audio=[1, 2]), r"numbers \(N, T, D\)"),
        (lambda d: d["train"].update(id="abc"), "train id as a list"),
        (lambda d: d["train"].update(text=d["train"]["audio"][:, :, :0]), "impossible shape"),
        (lambda d: d.update(test=7), "expected text, audio, vision, id in test"),
    ],
)
def test_wrong_shapes_are_named(tmp_path, change, message):
    data = mmsa(tmp_path / "x.pkl")
    change(data)
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(data))
    with pytest.raises(DataError, match=message) as error:
        open_foreign(tmp_path / "x.pkl")
    assert "\n" not in str(error.value)
    assert str(tmp_path / "x.pkl") in str(error.value)


def test_broken_label_ids_are_named(tmp_path):
    for targets in ([[2, 11, 3]] * 5, [["a"]] * 5, [[2, 3]], 7):
        data = hhmpn(tmp_path / "x.pt")
        data["train"]["tgt"] = targets
        torch.save(data, tmp_path / "x.pt")
        with pytest.raises(DataError, match="label ids"):
            open_foreign(tmp_path / "x.pt")


def test_a_store_written_as_csd_is_opened_by_the_sdk_and_read_back(tmp_path, capsys):
    csd_folder(tmp_path / "data")
    code, _, _ = run(capsys, "data", "convert", tmp_path / "data", "--out", tmp_path / "store")
    assert code == 0
    code, _, _ = run(
        capsys, "data", "convert", tmp_path / "store", "--to", "csd", "--out", tmp_path / "csd"
    )
    assert code == 0
    with contextlib.redirect_stdout(io.StringIO()):
        mmdatasdk = pytest.importorskip("mmsdk").mmdatasdk
        files = {path.stem: str(path) for path in (tmp_path / "csd").glob("*.csd")}
        data = mmdatasdk.mmdataset(files)
    assert set(files) == {
        "COVAREP", "Labels", "TimestampedWordVectors", "TimestampedWords", "VisualFacet42",
    }  # fmt: skip
    video = videos("train", 1)[0]
    assert data["COVAREP"][video]["features"].shape == (600, 74)
    before = {c.clip.id: c for c in clips_of(tmp_path / "data")[0]}
    after = {c.clip.id: c for c in clips_of(tmp_path / "csd")[0]}
    # Rows of labels are written in order of time.
    starts = {(c.clip.video_id, c.clip.start): c for c in after.values()}
    assert len(before) == len(after)
    for clip in before.values():
        other = starts[clip.clip.video_id, clip.clip.start]
        assert other.clip.words == pytest.approx(clip.clip.words, abs=1e-9) or len(
            other.clip.words
        ) == len(clip.clip.words)
        assert other.clip.intensities == pytest.approx(clip.clip.intensities, abs=1e-6)
        for modality, features in clip.features.items():
            np.testing.assert_array_equal(other.features[modality].values, features.values)
            np.testing.assert_array_equal(other.features[modality].valid, features.valid)
            np.testing.assert_allclose(other.features[modality].times, features.times, atol=1e-9)


def test_unmeasured_columns_are_zeros(tmp_path):
    """Our own features: 33 of FACET's columns, and rows without a face."""
    from mmemo.features import Clip, ClipFeatures, Features
    from mmemo.store import StoreInfo
    from pipelines.data.csd_export import COVAREP_NAMES, FACET_NAMES, export_csd

    names = tuple(name for name in FACET_NAMES if name not in ("Has_Glasses", "Is_Male"))
    times = np.array([[0.0, 0.1], [0.1, 0.2], [0.2, 0.3]])
    valid = np.array([True, False, True])
    values = np.where(valid[:, None], np.arange(1.0, 34), 0)
    store = FeatureStore.create(tmp_path / "store", StoreInfo("mine"))
    clip = Clip("a b/c", "a b/c", start=1.0, split="train", intensities=(1, 0, 0, 0, 0, 0))
    store.write(ClipFeatures(clip, {"visual": Features(values, times, valid, names, "x")}), "key")
    store.write_manifest([clip])
    export_csd(tmp_path / "store", tmp_path / "csd")
    with CsdFile(tmp_path / "csd/VisualFacet42.csd") as file:
        intervals, features = file["a b_c"]
        assert file.metadata["dimension names"] == list(FACET_NAMES)
    assert features.shape == (3, 35)
    np.testing.assert_array_equal(features[1], np.zeros(35))
    np.testing.assert_array_equal(features[0, 30:32], [0, 0])
    np.testing.assert_array_equal(np.delete(features[0], [30, 31]), np.arange(1.0, 34))
    np.testing.assert_allclose(intervals, times + 1.0)
    assert len(COVAREP_NAMES) == 74
    assert COVAREP_NAMES[10:12] == ("creak", "MCEP_0")
    with CsdFile(tmp_path / "csd/Labels.csd") as file:
        np.testing.assert_allclose(file["a b_c"].features[0, 1:], [1, 0, 0, 0, 0, 0])
        np.testing.assert_allclose(file["a b_c"].intervals, [[1.0, 1.3]])


def test_broken_metadata_costs_the_names_only(tmp_path, caplog):
    csd_folder(tmp_path)
    with h5py.File(tmp_path / "acoustic/CMU_MOSEI_COVAREP.csd", "a") as file:
        del file["COVAREP/metadata/creator"]
        file["COVAREP/metadata/creator"] = np.arange(3)
    clips, _, _ = clips_of(tmp_path)
    assert clips[0].features["audio"].names[0] == "audio_0"
    assert "broken metadata" in caplog.text


@pytest.mark.parametrize("numbers", [[0, 1, 2], [3, 1, 7], [2, 0, 1], [0, 12, 5]])
def test_segments_keep_their_numbers_on_the_way_through_csd(tmp_path, numbers):
    from mmemo.features import Clip, ClipFeatures, Features
    from mmemo.store import StoreInfo
    from pipelines.data.csd_export import export_csd

    store = FeatureStore.create(tmp_path / "store", StoreInfo("mine"))
    clips = []
    for video in ("a", "b"):
        for place, number in enumerate(numbers):
            labels = tuple(float(bit) for bit in f"{1 + number:06b}")
            name, start = f"{video}[{number}]", 2.0 * place
            clips.append(Clip(name, video, start=start, end=start + 1.5, intensities=labels))
            times = np.array([[0, 0.5], [0.5, 1]])
            rows = Features(np.ones((2, 1)), times, np.ones(2), ("x",), "x")
            store.write(ClipFeatures(clips[-1], {"text": rows}), "key")
    store.write_manifest(clips)
    export_csd(tmp_path / "store", tmp_path / "csd")
    assert main(["data", "convert", str(tmp_path / "csd"), "--out", str(tmp_path / "back")]) == 0
    back = {clip.id: clip for clip in FeatureStore(tmp_path / "back").clips()}
    assert set(back) == {clip.id for clip in clips}
    for clip in clips:
        assert back[clip.id].intensities == clip.intensities
        assert (back[clip.id].start, back[clip.id].end) == (clip.start, clip.end)


def test_videos_of_two_data_sets_are_two_videos(tmp_path):
    from mmemo.config import Config
    from mmemo.features import Clip, ClipFeatures
    from mmemo.store import StoreInfo
    from pipelines.data.load import load_data

    for name, split in (("one", "train"), ("two", "valid")):
        store = FeatureStore.create(tmp_path / name, StoreInfo(name))
        clips = [Clip(f"0[{n}]", "0", split=split, intensities=(0.0,) * 6) for n in range(2)]
        clips.append(Clip(f"{name}[0]", name, split=split, intensities=(0.0,) * 6))
        for clip in clips:
            store.write(ClipFeatures(clip, {}), "key")
        store.write_manifest(clips)
    dataset = load_data([tmp_path / "one", tmp_path / "two"], Config())
    videos = [clip.clip.video_id for clip in dataset.clips]
    assert videos == ["one/0", "one/0", "one", "two/0", "two/0", "two"]


def test_a_video_in_two_tables_of_different_splits_is_refused(tmp_path):
    from mmemo.config import Config
    from pipelines.data.load import load_data

    header = "video_id,segment_id,text,happiness,sadness,anger,surprise,disgust,fear\n"
    for split in ("train", "valid"):
        (tmp_path / f"{split}.csv").write_text(header + "v,0,so,0,0,0,0,0,0\n")
    config = Config.model_validate({"model": {"text": {"known_words": 10}}})
    with pytest.raises(DataError, match="is in both train and valid"):
        load_data([tmp_path / "train.csv", tmp_path / "valid.csv"], config)
