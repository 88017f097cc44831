"""CMU-MOSEI's raw archive: read as it unpacks, and taken to results in three commands."""

import json
import shutil

import numpy as np
import pytest
from foreign_files import videos

from mmemo.csd.sequence import Entry
from mmemo.csd.writer import write_csd
from mmemo.datasets.foreign.label_table import LabelTable
from mmemo.datasets.foreign.raw_mosei import raw_folder, read_raw_mosei
from mmemo.datasets.source import read_source
from mmemo.errors import DataError
from mmemo.labels import EMOTIONS
from pipelines.cli import main

TURK = "HITId,Input.VIDEO_ID,Input.CLIP," + ",".join(f"Answer.{name}" for name in EMOTIONS)


def archive(folder, names, *, transcripts=True):
    """Lay out an archive with empty videos: two segments each."""
    raw = folder / "CMU_MOSEI/Raw"
    (raw / "Videos/Full/Combined").mkdir(parents=True)
    (raw / "Labels").mkdir()
    for name in names:
        (raw / f"Videos/Full/Combined/{name}.mp4").write_bytes(b"video")
    if transcripts:
        (raw / "Transcript/Segmented/Combined").mkdir(parents=True)
        for name in names:
            lines = f"{name}___4___0.0___1.0___Good day to you.\n{name}___2___1.0___2.5___and bye\n"
            (raw / f"Transcript/Segmented/Combined/{name}.txt").write_text(lines)
    return raw


def turk(raw, rows, file="mturk_extra_v2.csv"):
    lines = [
        TURK,
        *(f"x,{video},{clip},{','.join(map(str, marks))}" for video, clip, marks in rows),
    ]
    (raw / "Labels" / file).write_text("\n".join(lines) + "\n")


def say(raw, text, video="x"):
    (raw / f"Transcript/Segmented/Combined/{video}.txt").write_text(text)


def label_file(raw, entries):
    write_csd(raw / "Labels/CMU_MOSEI_Labels.csd", "All Labels", entries.items())


def rows(*times, value=1.0):
    return Entry(np.array(times, dtype=float), np.full((len(times), 7), value, dtype=np.float32))


def test_labels_outside_that_the_archive_links_to_are_passed_over(tmp_path, caplog):
    raw = archive(tmp_path, ["x"])
    turk(raw, [("x", 4, [0] * 6)])
    label_file(raw, {"x": rows((0, 1))})
    for file in list((raw / "Labels").iterdir()):
        file.rename(tmp_path / file.name)
        file.symlink_to(tmp_path / file.name)
    assert [clip.intensities for clip in read_raw_mosei(raw)] == [None, None]
    assert caplog.text.count("passed over: ") == 2


def test_annotators_answers_are_averaged_and_meet_their_transcripts(tmp_path):
    raw = archive(tmp_path, ["_ab_", "x"])
    turk(raw, [("_ab_", 4, (3, 0, 0, 0, 0, 0)), ("_ab_", 4, (0, 1, 0, 0, 0, 0)), ("x", 2, [0] * 6)])
    turk(raw, [("_ab_", 2, [1] * 6), ("_ab_", "", [1] * 6)][:1], "another.csv")
    clips = {clip.id: clip for clip in read_raw_mosei(raw)}
    assert set(clips) == {"_ab_[4]", "_ab_[2]", "x[2]"}
    first = clips["_ab_[4]"]
    assert first.intensities == (1.5, 0.5, 0, 0, 0, 0)
    assert (first.start, first.end) == (0.0, 1.0)
    assert [word.text for word in first.words] == ["Good", "day", "to", "you."]
    edges = [word.start for word in first.words] + [first.words[-1].end]
    assert edges == sorted(edges)
    assert (edges[0], edges[-1]) == (0.0, 1.0)
    assert first.media.name == "_ab_.mp4"
    assert first.split is None


