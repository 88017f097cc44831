"""Every command that reads files of strangers refuses what is no regular file, in one line."""

import os
import shutil
from pathlib import Path

import pytest
from media_files import tone, write_media
from strange_files import STRANGE

from mmemo.errors import DataError
from mmemo.store import FeatureStore
from pipelines.cli import main
from pipelines.prediction.output_folder import media_files

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(os.name == "nt", reason="makes files that POSIX systems have"),
]
READERS = {
    "x.mp4": ["features", "{}", "--out", "{}/out"],
    "labels.csv": ["features", "{}", "--out", "{}/out"],
    "x.csv": ["features", "{}/x.csv", "--out", "{}/out"],
    "x.csv.gz": ["train", "--data", "{}/x.csv.gz", "--out", "{}/out"],
    "x.toml": ["train", "--data", "{}", "--out", "{}/out", "--config", "{}/x.toml"],
    "store.json": ["train", "--data", "{}", "--out", "{}/out"],
    "checkpoint.json": ["evaluate", "{}", "--data", "{}"],
    "x.json": ["score", "{}/x.json", "--gold", "{}/x.json"],
    "x.jsonl": ["score", "{}/x.jsonl", "--gold", "{}/x.jsonl"],
    "x.npy": ["score", "{}/x.npy", "--gold", "{}/x.npy"],
    "x.npz": ["score", "{}/x.npz", "--gold", "{}/x.npz"],
    "x.pkl": ["data", "check", "{}/x.pkl"],
    "x.pt": ["data", "check", "{}/x.pt"],
    "x.csd": ["data", "check", "{}"],
}
"""Name of a strange file -> the command that reads it; ``{}`` is its folder."""


@pytest.mark.parametrize("kind", STRANGE)
@pytest.mark.parametrize("name", READERS)
def test_a_strange_file_is_one_line(name, kind, tmp_path, capsys):
    STRANGE[kind](tmp_path / name)
    code = main([argument.format(tmp_path) for argument in READERS[name]])
    lines = capsys.readouterr().err.splitlines()
    assert code in (1, 2, 3)
    assert [line for line in lines if line.startswith("mmemo: ")]
    assert str(tmp_path) in lines[-1]


def test_links_out_of_a_folder_are_not_followed(tmp_path, capsys):
    folder = tmp_path / "folder"
    folder.mkdir()
    outside = write_media(tmp_path / "outside.wav", sound=tone(), audio_codec="pcm_s16le")
    link = folder / "clip.wav"
    link.symlink_to(outside)
    features = ["features", str(folder), "--out", str(tmp_path / "out")]
    assert main(features) != 0
    with pytest.raises(DataError, match="there are none"):
        media_files([folder])
    capsys.readouterr()
    good = shutil.copy(outside, folder / "good.wav")
    assert main(features) == 0  # one link does not keep the others from being read
    assert f"{link}: expected a file of the folder; it is a link" in capsys.readouterr().err
    assert [clip.clip.id for clip in FeatureStore(tmp_path / "out")] == ["good.wav"]
    assert media_files([folder]) == [Path(good)]
    assert media_files([link]) == [link]  # named by itself
