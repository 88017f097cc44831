"""A folder of acted voices: one emotion per file, folds by speaker."""

from pathlib import Path

import pytest

from mmemo.datasets.source import read_source
from mmemo.datasets.voices import is_voices, read_voices
from mmemo.errors import DataError


def folder_of(tmp_path: Path, *rows: str, header: str = "file,emotion,speaker") -> Path:
    (tmp_path / "labels.csv").write_text("\n".join([header, *rows]) + "\n")
    for row in rows:
        (tmp_path / row.split(",")[0]).write_bytes(b"")
    return tmp_path


def test_each_file_carries_its_emotion(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "a.wav,sad,X", "b.wav,angry,Y", "c.wav,sad,Y")
    labels, clips = read_voices(folder)
    assert labels == ("angry", "sad")
    assert [clip.intensities for clip in clips] == [(0.0, 1.0), (1.0, 0.0), (0.0, 1.0)]
    assert [clip.video_id for clip in clips] == ["X", "Y", "Y"]


def test_no_speaker_is_in_two_splits(tmp_path: Path) -> None:
    rows = [f"{s}{e}.wav,{e},{s}" for s in "ABCDEFGHIJKLMN" for e in ("joy", "fear")]
    source = read_source(folder_of(tmp_path, *rows))
    assert source.info.labels == ("fear", "joy")
    splits = {clip.video_id: clip.split for clip in source.clips}
    assert {(clip.video_id, clip.split) for clip in source.clips} == set(splits.items())
    assert sorted(splits.values()) == ["test"] * 2 + ["train"] * 10 + ["valid"] * 2


def test_a_split_column_decides(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path, "a.wav,sad,X,test", "b.wav,sad,Y,", header="file,emotion,speaker,split"
    )
    assert [clip.split for clip in read_voices(folder)[1]] == ["test", "train"]


def test_a_table_of_clips_is_not_taken_for_voices(tmp_path: Path) -> None:
    assert not is_voices(folder_of(tmp_path, "a.wav,X", header="media,video_id"))
    assert not is_voices(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.wav,,X", "expected a value for 'emotion'"),
        ("a.wav,sad,", "expected a value for 'speaker'"),
        ("../a.wav,sad,X", "outside the folder"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, row: str, message: str) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(DataError, match=f"line 2: .*{message}"):
        read_voices(folder_of(tmp_path / "in", row))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "a.wav,sad,X")
    (folder / "a.wav").unlink()
    with pytest.raises(DataError, match="line 2: expected the sound file"):
        read_voices(folder)


@pytest.mark.shared
def test_the_real_one(shared: Path) -> None:
    labels, clips = read_voices(shared / "data/nemo")
    assert labels == ("anger", "fear", "happiness", "neutral", "sadness", "surprised")
    assert (len(clips), len({clip.video_id for clip in clips})) == (1057, 9)