def test_the_sdks_label_file_counts_before_answers_and_splits_are_the_folds(tmp_path, caplog):
    name = videos("valid", 1)[0]
    raw = archive(tmp_path, [name])
    turk(raw, [(name, 4, [3] * 6)])
    label_file(raw, {name: rows((1.02, 2.47), (-0.2, 0.9)), "not there": rows((0, 1))})
    first, second = read_raw_mosei(raw)
    assert (first.id, first.split, first.intensities) == (f"{name}[0]", "valid", (1.0,) * 6)
    assert [word.text for word in first.words] == ["and", "bye"]  # found by its times
    assert (second.start, second.end) == (0.0, 0.9)
    assert second.words is None  # no line of the transcript has these times
    assert "1 of 3 segments have no video or no times" in caplog.text


def test_word_times_are_taken_where_they_are(tmp_path):
    raw = archive(tmp_path, ["x"])
    label_file(raw, {"x": rows((0, 1))})
    words = Entry(
        np.array([[0.1, 0.4], [0.4, 0.9], [1.0, 2.0]]), np.array([[b"oh"], [b"sp"], [b"no"]])
    )
    write_csd(raw.parent / "CMU_MOSEI_TimestampedWords.csd", "words", [("x", words)])
    (raw.parent / "CMU_MOSEI_TimestampedWords.csd").rename(
        raw / "Labels/CMU_MOSEI_TimestampedWords.csd"
    )
    [clip] = read_raw_mosei(raw)
    assert [(word.text, word.start, word.end) for word in clip.words] == [
        ("oh", 0.1, 0.4), ("sp", 0.4, 0.9),
    ]  # fmt: skip


def test_segments_that_are_cut_already(tmp_path):
    raw = archive(tmp_path, ["x"])
    (raw / "Videos/Full/Combined/x.mp4").unlink()
    cut = raw / "Videos/Segmented/Combined"
    cut.mkdir(parents=True)
    (cut / "x_2.mp4").write_bytes(b"video")
    turk(raw, [("x", 2, [1] * 6), ("x", 4, [1] * 6)])
    [clip] = read_raw_mosei(raw)
    assert (clip.id, clip.media.name, clip.start, clip.end) == ("x[2]", "x_2.mp4", 0.0, None)
    assert clip.words[-1].end == 1.5


def test_without_labels_there_are_the_transcripts_segments(tmp_path):
    raw = archive(tmp_path, ["x"])
    assert [clip.intensities for clip in read_raw_mosei(raw)] == [None, None]
    assert raw_folder(tmp_path) is None
    assert raw_folder(tmp_path / "CMU_MOSEI") == raw_folder(raw) == raw
    source = read_source(tmp_path / "CMU_MOSEI")
    assert source.info.dataset == "CMU-MOSEI (raw archive, SDK's standard folds)"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda raw: shutil.rmtree(raw / "Videos/Full"), "expected videos"),
        (lambda raw: shutil.rmtree(raw / "Transcript"), "both are empty"),
        (lambda raw: turk(raw, [("y", 4, [1] * 6)]), "none of 1 labelled segments"),
        (lambda raw: turk(raw, [("x", 4, [-1] * 6)]), "intensity of 0 or above"),
        (lambda raw: say(raw, "x___0___a___b___c"), r"x\.txt, line 1: expected VIDEO___number"),
        (lambda raw: say(raw, "x___0___nan___1___c"), "finite times"),
        (lambda raw: (raw / "Labels/x.csv").write_text("a,b\n1,2\n"), "a column 'video_id'"),
    ],
)
def test_the_problem_is_named(tmp_path, spoil, message):
    raw = archive(tmp_path, ["x"])
    spoil(raw)
    with pytest.raises(DataError, match=message) as error:
        read_raw_mosei(raw)
    assert "\n" not in str(error.value)


