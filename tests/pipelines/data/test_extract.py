import csv
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from media_files import write_media
from plain_clips import first_clip, grey, hum

from extractors.clip import ClipExtractor
from extractors.text.pauses import without_pauses
from mmemo.config import FeatureConfig
from mmemo.errors import ClipError, DataError, TranscriptError
from mmemo.features import Clip, Word
from mmemo.store import FeatureStore, StoreInfo
from pipelines.cli import main
from pipelines.data import extract as extraction
from pipelines.data.extract import extract
from pipelines.workers.pool import WorkerPool


@pytest.fixture(scope="module")
def extractor():
    return ClipExtractor(FeatureConfig())


def test_every_clip_has_all_three_modalities(corpus_features):
    for clip in FeatureStore(corpus_features):
        assert set(clip.features) == {"text", "audio", "visual"}
        for features in clip.features.values():
            assert features.valid.mean() > 0.5
        assert clip.clip.words


def test_the_store_knows_that_it_is_a_demonstration(corpus_features):
    assert FeatureStore(corpus_features).info().demonstration


def test_a_second_run_does_nothing_again(corpus, corpus_features, capsys):
    times = {p: p.stat().st_mtime_ns for p in (corpus_features / "clips").iterdir()}
    assert main(["features", str(corpus), "--out", str(corpus_features)]) == 0
    assert "0 clips extracted, 8 were there already" in capsys.readouterr().out
    assert {p: p.stat().st_mtime_ns for p in (corpus_features / "clips").iterdir()} == times


def test_extraction_is_deterministic_in_one_process_or_two(corpus, corpus_features, tmp_path):
    part = tmp_path / "part"
    (part / "clips").mkdir(parents=True)
    for path in sorted((corpus / "clips").iterdir())[:4]:
        shutil.copy(path, part / "clips")
    media = part / "clips"
    assert main(["features", str(media), "--out", str(tmp_path / "store"), "--jobs", "1"]) == 0
    for clip in FeatureStore(tmp_path / "store"):
        twin = FeatureStore(corpus_features).read(Clip(Path(clip.clip.id).stem, "v"))
        for modality, features in clip.features.items():
            assert (features.values == twin.features[modality].values).all()
            assert (features.times == twin.features[modality].times).all()


def test_new_labels_need_no_extraction(corpus, tmp_path, capsys):
    folder = tmp_path / "mine"
    folder.mkdir()
    media = shutil.copy(first_clip(corpus), folder / "a.mp4")
    shutil.copy(Path(first_clip(corpus)).with_suffix(".json"), folder / "a.json")
    out = str(tmp_path / "store")
    assert main(["features", str(folder), "--out", out]) == 0
    rows = [["media", "split", "happiness", "sadness", "anger", "surprise", "disgust", "fear"]]
    rows += [[Path(media).name, "test", 1, 0, 0, 0, 0, 2]]
    with open(folder / "labels.csv", "w", newline="") as file:
        csv.writer(file).writerows([["id", *rows[0]], ["a.mp4", *rows[1]]])
    assert main(["features", str(folder), "--out", out]) == 0
    assert "0 clips extracted, 1 were there already" in capsys.readouterr().out
    (clip,) = FeatureStore(Path(out)).clips()
    assert (clip.split, clip.intensities) == ("test", (1, 0, 0, 0, 0, 2))


def test_a_changed_transcript_is_extracted_again(corpus, tmp_path, capsys):
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copy(first_clip(corpus), folder / "a.mp4")
    for word in ("glad", "sorry"):
        words = {"words": [{"text": word, "start": 0.2, "end": 0.6}]}
        (folder / "a.json").write_text(json.dumps(words))
        assert main(["features", str(folder), "--out", str(tmp_path / "store")]) == 0
        assert "1 clips extracted" in capsys.readouterr().out
        (clip,) = FeatureStore(tmp_path / "store")
        assert [w.text for w in without_pauses(clip.clip.words)] == [word]


def test_failing_clips_are_listed_and_the_others_go_on(corpus, tmp_path, capsys):
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copy(first_clip(corpus), folder / "good.mp4")
    (folder / "good.json").write_text('[{"text": "hello", "start": 0.1, "end": 0.5}]')
    (folder / "text.mp4").write_text("this is no video")
    (folder / "empty.mp4").touch()
    out = tmp_path / "store"
    assert main(["features", str(folder), "--out", str(out), "--jobs", "2"]) == 3
    captured = capsys.readouterr()
    assert "1 clips extracted" in captured.out
    assert "Traceback" not in captured.err
    failures = [json.loads(line) for line in (out / "failures.jsonl").read_text().splitlines()]
    assert {failure["id"] for failure in failures} == {"text.mp4", "empty.mp4"}
    assert [clip.id for clip in FeatureStore(out).clips()] == ["good.mp4"]


