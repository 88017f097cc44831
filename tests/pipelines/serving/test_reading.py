"""Recordings that are uploaded and read by the worker: results, failures, crashes, stops."""

import json
import os
import signal
from dataclasses import replace

import pytest
from made_server import made_server
from media_files import write_media
from other_processes import gone
from plain_clips import first_clip, grey, hum

from extractors.media import probe
from mmemo.checkpoint import load_checkpoint
from pipelines.api import EmotionReader
from pipelines.prediction.exports import EXPORTS
from pipelines.serving.job import STAGES
from pipelines.serving.storage import FORM_NAMES
from pipelines.serving.task import Settings
from pipelines.serving.worker_process import WorkerError, WorkerProcess

# Each test starts or restarts processes that load the model, which takes long on a busy machine.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def server(small_run, tmp_path_factory):
    with made_server(tmp_path_factory.mktemp("serve"), small_run, media_minutes=0.5) as made:
        yield made


@pytest.fixture(scope="module")
def clip(corpus):
    return first_clip(corpus)


@pytest.fixture(scope="module")
def grey_clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("media") / "grey.mp4"
    return write_media(path, picture=grey, sound=lambda times: 0 * times, seconds=1)


def test_answers_are_those_of_predict_in_every_form(server, clip, small_run, tmp_path):
    job_id = server.upload(clip, "My talk.mp4", clip.with_suffix(".json"))
    job = server.ended(job_id)
    assert job["state"] == "done", job["message"]
    expected = EmotionReader(load_checkpoint(small_run)).predict(clip)
    for form in EXPORTS:
        answer = server.client.get(f"/recordings/{job_id}/files/{form}")
        assert answer.headers["content-disposition"].endswith(f"My%20talk.{form}")
        assert answer.content
        assert job_id.encode() not in answer.content
    lines = server.client.get(f"/recordings/{job_id}/files/jsonl").text.splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["video"] for row in rows] == ["My talk.mp4"] * len(expected)
    for row, prediction in zip(rows, expected, strict=True):
        fields = prediction.to_json()
        assert row["words"] == json.loads(json.dumps(fields["words"]))
        assert row["labels"] == list(fields["labels"])
        assert row["probs"] == pytest.approx(fields["probs"], abs=2e-4)
    assert job["summary"]["utterances"] == len(expected)
    labels = [label for prediction in expected for label in prediction.labels]
    assert job["summary"]["found"] == {label: labels.count(label) for label in labels}
    page = server.client.get(f"/recordings/{job_id}/report")
    assert 'src="recording"' in page.text
    assert all(f'href="files/{form}"' in page.text for form in FORM_NAMES)
    whole = server.client.get(f"/recordings/{job_id}/files/html").text
    assert 'src="data:video/mp4;base64,' in whole
    assert "<title>My talk.mp4</title>" in whole
    assert 'href="files/' not in whole
    movie = tmp_path / "movie.mp4"
    movie.write_bytes(server.client.get(f"/recordings/{job_id}/files/mp4").content)
    drawn, original = probe(movie), probe(clip)
    assert drawn.width > original.width
    assert drawn.duration_s == pytest.approx(original.duration_s, abs=0.2)
    recording = server.client.get(f"/recordings/{job_id}/recording")
    assert recording.content == clip.read_bytes()
    assert server.client.get(f"/recordings/{job_id}/thumbnail").content[:2] == b"\xff\xd8"


def test_every_stage_is_reported_in_order(server, clip):
    reports = []
    on_stage = server.jobs.progress

    def on_report(job, stage, share):
        reports.append((stage, share))
        on_stage(job, stage, share)

    server.jobs.progress = on_report
    try:
        server.ended(server.upload(clip))
    finally:
        server.jobs.progress = on_stage
    assert list(dict.fromkeys(stage for stage, _ in reports)) == list(STAGES[1:])
    shares = [share for stage, share in reports if stage == "face"]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < 0.5 < shares[-1] <= 1


