"""Label files in the forms that people have, and the names of data sets that are not CMU-MOSEI."""

import gzip
import pickle

import numpy as np
import pytest
from foreign_files import csd_folder, label_csv, mmsa, mult, videos
from hypothesis import given
from hypothesis import strategies as st

from mmemo.csd.sequence import Entry
from mmemo.csd.writer import write_csd
from mmemo.datasets.foreign.dataset import EARLY_START, Tally
from mmemo.datasets.foreign.label_table import LabelRow, LabelTable
from mmemo.datasets.foreign.open import open_foreign
from mmemo.errors import DataError
from mmemo.labels import EMOTIONS
from mmemo.store import FeatureStore
from pipelines.cli import main


def segments(split):
    return [(video, k, k * 3.0, k * 3.0 + 2.5) for video in videos(split, 2) for k in range(2)]


def labelled(path, **options):
    clips = list(open_foreign(path, **options).make(Tally()))
    return [clip.clip.intensities is not None for clip in clips]


def test_each_split_may_have_a_file_of_labels(tmp_path):
    mmsa(tmp_path / "aligned_50.pkl")
    files = [tmp_path / f"{split}.csv" for split in ("train", "valid", "test")]
    for file in files:
        label_csv(file, segments(file.stem))
    assert labelled(tmp_path / "aligned_50.pkl", labels=files) == [True] * 12
    assert labelled(tmp_path / "aligned_50.pkl", labels=files[:1]) == [True] * 4 + [False] * 8


@pytest.mark.parametrize("repeat", [False, True], ids=["one option", "an option per file"])
def test_the_command_takes_several_files_of_labels(tmp_path, capsys, repeat):
    mmsa(tmp_path / "aligned_50.pkl")
    files = [tmp_path / f"{split}.csv" for split in ("train", "valid", "test")]
    for file in files:
        label_csv(file, segments(file.stem))
    names = [str(file) for file in files]
    options = [word for name in names for word in ("--labels", name)]
    options = options if repeat else ["--labels", *names]
    main(["data", "check", str(tmp_path / "aligned_50.pkl"), *options])
    out = capsys.readouterr().out
    assert "no emotion labels" not in out
    assert "emotions: happiness" in out