def test_nothing_readable_at_all_is_an_error(tmp_path):
    (tmp_path / "a.mp4").write_text("no")
    with pytest.raises(DataError, match="none of 1 clips could be read"):
        extract(
            [Clip("a", "a", tmp_path / "a.mp4")], StoreInfo("x"), tmp_path / "o", FeatureConfig()
        )


class CrashingWriter(extraction._ClipWriter):
    """Kills its process at the clip that is called "killer"."""

    def __call__(self, task):
        if task[0].id == "killer":
            os.abort()
        return super().__call__(task)


def test_a_process_that_dies_takes_only_its_own_clip(corpus, tmp_path, monkeypatch):
    media = first_clip(corpus)
    words = (Word("hello", 0.1, 0.5),)
    names = ("a", "killer", "b")
    clips = [Clip(name, name, media, 0.0, 1.0, words=words) for name in names]
    monkeypatch.setattr(extraction, "_ClipWriter", CrashingWriter)
    result = extract(clips, StoreInfo("x"), tmp_path / "o", FeatureConfig(), jobs=2)
    assert [failure.id for failure in result.failures] == ["killer"]
    assert "crashed" in result.failures[0].error
    assert len(FeatureStore(tmp_path / "o").clips()) == 2


def test_an_interrupted_run_keeps_finished_clips(corpus, tmp_path, monkeypatch):
    words = (Word("hello", 0.1, 0.5),)
    clips = [Clip(name, name, first_clip(corpus), 0.0, 1.0, words=words) for name in "abcd"]
    results = WorkerPool.results

    def stop_after_two(pool):
        finished = results(pool)
        yield next(finished)
        yield next(finished)
        raise KeyboardInterrupt

    monkeypatch.setattr(WorkerPool, "results", stop_after_two)
    with pytest.raises(KeyboardInterrupt):
        extract(clips, StoreInfo("x"), tmp_path / "o", FeatureConfig())
    monkeypatch.undo()
    kept = [clip.id for clip in FeatureStore(tmp_path / "o").clips()]
    assert kept in (["a", "b"], ["a", "b", "c"])  # the third may end before it is interrupted
    result = extract(clips, StoreInfo("x"), tmp_path / "o", FeatureConfig())
    assert (result.done, result.existing) == (4 - len(kept), len(kept))


def test_a_cut_of_a_longer_video_counts_time_from_its_start(corpus, extractor):
    media = first_clip(corpus)
    whole = extractor(Clip("a", "a", media))
    part = extractor(Clip("a", "a", media, 1.0, 2.5))
    assert abs(part.features["audio"].times[0, 0]) < 0.02
    assert part.features["visual"].times[0, 0] < 0.11
    assert part.features["audio"].times[-1, 1] == pytest.approx(1.5, abs=0.05)
    words = without_pauses(whole.clip.words)
    expected = [word.text for word in words if 1.0 <= (word.start + word.end) / 2 < 2.5]
    assert [word.text for word in without_pauses(part.clip.words)] == expected


def test_absent_modalities_have_their_reason(tmp_path, extractor):
    no_sound = write_media(tmp_path / "mute.mp4", picture=grey, seconds=1.0)
    clip = extractor(Clip("a", "a", no_sound))
    assert clip.features == {}
    assert clip.absent == {
        "visual": "no face found",
        "audio": "the file has no sound",
        "text": "no speech found",
    }
    no_picture = write_media(tmp_path / "hum.wav", sound=hum, audio_codec="pcm_s16le", seconds=1.0)
    clip = extractor(Clip("a", "a", no_picture))
    assert set(clip.features) == {"audio"}
    assert clip.absent["visual"] == "the file has no picture"


def test_silence_is_absent_sound(tmp_path, extractor):
    quiet = write_media(tmp_path / "quiet.mp4", picture=grey, sound=np.zeros_like, seconds=1.5)
    clip = extractor(Clip("a", "a", quiet))
    assert clip.features == {}
    assert clip.absent["audio"] == "silence"


def test_bad_files_raise_our_errors(tmp_path, extractor, corpus):
    with pytest.raises(ClipError):
        extractor(Clip("a", "a", tmp_path / "none.mp4"))
    shutil.copy(first_clip(corpus), tmp_path / "a.mp4")
    (tmp_path / "a.json").write_text('[{"text": "b", "start": 2')
    with pytest.raises(TranscriptError, match=r"a\.json"):
        extractor(Clip("a", "a", tmp_path / "a.mp4"))


def test_an_interrupt_wrapped_by_a_library_is_no_failure_of_the_clip(tmp_path, monkeypatch):
    def compiled_code(self, clip):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as interrupt:
            raise SystemError("returned a result with an exception set") from interrupt

    write_media(tmp_path / "a.mp4", picture=grey, sound=hum, seconds=0.5)
    monkeypatch.setattr(ClipExtractor, "__call__", compiled_code)
    clip = Clip("a", "v", media=tmp_path / "a.mp4")
    FeatureStore.create(tmp_path / "out", StoreInfo("clips"))
    write = extraction._ClipWriter(FeatureConfig(), tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        write((clip, "key"))
