"""Recordings that are uploaded and read by the worker: results, failures, crashes, stops."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from made_server import made_server
from media_files import write_media
from test_extract import first_clip, grey, hum

from extractors.media import probe
from mmemo.checkpoint import load_checkpoint
from pipelines.cli import main
from pipelines.exports import EXPORTS
from pipelines.predict import predict
from pipelines.serving.forms import FORM_NAMES
from pipelines.serving.job import STAGES
from pipelines.serving.task import Settings
from pipelines.serving.worker_process import WorkerError, WorkerProcess

ROOT = Path(__file__).resolve().parents[2]
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
    expected = predict(load_checkpoint(small_run), clip)
    for form in EXPORTS:
        answer = server.client.get(f"/recordings/{job_id}/files/{form}")
        assert answer.headers["content-disposition"].endswith(f"My%20talk.{form}")
        assert answer.content
        assert job_id.encode() not in answer.content
    lines = server.client.get(f"/recordings/{job_id}/files/jsonl").text.splitlines()
    told = [json.loads(line) for line in lines]
    assert [held["video"] for held in told] == ["My talk.mp4"] * len(expected)
    for held, prediction in zip(told, expected, strict=True):
        wanted = prediction.to_json()
        assert held["words"] == json.loads(json.dumps(wanted["words"]))
        assert held["labels"] == list(wanted["labels"])
        assert held["probs"] == pytest.approx(wanted["probs"], abs=2e-4)
    assert job["summary"]["utterances"] == len(expected)
    found = [label for held in expected for label in held.labels]
    assert job["summary"]["found"] == {label: found.count(label) for label in found}
    page = server.client.get(f"/recordings/{job_id}/report")
    assert 'src="recording"' in page.text
    assert all(f'href="files/{form}"' in page.text for form in FORM_NAMES)
    whole = server.client.get(f"/recordings/{job_id}/files/html").text
    assert 'src="data:video/mp4;base64,' in whole
    assert "<title>My talk.mp4</title>" in whole
    assert 'href="files/' not in whole
    movie = tmp_path / "movie.mp4"
    movie.write_bytes(server.client.get(f"/recordings/{job_id}/files/mp4").content)
    drawn, given = probe(movie), probe(clip)
    assert drawn.width > given.width
    assert drawn.duration_s == pytest.approx(given.duration_s, abs=0.2)
    recording = server.client.get(f"/recordings/{job_id}/recording")
    assert recording.content == clip.read_bytes()
    assert server.client.get(f"/recordings/{job_id}/thumbnail").content[:2] == b"\xff\xd8"


def test_every_stage_is_told_in_its_order(server, clip):
    seen = []
    on_stage = server.jobs.progress

    def watching(job, stage, share):
        seen.append((stage, share))
        on_stage(job, stage, share)

    server.jobs.progress = watching
    try:
        server.ended(server.upload(clip))
    finally:
        server.jobs.progress = on_stage
    assert list(dict.fromkeys(stage for stage, _ in seen)) == list(STAGES[1:])
    shares = [share for stage, share in seen if stage == "face"]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < 0.5 < shares[-1] <= 1


def test_a_transcript_that_comes_along_is_used_and_a_broken_one_named(server, clip, tmp_path):
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
def test_what_is_no_recording_fails_with_one_line(server, tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    job = server.ended(server.upload(path))
    assert job["state"] == "failed"
    assert "expected a video or sound file" in job["message"]
    assert name in job["message"]
    assert job["id"] not in job["message"]
    assert len(job["message"].splitlines()) == 1
    left = server.jobs.storage.root / job["id"]
    assert [path.name for path in left.iterdir()] == ["job.json"]


def test_a_recording_that_is_cut_short_does_not_stop_the_next(server, clip, tmp_path):
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(clip.read_bytes()[: clip.stat().st_size // 3])
    first, second = server.upload(cut), server.upload(clip)
    assert server.ended(first)["state"] in ("failed", "done")
    assert server.ended(second)["state"] == "done"


def test_what_is_too_long_is_refused_before_it_is_read(server, tmp_path):
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


def test_a_kind_that_browsers_do_not_play_is_embedded_as_a_copy(server, tmp_path):
    path = tmp_path / "old.avi"
    write_media(path, picture=grey, sound=hum, seconds=1, video_codec="mpeg4", audio_codec="mp3")
    job = server.ended(server.upload(path))
    assert job["state"] == "done", job["message"]
    assert server.client.get(f"/recordings/{job['id']}/recording").status_code == 404
    page = server.client.get(f"/recordings/{job['id']}/report").text
    assert 'src="data:video/mp4;base64,' in page
    assert "A smaller copy of the recording." in page


def test_warnings_come_along(server, clip, tmp_path):
    words = "the quick brown fox " * 3
    german = "der schnelle braune Fuchs springt ueber den faulen Hund und bleibt nicht stehen " * 3
    for text, warned in ((german, True), (words, False)):
        (tmp_path / "said.json").write_text(
            json.dumps(
                [
                    {"text": word, "start": n / 20, "end": (n + 1) / 20}
                    for n, word in enumerate(text.split())
                ]
            )
        )
        job = server.ended(server.upload(clip, "talk.mp4", tmp_path / "said.json"))
        assert any("expected English" in note for note in job["notes"]) == warned
        assert all(note.startswith("talk.mp4") for note in job["notes"])


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_a_worker_that_dies_takes_only_its_own_recording_along(server, clip, how):
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


def test_a_worker_that_hangs_is_ended_and_started_anew(server, clip):
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
    left = [path.name for path in folder.iterdir()] if folder.exists() else []
    assert left == (["job.json"] if how == "cancel" else [])


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


# The command as a user starts and stops it.


@pytest.fixture
def started(small_run, tmp_path):
    processes = []

    def start(*more, **variables):
        home = tmp_path / "tmp"
        home.mkdir(exist_ok=True)
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", "serve", "--run", str(small_run),
             "--port", "0", *more],
            cwd=ROOT, env={**os.environ, "TMPDIR": str(home), **variables}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        processes.append(process)
        line = process.stdout.readline()
        found = re.fullmatch(r"Serving at (http://\S+/)\n", line)
        assert found, line + process.stderr.read()
        return process, found[1], home

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def upload(url, clip):
    with httpx.Client(base_url=url) as client:
        told = {"name": clip.name, "size": clip.stat().st_size}
        job_id = client.post("/api/recordings", json=told).json()["id"]
        client.put(f"/api/recordings/{job_id}/media", content=clip.read_bytes())
    return job_id


def children_of(pid):
    path = Path(f"/proc/{pid}/task/{pid}/children")
    if not path.exists():
        pytest.skip("needs /proc to find child processes")
    return [int(child) for child in path.read_text().split()]


def gone(pid, patience_s=30):
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_puts_everything_away_even_in_the_middle_of_a_recording(started, clip, how):
    process, url, home = started()
    upload(url, clip)
    time.sleep(1)
    assert list(home.iterdir())
    children = children_of(process.pid)
    assert children
    os.killpg(process.pid, how)  # as a terminal does: the worker gets it too
    _, err = process.communicate(timeout=150)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert "Ctrl-C stops" in err
    assert [path.name for path in home.iterdir() if path.name.startswith("mmemo")] == []
    assert all(gone(child) for child in children)


def test_a_stop_in_the_middle_of_an_upload_is_quiet(started):
    process, url, home = started()
    told = {"name": "talk.mp4", "size": 1000}
    job_id = httpx.post(f"{url}api/recordings", json=told).json()["id"]
    host, port = url.removeprefix("http://").rstrip("/").split(":")
    with socket.create_connection((host, int(port))) as raw:
        head = f"PUT /api/recordings/{job_id}/media HTTP/1.1\r\nhost: localhost\r\n"
        raw.sendall(head.encode() + b"content-length: 1000\r\n\r\n" + b"x" * 300)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=150)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert list(home.glob("mmemo*")) == []


def test_the_page_is_opened_in_the_browser_on_request(started, tmp_path):
    shown = tmp_path / "shown"
    browser = tmp_path / "browser"
    browser.write_text(f"#!/bin/sh\necho $1 > {shown}.part; mv {shown}.part {shown}\n")
    browser.chmod(0o700)
    _, url, _ = started("--open", BROWSER=f"{browser} %s")
    end = time.monotonic() + 30
    while not shown.exists():
        assert time.monotonic() < end
        time.sleep(0.1)
    assert shown.read_text().strip() == url


def test_a_server_that_is_killed_takes_its_worker_along(started):
    process, _, _ = started()
    children = children_of(process.pid)
    process.kill()
    assert all(gone(child) for child in children)


def test_results_stay_in_a_named_folder_and_are_served_again(started, clip, tmp_path):
    kept = tmp_path / "kept"
    process, url, home = started("--folder", str(kept))
    job_id = upload(url, clip)
    end = time.monotonic() + 120
    while httpx.get(f"{url}recordings/{job_id}/report").status_code != 200:
        assert time.monotonic() < end
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    process.wait(30)
    assert (kept / job_id / "report.html").is_file()
    assert not list(home.glob("mmemo*"))
    _, url, _ = started("--folder", str(kept))
    assert httpx.get(f"{url}recordings/{job_id}/recording").content == clip.read_bytes()


def test_beyond_this_machine_is_warned_of(started):
    process, _, _ = started("--host", "0.0.0.0")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=150)
    assert "reached from other machines" in err
    assert "not encrypted" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--run", "{tmp}/none"], "no trained model"),
        (["--run", "{run}", "--device", "cuda:99"], "not available"),
        (["--run", "{run}", "--host", "no.such.host.invalid"], "--host no.such.host.invalid"),
        (["--run", "{run}", "--host", "203.0.113.1"], "cannot be used on 203.0.113.1"),
        (["--run", "{run}", "--keep-hours", "-1"], "--keep-hours: expected a number above 0"),
        (["--run", "{run}", "--folder", "{tmp}/file"], "file"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(arguments, message, small_run, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    known = {"tmp": tmp_path, "run": small_run}
    told = ["serve", "--port", "0", *(part.format(**known) for part in arguments)]
    assert main(told) == 1
    err = capsys.readouterr().err
    assert message in err
    assert len([line for line in err.splitlines() if line.startswith("mmemo: ")]) == 1


def test_a_port_that_is_taken_is_said(started, small_run, capsys):
    _, url, _ = started()
    port = url.rstrip("/").rsplit(":", 1)[1]
    assert main(["serve", "--run", str(small_run), "--port", port]) == 1
    assert "choose another, or 0 for any that is free" in capsys.readouterr().err


def test_without_its_packages_the_command_says_how_to_get_them(tmp_path):
    code = (
        "import sys; from importlib import util; found = util.find_spec\n"
        "util.find_spec = lambda name, *m: None if name == 'uvicorn' else found(name, *m)\n"
        "from pipelines.cli import main; sys.exit(main(['serve']))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install 'mmemo[serve]'" in done.stderr


def test_the_server_itself_loads_no_torch():
    code = (
        "import sys, pipelines.serving.server\n"
        "from pipelines.serving.app import _assets\n"
        "_assets()\n"
        "loaded = {'torch', 'cv2', 'av', 'numba'} & set(sys.modules)\n"
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