def test_an_uploaded_transcript_is_used_and_a_broken_one_named(server, clip, tmp_path):
    text = "00:00.500 --> 00:01.000\nunmistakable\n"
    (tmp_path / "words.vtt").write_text(f"WEBVTT\n\n{text}")
    job = server.ended(server.upload(clip, "talk.mp4", tmp_path / "words.vtt"))
    line = server.client.get(f"/recordings/{job['id']}/files/jsonl").text
    assert json.loads(line)["text"] == "unmistakable"
    (tmp_path / "words.vtt").write_text("WEBVTT\n\n00:09.000 --> 00:01.000\nback\n")
    job = server.ended(server.upload(clip, "talk.mp4", tmp_path / "words.vtt"))
    assert job["state"] == "failed"
    assert job["message"].startswith("words.vtt, line ")
    assert job["id"] not in job["message"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.mp4", b"this is no video" * 100),
        ("page.html", b"<script>alert(1)</script>" * 100),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"),
        ("zero.mp4", bytes(5000)),
    ],
)
def test_other_files_fail_with_one_line(server, tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    job = server.ended(server.upload(path))
    assert job["state"] == "failed"
    assert "expected a video or sound file" in job["message"]
    assert name in job["message"]
    assert job["id"] not in job["message"]
    assert len(job["message"].splitlines()) == 1
    folder = server.jobs.storage.root / job["id"]
    assert [path.name for path in folder.iterdir()] == ["job.json"]


def test_a_recording_that_is_cut_short_does_not_stop_the_next(server, clip, tmp_path):
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(clip.read_bytes()[: clip.stat().st_size // 3])
    first, second = server.upload(cut), server.upload(clip)
    assert server.ended(first)["state"] in ("failed", "done")
    assert server.ended(second)["state"] == "done"


def test_a_recording_that_is_too_long_is_refused_before_it_is_read(server, tmp_path):
    long = write_media(tmp_path / "long.wav", sound=hum, seconds=40, audio_codec="pcm_s16le")
    job = server.ended(server.upload(long))
    assert job["state"] == "failed"
    assert job["message"] == "long.wav: expected at most 0.5 minutes; it has 0.7"


def test_nothing_to_read_is_an_answer(server, grey_clip):
    job = server.ended(server.upload(grey_clip))
    assert job["state"] == "done"
    assert job["summary"]["read"] == 0
    assert job["summary"]["absent"].keys() == {"text", "audio", "visual"}
    page = server.client.get(f"/recordings/{job['id']}/report").text
    assert "There is nothing to read emotions from." in page


def test_media_that_browsers_do_not_play_are_embedded_as_a_copy(server, tmp_path):
    path = tmp_path / "old.avi"
    write_media(path, picture=grey, sound=hum, seconds=1, video_codec="mpeg4", audio_codec="mp3")
    job = server.ended(server.upload(path))
    assert job["state"] == "done", job["message"]
    assert server.client.get(f"/recordings/{job['id']}/recording").status_code == 404
    page = server.client.get(f"/recordings/{job['id']}/report").text
    assert 'src="data:video/mp4;base64,' in page
    assert "A smaller copy of the recording." in page


def test_warnings_are_in_the_list(server, clip, tmp_path):
    words = "the quick brown fox " * 3
    german = "der schnelle braune Fuchs springt ueber den faulen Hund und bleibt nicht stehen " * 3
    for text, warned in ((german, True), (words, False)):
        (tmp_path / "transcript.json").write_text(
            json.dumps(
                [
                    {"text": word, "start": n / 20, "end": (n + 1) / 20}
                    for n, word in enumerate(text.split())
                ]
            )
        )
        job = server.ended(server.upload(clip, "talk.mp4", tmp_path / "transcript.json"))
        assert any("expected English" in note for note in job["notes"]) == warned
        assert all(note.startswith("talk.mp4") for note in job["notes"])


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_a_worker_that_dies_costs_only_its_own_recording(server, clip, how):
    first, second = server.upload(clip, "deadly.mp4"), server.upload(clip)
    server.until(first, lambda job: job["state"] == "running" and job["stage"] != "check")
    died = server.dispatcher.worker.pid
    os.kill(died, how)
    job = server.ended(first)
    assert job["state"] == "failed"
    assert job["message"] == ("deadly.mp4: the process reading it died; the file may be damaged")
    assert server.client.get("/api/state").status_code == 200
    assert server.ended(second)["state"] == "done"
    assert server.dispatcher.worker.pid != died


def test_a_worker_that_hangs_is_killed_and_restarted(server, clip):
    limits = server.jobs.limits
    server.jobs.limits = replace(limits, job_minutes=0.02)
    hanging = server.dispatcher.worker.pid
    os.kill(hanging, signal.SIGSTOP)
    try:
        job = server.ended(server.upload(clip, "endless.mp4"))
    finally:
        server.jobs.limits = limits
    message = "endless.mp4: not read within 0.02 minutes; given up"
    assert (job["state"], job["message"]) == ("failed", message)
    assert gone(hanging)
    assert server.ended(server.upload(clip))["state"] == "done"


@pytest.mark.parametrize("how", ["cancel", "remove"])
def test_reading_can_be_stopped(server, clip, how):
    job_id = server.upload(clip)
    server.until(job_id, lambda job: job["state"] == "running" and job["stage"] != "check")
    reading = server.dispatcher.worker.pid
    if how == "cancel":
        assert server.client.post(f"/api/recordings/{job_id}/cancel").status_code == 204
        assert server.state(job_id)["state"] == "cancelled"
    else:
        assert server.client.delete(f"/api/recordings/{job_id}").status_code == 204
    server.until(job_id, lambda _: server.dispatcher.worker.pid not in (None, reading))
    folder = server.jobs.storage.root / job_id
    files = [path.name for path in folder.iterdir()] if folder.exists() else []
    assert files == (["job.json"] if how == "cancel" else [])


def test_a_waiting_recording_can_be_cancelled(server, clip):
    first, second = server.upload(clip), server.upload(clip)
    assert server.client.post(f"/api/recordings/{second}/cancel").status_code == 204
    assert server.ended(first)["state"] == "done"
    assert server.state(second)["state"] == "cancelled"


def test_a_worker_without_a_model_says_so(tmp_path):
    worker = WorkerProcess(Settings(tmp_path / "none", "threshold", "cpu", 20))
    with pytest.raises(WorkerError, match="no trained model"):
        worker.start()
    assert not worker.alive