def test_a_segment_labelled_twice_in_one_file(tmp_path):
    raw = archive(tmp_path, ["x"])
    row = "x,4,0,1,1,0,0,0,0,0\n"
    header = "video_id,segment_id,start,end,happy,sad,anger,surprise,disgust,fear\n"
    (raw / "Labels/labels.csv").write_text(header + row + row)
    with pytest.raises(DataError, match=r"'x\[4\]' occurs twice"):
        read_raw_mosei(raw)


def test_an_archive_can_be_checked_but_not_converted(tmp_path, capsys):
    raw = archive(tmp_path, [videos("train", 1)[0]])
    turk(raw, [(videos("train", 1)[0], 4, [1] * 6)])
    assert main(["data", "check", str(raw)]) == 0
    assert "raw archive: CMU-MOSEI" in capsys.readouterr().out
    assert main(["data", "convert", str(raw), "--out", str(tmp_path / "store")]) == 1
    assert "run `mmemo features PATH --out DIR`" in capsys.readouterr().err


def test_label_tables_of_every_form(tmp_path):
    (tmp_path / "a.csv").write_text(
        "video_id,clip_id,mode,happy,sad,angry,surprise,disgust,fear\nv,3,train,1,0,0,0,0,0.5\n"
    )
    labels = LabelTable.read(tmp_path / "a.csv").find("v", "3.0")
    assert labels.intensities == (1, 0, 0, 0, 0, 0.5)
    assert LabelTable.read(tmp_path / "a.csv").find("v", "4") is None
    write_csd(tmp_path / "l.csd", "Emotion Labels", [("v", rows((1, 2), (3, 4), value=2))])
    table = LabelTable.read(tmp_path / "l.csd")
    assert table.find("v", "0", 3.02, 3.98).intensities == (2.0,) * 6
    assert table.find("v", "0") is None  # a row's number is no segment number
    for text, message in (("video_id,happy\nv,1\n", "each of happiness"), ("x", "'video_id'")):
        (tmp_path / "b.csv").write_text(text)
        with pytest.raises(DataError, match=message):
            LabelTable.read(tmp_path / "b.csv")
    with pytest.raises(DataError, match="expected a readable CSV"):
        LabelTable.read(tmp_path / "none.csv")


def test_from_raw_video_to_results_in_three_commands(corpus, tmp_path, capsys):
    """A small archive of real clips, laid out as CMU-MOSEI's."""
    names = [videos(split, 1)[0] for split in ("train", "valid", "test")]
    raw = archive(tmp_path, names)
    media = sorted((corpus / "clips").glob("*.mp4"))
    for name, clip in zip(names, media[:3], strict=True):
        shutil.copy(clip, raw / f"Videos/Full/Combined/{name}.mp4")
        say(raw, f"{name}___0___0.0___0.8___good day\n{name}___1___0.7___1.4___so bad\n", name)
    entries = {name: rows((0.0, 0.8), value=2.0) for name in names}
    entries[names[0]] = rows((0.0, 0.8), (0.7, 1.4), value=1.0)
    label_file(raw, entries)

    store, run = str(tmp_path / "store"), str(tmp_path / "run")
    options = ["--jobs", "1", "--set", "features.visual_fps=4"]
    assert main(["features", str(raw.parent), "--out", store, *options]) == 0
    assert "4 clips extracted" in capsys.readouterr().out
    fast = ["--set", "train.epochs=1", "model.encoder.hidden=8", "model.encoder.heads=2"]
    assert main(["train", "--data", store, "--out", run, "--device", "cpu", *fast]) == 0
    capsys.readouterr()
    assert main(["evaluate", run, "--data", store, "--json", "--device", "cpu"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert "raw archive, SDK's standard folds" in json.dumps(report)

    assert main(["data", "check", store]) == 0
    out = capsys.readouterr().out
    assert "segments: 4 (test 1, train 2, valid 1), 3 videos" in out
    assert "visual: 33 columns, in 4 segments" in out
