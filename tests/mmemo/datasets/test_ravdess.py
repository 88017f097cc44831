"""RAVDESS is known by its file names, and split by actor."""

from pathlib import Path

import pytest

from mmemo.datasets.ravdess import LABELS, is_ravdess, read_ravdess
from mmemo.datasets.source import read_source
from mmemo.errors import DataError


def folder_of(tmp_path: Path, *names: str) -> Path:
    for name in names:
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"")
    return tmp_path


def test_the_name_says_emotion_strength_and_actor(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "03-01-05-02-01-01-15.wav", "Actor_02/03-01-01-01-02-01-02.wav")
    assert is_ravdess(folder)
    angry, neutral = sorted(read_ravdess(folder), key=lambda clip: clip.id, reverse=True)
    assert angry.intensities == tuple(2.0 * (label == "angry") for label in LABELS)
    assert neutral.intensities == tuple(1.0 * (label == "neutral") for label in LABELS)
    assert (angry.video_id, angry.split) == ("actor-15", "valid")
    assert (neutral.video_id, neutral.split) == ("actor-02", "train")


def test_no_actor_is_in_two_splits(tmp_path: Path) -> None:
    names = [f"03-01-0{e}-01-01-01-{a:02d}.wav" for a in range(1, 25) for e in range(1, 9)]
    source = read_source(folder_of(tmp_path, *names))
    assert (source.info.dataset, source.info.labels) == ("RAVDESS", LABELS)
    splits = {clip.video_id: clip.split for clip in source.clips}
    assert {(clip.video_id, clip.split) for clip in source.clips} == set(splits.items())
    assert set(splits.values()) == {"train", "valid", "test"}


def test_other_folders_are_not_taken_for_it(tmp_path: Path) -> None:
    assert not is_ravdess(folder_of(tmp_path, "03-01-05-02-01-01-15.wav", "talk.wav"))


def test_an_emotion_it_does_not_have_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="01 to 08; got 09"):
        read_ravdess(folder_of(tmp_path, "03-01-09-01-01-01-01.wav"))


@pytest.mark.shared
def test_the_real_one(shared: Path) -> None:
    clips = read_ravdess(shared / "data/ravdess")
    assert len(clips) == 1080
    assert len({clip.video_id for clip in clips}) == 18