def test_segments_with_two_labels_keep_the_first_and_are_counted(caplog):
    sad, glad = (0.0, 1.0, 0.0, 0.0, 0.0, 0.0), (2.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    nan = float("nan")
    rows = [LabelRow("v", "0", nan, nan, sad), LabelRow("v", "1", nan, nan, sad),
            LabelRow("v", "0", nan, nan, glad), LabelRow("v", "1", nan, nan, sad)]  # fmt: skip
    table = LabelTable(rows)
    assert table.find("v", "0").intensities == sad
    assert "1 rows label a segment unlike a row before, such as v[0]" in caplog.text


@pytest.mark.parametrize("name", ["label.csv", "label.CSV", "label.tsv", "Label.Csv.GZ"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("turk", [False, True])
def test_label_tables_have_any_delimiter_and_letters(tmp_path, name, delimiter, turk):
    header = ["video_id", "clip_id", "Happy", "SAD", "anger", "surprise", "disgust", "fear"]
    if turk:
        header = ["Input.VIDEO_ID", "Input.CLIP", *(f"Answer.{emotion}" for emotion in EMOTIONS)]
    row = ["v", "3", "True", "0", "2", "false", "0", "1"]
    text = "\n".join(delimiter.join(cells) for cells in (header, row)).encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("GZ") else text)
    row = LabelTable.read(tmp_path / name).find("v", "3")
    assert row.intensities == (1.0, 0.0, 2.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize("shape", [(7,), (1, 7), (7, 1), (6,), (1, 6)])
def test_mult_pickles_have_the_emotions_of_the_sdk(tmp_path, shape):
    data = mult(tmp_path / "mosei.pkl")
    random = np.random.default_rng(0)
    for part in data.values():
        part["labels"] = random.integers(0, 4, (4, *shape)).astype(float)
        if 7 in shape:
            part["labels"].reshape(4, 7)[:, 0] = -2.5
    (tmp_path / "mosei.pkl").write_bytes(pickle.dumps(data))
    tally = Tally()
    clips = list(open_foreign(tmp_path / "mosei.pkl").make(tally))
    truth = [row[-6:] for part in data.values() for row in part["labels"].reshape(4, -1)]
    np.testing.assert_array_equal([clip.clip.intensities for clip in clips], truth)
    assert not any("below 0" in event for event in tally.counts)


@pytest.mark.parametrize("shape", [(4, 2), (8,), (3,), (28,)])
def test_mult_pickles_of_other_labels_are_refused_without_a_label_file(tmp_path, shape):
    data = mult(tmp_path / "iemocap.pkl")
    for part in data.values():
        part["labels"] = np.zeros((4, *shape))
    (tmp_path / "iemocap.pkl").write_bytes(pickle.dumps(data))
    with pytest.raises(DataError, match=r"iemocap\.pkl: expected train labels of 1 column"):
        open_foreign(tmp_path / "iemocap.pkl")
    label_csv(tmp_path / "label.csv", [s for k in ("train", "valid", "test") for s in segments(k)])
    assert all(labelled(tmp_path / "iemocap.pkl", labels=tmp_path / "label.csv"))


def renamed(data):
    for number, split in enumerate(data.values()):
        if split["id"].ndim == 1:
            split["id"] = np.array([f"dia{number}$_${k}" for k in range(len(split["id"]))])
        else:
            split["id"] = np.array([[f"dia{number}", f"{k}", f"{k + 1}"] for k in range(4)])
    return data


def table(path, names):
    rows = [f"{name},0,1,so good,1,0,0,0,0,0" for name in names]
    header = "video_id,start,end,text,happiness,sadness,anger,surprise,disgust,fear"
    path.write_text("\n".join([header, *rows]))


def meld_mmsa(folder):
    (folder / "meld").write_bytes(pickle.dumps(renamed(mmsa(folder / "meld"))))


def meld_mult(folder):
    (folder / "meld").write_bytes(pickle.dumps(renamed(mult(folder / "meld"))))


def meld_csd(folder):
    times, values = np.array([[0.0, 1.0]]), np.ones((1, 7), np.float32)
    (folder / "meld").mkdir()
    entries = {f"dia{k}": Entry(times, values) for k in range(4)}
    write_csd(folder / "meld/Labels.csd", "All Labels", entries.items())


MELD = {"MMSA": meld_mmsa, "MulT": meld_mult, "csd": meld_csd}
MOSEI = {
    "MMSA": lambda folder: mmsa(folder / "x"),
    "MulT": lambda folder: mult(folder / "x"),
    "csd": lambda folder: csd_folder(folder / "x", outside=True),
}


@pytest.mark.parametrize("form", MELD)
def test_other_data_sets_are_not_called_cmu_mosei(tmp_path, form):
    MELD[form](tmp_path)
    assert open_foreign(tmp_path / "meld").name.startswith("meld (")
    MOSEI[form](tmp_path)
    assert open_foreign(tmp_path / "x").name.startswith("CMU-MOSEI (x, ")


def test_a_tables_videos_decide_whose_it_is(tmp_path):
    table(tmp_path / "meld.csv", ["dia0", "dia1", videos("train", 1)[0]])
    assert open_foreign(tmp_path / "meld.csv").name == "meld.csv"
    table(tmp_path / "part.csv", [*videos("train", 3), "dia0"])
    assert open_foreign(tmp_path / "part.csv").name == "CMU-MOSEI (part.csv)"


def test_a_data_set_may_be_named(tmp_path, capsys):
    meld_mmsa(tmp_path)
    command = ["data", "convert", str(tmp_path / "meld"), "--out", str(tmp_path / "store")]
    assert main([*command, "--name", "MELD"]) == 0
    assert "MMSA pickle: MELD" in capsys.readouterr().out
    assert FeatureStore(tmp_path / "store").info().dataset == "MELD"


@given(starts=st.lists(st.floats(-3, 3), min_size=1, max_size=6))
def test_segments_of_tables_that_start_before_their_video_are_counted(tmp_path_factory, starts):
    path = tmp_path_factory.mktemp("table") / "x.csv"
    header = "video_id,start,end,text,happiness,sadness,anger,surprise,disgust,fear"
    rows = [f"v,{start!r},4,so good,1,0,0,0,0,0" for start in starts]
    path.write_text("\n".join([header, *rows]))
    tally = Tally()
    clips = [clip.clip for clip in open_foreign(path).make(tally)]
    assert tally.counts[EARLY_START] == sum(start < 0 for start in starts)
    assert [clip.start for clip in clips] == [max(start, 0.0) for start in starts]


def test_segments_of_the_archive_that_start_before_their_video_are_counted(tmp_path, capsys):
    raw = tmp_path / "CMU_MOSEI/Raw"
    for folder in ("Videos/Full/Combined", "Transcript/Segmented/Combined", "Labels"):
        (raw / folder).mkdir(parents=True)
    (raw / "Videos/Full/Combined/v.mp4").write_bytes(b"")
    lines = "v___0___-0.4___2.0___so good\nv___1___2.0___4.0___so bad\n"
    (raw / "Transcript/Segmented/Combined/v.txt").write_text(lines)
    main(["data", "check", str(raw.parent)])
    assert f"noticed: {EARLY_START}: 1" in capsys.readouterr().out
