"""The sample corpus on disk: real files, resumable, marked, and never written over other data."""

import json
import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from extractors.facet.tracker import FaceTracker
from mmemo.assets.resolve import resolve
from mmemo.datasets.clips import read_clips
from mmemo.errors import ConfigError, DataError
from pipelines.sample.build import DEFAULT_SEED, build
from pipelines.sample.corpus import main
from pipelines.sample.plan import ClipPlan, make_plan
from pipelines.sample.voice import LEAD_S, ROOM_RMS

N_CLIPS = 8


@pytest.fixture(scope="module")
def plans() -> list[ClipPlan]:
    return make_plan(N_CLIPS, DEFAULT_SEED)


def sound_of(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.concatenate([f.to_ndarray().ravel() for f in container.decode(audio=0)])


def pictures_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def transcript_of(path: Path) -> list[dict]:
    return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["words"]


def media_of(corpus: Path) -> list[Path]:
    return sorted((corpus / "clips").glob("*.mp4"))


def test_clips_are_films_with_sound(corpus):
    assert len(media_of(corpus)) == N_CLIPS
    for path in media_of(corpus):
        with av.open(str(path)) as container:
            video, audio = container.streams.video[0], container.streams.audio[0]
            assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
            assert (video.width, video.height) == (320, 320)
            assert video.average_rate == 25
            assert (audio.rate, audio.channels) == (44100, 1)
            duration_s = container.duration / av.time_base
        assert 3.0 <= duration_s <= 6.5
        assert len(pictures_of(path)) == pytest.approx(duration_s * 25, abs=2)
        assert len(sound_of(path)) == pytest.approx(duration_s * 44100, abs=4096)


def test_the_labels_are_the_plan_and_read_as_a_folder_of_clips(corpus, plans):
    clips = read_clips(corpus)
    assert [clip.id for clip in clips] == [plan.id for plan in plans]
    for clip, plan in zip(clips, plans, strict=True):
        assert clip.intensities == plan.intensities
        assert (clip.split, clip.video_id) == (plan.split, plan.speaker.id)


def test_words_are_where_the_sound_is(corpus, plans):
    for plan in plans:
        path = corpus / "clips" / f"{plan.id}.mp4"
        sound, words = sound_of(path), transcript_of(path)
        assert tuple(word["text"] for word in words) == plan.words
        times = np.array([(word["start"], word["end"]) for word in words])
        assert (times[:, 0] < times[:, 1]).all()
        assert (times[1:, 0] >= times[:-1, 1] - 1e-9).all()
        assert times[0, 0] >= LEAD_S - 0.01
        assert times[-1, 1] <= len(sound) / 44100
        silence = sound[: int((LEAD_S - 0.05) * 44100)]
        assert 0 < np.sqrt(np.mean(silence**2)) < 5 * ROOM_RMS
        for start, end in times:
            word_sound = sound[int(start * 44100) : int(end * 44100)]
            assert np.abs(word_sound).max() > 30 * ROOM_RMS


def test_the_tracker_detects_one_face_per_picture(corpus):
    tracker = FaceTracker(resolve("face-landmarker"))
    for path in media_of(corpus):
        tracker.reset()
        for picture in pictures_of(path)[::12]:
            faces = tracker.track(picture)
            assert len(faces) == 1, path
            assert faces[0].presence > 0.9


def test_the_mouth_moves_and_the_head_too(corpus):
    for path in media_of(corpus)[:3]:
        pictures = np.array(pictures_of(path)[::5], dtype=float)
        change = np.abs(np.diff(pictures, axis=0)).mean(axis=(0, 3))
        assert change[180:240, 110:210].mean() > 2.0
        assert change[:20, :20].mean() < change[180:240, 110:210].mean()


def test_the_folder_is_marked_as_synthetic(corpus):
    marker = json.loads((corpus / "corpus.json").read_text(encoding="utf-8"))
    assert marker["demonstration"] is True
    assert marker["complete"] is True
    assert (marker["name"], marker["clips"]) == ("mmemo sample corpus", N_CLIPS)
    readme = (corpus / "README.txt").read_text(encoding="utf-8")
    for phrase in ("NOTHING ABOUT REAL EMOTION", "public domain", "GPL-3", f"{N_CLIPS} clips"):
        assert phrase in readme


@pytest.mark.parametrize("marker", ["no json", "[]", '{"name": "my data"}'])
def test_other_folders_are_not_taken_for_it(tmp_path, marker):
    (tmp_path / "corpus.json").write_text(marker)
    with pytest.raises(DataError, match=r"expected (an empty folder or a|the) sample corpus"):
        build(tmp_path, clips=N_CLIPS)
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.json"]


def test_a_stopped_build_goes_on_and_gives_the_same_files(corpus, tmp_path):
    folder = tmp_path / "stopped"
    shutil.copytree(corpus, folder)
    first, second, *_ = media_of(folder)
    whole = first.read_bytes()
    marker = json.loads((folder / "corpus.json").read_text())
    (folder / "corpus.json").write_text(json.dumps({**marker, "complete": False}))
    first.unlink()
    (folder / "clips" / f".{first.name}.{0:032x}.part").write_bytes(whole[:1000])
    second.with_suffix(".json").unlink()
    untouched = {path: path.stat().st_mtime_ns for path in media_of(folder) if path != second}

    calls: list[tuple[int, int]] = []
    build(folder, clips=N_CLIPS, jobs=1, progress=lambda *at: calls.append(at))

    assert calls == [(N_CLIPS - 1, N_CLIPS), (N_CLIPS, N_CLIPS)]
    assert first.read_bytes() == whole
    assert transcript_of(second) == transcript_of(corpus / "clips" / second.name)
    assert {path: path.stat().st_mtime_ns for path in untouched} == untouched
    assert not list(folder.rglob("*.part"))
    assert json.loads((folder / "corpus.json").read_text())["complete"] is True


def test_a_finished_corpus_is_left_alone(corpus):
    before = {path: path.stat().st_mtime_ns for path in media_of(corpus)}
    calls: list[tuple[int, int]] = []
    assert build(corpus, clips=N_CLIPS, progress=lambda *at: calls.append(at)) == corpus
    assert calls == []
    assert {path: path.stat().st_mtime_ns for path in media_of(corpus)} == before


def test_refuses_folders_that_hold_something_else(corpus, tmp_path):
    (tmp_path / "labels.csv").write_text("mine")
    with pytest.raises(DataError, match="holds other files"):
        build(tmp_path, clips=N_CLIPS)
    assert (tmp_path / "labels.csv").read_text() == "mine"
    with pytest.raises(DataError, match="got a file"):
        build(tmp_path / "labels.csv", clips=N_CLIPS)
    with pytest.raises(DataError, match=r"seed 8, clips 9.*seed 7, clips 8"):
        build(corpus, clips=N_CLIPS + 1, seed=DEFAULT_SEED + 1)


@pytest.mark.parametrize("options", [{"clips": 2}, {"seed": -1}, {"jobs": 0}])
def test_refuses_arguments_that_make_no_corpus(tmp_path, options):
    with pytest.raises(ConfigError, match="expected"):
        build(tmp_path / "new", **options)
    assert not (tmp_path / "new").exists()


def test_the_command_says_in_one_line_what_is_wrong(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    assert main([str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert "choose another folder" in printed.err


def test_the_command_reports_a_folder_it_cannot_make(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main([str(tmp_path / "file" / "inside")]) == 1
    assert capsys.readouterr().err.startswith("mmemo: ")
