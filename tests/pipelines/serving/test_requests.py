"""Requests that a server accepts and refuses, over real connections, before reading."""

import asyncio
import select
import socket
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from made_server import detail, finished, made_server

from pipelines.serving import prompt_protocol, uploads
from pipelines.serving.guard import RefusalError
from pipelines.serving.job import Limits
from pipelines.serving.jobs import Jobs
from pipelines.serving.storage import JOB_FILE, Storage, clean, media_suffix, transcript_suffix
from pipelines.serving.uploads import receive_file

EVIL_NAMES = [
    "../../etc/passwd",
    "..\\..\\boot.ini",
    "/etc/shadow.mp4",
    "C:\\x\\talk.mp4",
    "a\0b.mp4",
    "..",
    ".",
    "",
    "   ",
    ".hidden.mp4",
    "talk.mp4/",
    "x" * 1500 + ".mp4",
    "line\r\nbreak: yes.mp4",
    "\u202etxt.exe.mp4",
    '<img src=x onerror="alert(1)">.mp4',
    "%2e%2e%2fx.mp4",
    "clip.html",
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "jobs").mkdir()
    return tmp_path / "jobs"


@pytest.fixture
def server(folder):
    with made_server(folder, upload_mb=1, queue=3, keep=2) as made:
        yield made


@pytest.mark.parametrize("name", EVIL_NAMES)
def test_a_name_is_displayed_and_no_path(server, folder, name):
    answer = server.announce(name)
    assert answer.status_code == 201
    shown = answer.json()["name"]
    assert shown
    assert len(shown) <= 120
    assert shown.isprintable()
    assert not set(shown) & {"/", "\\"}
    assert not shown.startswith(".")
    job_id = answer.json()["id"]
    assert server.client.put(f"/api/recordings/{job_id}/media", content=b"12345").status_code == 204
    [written] = [path for path in folder.rglob("*") if path.is_file()]
    assert written.parent == folder / job_id
    assert written.stem == job_id
    assert written.suffix in ("", ".mp4")


@pytest.mark.parametrize(
    ("name", "media", "transcript"),
    [
        ("a.MP4", ".mp4", None),
        ("a.mp4.exe", "", None),
        ("a.words.json", "", ".words.json"),
        ("a.TEXTGRID", "", ".TextGrid"),
        ("a.vtt", "", ".vtt"),
        ("a", "", None),
    ],
)
def test_only_known_suffixes_are_kept(name, media, transcript):
    assert (media_suffix(name), transcript_suffix(name)) == (media, transcript)


def test_a_long_name_keeps_its_suffix():
    assert clean("x" * 500 + ".mp4").endswith("x.mp4")


@pytest.mark.parametrize(
    "path",
    [
        "/assets/..%2f..%2fapp.py",
        "/assets/%2e%2e/app.py",
        "/assets/index.html",
        "/assets//etc/passwd",
        "/recordings/..%2f..%2fx/report",
        "/recordings/x/files/..%2fjob.json",
        "/docs",
        "/openapi.json",
    ],
)
def test_no_path_leads_elsewhere(server, path):
    assert server.client.get(path).status_code == 404


def test_the_page_and_its_parts_fetch_nothing_from_elsewhere(server):
    page = server.client.get("/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in page.text.replace("http-equiv", "")
    for name in ("main.js", "row.js", "serve.css", "colours.css"):
        part = server.client.get(f"/assets/{name}")
        assert part.headers["x-content-type-options"] == "nosniff"
        assert "://" not in part.text
    assert "style=" not in page.text


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"name": 3, "size": 5}', b'{"name": "x", "size": "5"}', b"\xff",
     b'{"name": "x", "size": 5, "path": "/etc"}', b'{"size": 5}', b'{"name": "x", "size": 1e999}'],
)  # fmt: skip
def test_a_malformed_announcement_is_refused(server, body):
    answer = server.client.post("/api/recordings", content=body)
    assert answer.status_code == 422
    assert "name and size" in detail(answer)


def test_a_long_announcement_is_not_read(server):
    answer = server.client.post("/api/recordings", content=b" " * 100_000)
    assert answer.status_code == 413


def test_a_recording_that_is_too_large_is_refused_before_it_is_sent(server, folder):
    answer = server.announce("film.mp4", 2_500_000)
    assert answer.status_code == 413
    assert detail(answer) == "film.mp4: expected at most 1 MB; it has 2.5"
    assert list(folder.iterdir()) == []


def test_more_than_was_announced_is_cut_off_while_it_comes(server, folder):
    job_id = server.announce(size=100_000).json()["id"]
    sent = 0

    def endless():
        nonlocal sent
        while sent < 50_000_000:
            sent += 65_536
            yield bytes(65_536)

    with suppress(httpx.TransportError):  # the server hangs up while more is coming
        server.client.put(f"/api/recordings/{job_id}/media", content=endless())
    job = server.ended(job_id)
    assert job["state"] == "failed"
    assert "announced" in job["message"]
    assert sent < 50_000_000
    assert [path.name for path in folder.rglob("*") if path.is_file()] == [JOB_FILE]


def test_less_than_was_announced_is_refused(server):
    job_id = server.announce(size=10).json()["id"]
    answer = server.client.put(f"/api/recordings/{job_id}/media", content=b"12345")
    assert answer.status_code == 400
    assert "expected 10 bytes; 5 came" in detail(answer)
    assert server.state(job_id)["state"] == "failed"


def test_an_upload_that_breaks_off_fails_and_leaves_nothing(server, folder):
    job_id = server.announce(size=1000).json()["id"]
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as raw:
        head = f"PUT /api/recordings/{job_id}/media HTTP/1.1\r\nhost: localhost\r\n"
        raw.sendall(head.encode() + b"content-length: 1000\r\n\r\n" + b"x" * 300)
        server.until(job_id, lambda job: job["share"] == 0.3)
    job = server.ended(job_id)
    assert (job["state"], job["message"]) == ("failed", "the upload was interrupted; try again")
    assert [path.name for path in folder.rglob("*") if path.is_file()] == [JOB_FILE]


def test_an_upload_can_be_cancelled_and_removed_while_it_comes(server, folder):
    host, port = server.url.removeprefix("http://").split(":")
    for action in ("cancel", "remove"):
        job_id = server.announce(size=1000).json()["id"]
        with socket.create_connection((host, int(port))) as raw:
            head = f"PUT /api/recordings/{job_id}/media HTTP/1.1\r\nhost: localhost\r\n"
            raw.sendall(head.encode() + b"content-length: 1000\r\n\r\n" + b"x" * 300)
            server.until(job_id, lambda job: job["share"] == 0.3)
            if action == "cancel":
                server.client.post(f"/api/recordings/{job_id}/cancel")
                assert server.state(job_id)["state"] == "cancelled"
            else:
                server.client.delete(f"/api/recordings/{job_id}")
                assert server.state(job_id) is None
            raw.sendall(b"x")
            assert b" 409 " in raw.recv(1000).split(b"\r\n")[0]
    assert [path.name for path in folder.rglob("*") if path.is_file()] == [JOB_FILE]


def test_connections_without_a_request_do_not_keep_others_out(server, monkeypatch):
    monkeypatch.setattr(prompt_protocol, "HEADER_S", 1.0)
    host, port = server.url.removeprefix("http://").split(":")
    connections = [socket.create_connection((host, int(port)), timeout=60) for _ in range(110)]
    for number, connection in enumerate(connections):
        connection.sendall(b"GET / HTTP/1.1\r\nHost: " if number % 2 else b"")
    for connection in connections:
        assert connection.recv(1) == b""  # closed
        connection.close()
    assert server.client.get("/").status_code == 200


def test_a_body_that_hardly_comes_does_not_keep_its_place(server, folder, monkeypatch):
    monkeypatch.setattr(uploads, "PATIENCE_S", 1.0)
    job = server.announce(size=1000).json()["id"]
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        head = f"PUT /api/recordings/{job}/media HTTP/1.1\r\nhost: localhost\r\n"
        connection.sendall(f"{head}content-length: 1000\r\n\r\n".encode())
        with suppress(OSError):  # closed by then
            for _ in range(600):
                connection.sendall(b"x")
                if select.select([connection], [], [], 0.1)[0]:
                    break
        assert b" 408 " in connection.recv(1000)


def test_a_refusal_of_a_short_body_keeps_the_connection(server):
    host, port = server.url.removeprefix("http://").split(":")
    head = b"PUT /api/recordings/unknown/media HTTP/1.1\r\nhost: localhost\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as raw:
        for _ in range(3):
            raw.sendall(head + b"content-length: 5\r\n\r\n")
            time.sleep(0.2)  # the server has responded, unless it waits for the body
            raw.sendall(b"12345")
            assert b" 404 " in raw.recv(1000).split(b"\r\n")[0]
            raw.settimeout(0.2)
            with suppress(TimeoutError):
                raw.recv(1000)  # what the first call left
            raw.settimeout(30)


def test_a_refusal_does_not_wait_for_a_body_that_never_comes(server):
    host, port = server.url.removeprefix("http://").split(":")
    head = b"PUT /api/recordings/unknown/media HTTP/1.1\r\nhost: localhost\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as raw:
        raw.sendall(head + b"content-length: 1000\r\n\r\n" + b"x" * 300)
        assert b" 404 " in raw.recv(1000).split(b"\r\n")[0]


def test_a_client_that_asks_first_is_refused_before_it_sends(server):
    host, port = server.url.removeprefix("http://").split(":")
    head = b"PUT /api/recordings/unknown/media HTTP/1.1\r\nhost: localhost\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as raw:
        raw.sendall(head + b"expect: 100-continue\r\ncontent-length: 1000\r\n\r\n")
        assert b" 404 " in raw.recv(1000).split(b"\r\n")[0]


def test_a_recording_is_uploaded_once(server):
    job_id = server.announce().json()["id"]
    path = f"/api/recordings/{job_id}/media"
    assert server.client.put(path, content=b"12345").status_code == 204
    assert server.client.put(path, content=b"12345").status_code == 409
    assert server.state(job_id)["state"] == "waiting"


def test_a_transcript_comes_first_and_is_of_a_known_kind(server, folder):
    assert server.announce(transcript="talk.docx").status_code == 415
    job_id = server.announce(transcript="Talk.VTT").json()["id"]
    media, transcript = (f"/api/recordings/{job_id}/{part}" for part in ("media", "transcript"))
    assert "before the recording" in detail(server.client.put(media, content=b"12345"))
    assert server.client.put(transcript, content=b"WEBVTT\n").status_code == 204
    assert server.client.put(media, content=b"12345").status_code == 204
    names = {path.name for path in (folder / job_id).iterdir()}
    assert names == {f"{job_id}.mp4", f"{job_id}.vtt"}
    other = server.announce().json()["id"]
    answer = server.client.put(f"/api/recordings/{other}/transcript", content=b"x")
    assert "without a transcript" in detail(answer)


def test_a_full_queue_is_refused_until_there_is_room(server):
    ids = [server.announce(f"{n}.mp4").json()["id"] for n in range(3)]
    answer = server.announce("more.mp4")
    assert answer.status_code == 429
    assert detail(answer) == "more.mp4: the queue is full (3 recordings); try again later"
    assert server.client.post(f"/api/recordings/{ids[0]}/cancel").status_code == 204
    assert server.announce("more.mp4").status_code == 201


def test_an_empty_file_is_refused(server):
    assert "empty" in detail(server.announce(size=0))


def test_a_full_disk_is_reported(tmp_path):
    async def come():
        yield bytes(1 << 20)
        yield bytes(1 << 20)

    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full here")
    with pytest.raises(RefusalError, match="disk is full") as stop:
        asyncio.run(receive_file(come(), full, limit_bytes=1 << 30, too_large=str))
    assert stop.value.status == 507
    assert full.exists()


def test_a_recording_that_would_fill_the_disk_is_refused(folder):
    limits = Limits(upload_mb=1e9)
    jobs = Jobs(Storage(folder), limits)
    with pytest.raises(RefusalError, match="disk is full"):
        jobs.create("talk.mp4", limits.upload_bytes)
    assert list(folder.iterdir()) == []


def test_results_are_served_with_their_type_and_never_run(server):
    job = finished(server.jobs, "a; b=“ü”.mp4")
    recording = server.client.get(f"/recordings/{job.id}/recording")
    assert recording.headers["content-type"] == "video/mp4"
    assert "sandbox" in recording.headers["content-security-policy"]
    part = server.client.get(f"/recordings/{job.id}/recording", headers={"range": "bytes=1-2"})
    assert (part.status_code, part.content) == (206, b"23")
    (server.jobs.storage.folder(job) / "answers.csv").write_text("x")
    file = server.client.get(f"/recordings/{job.id}/files/csv")
    assert file.headers["content-disposition"].startswith("attachment; filename*=utf-8''")
    assert file.headers["x-content-type-options"] == "nosniff"
    assert server.client.get(f"/recordings/{job.id}/files/exe").status_code == 404
    undrawn = server.client.get(f"/recordings/{job.id}/files/mp4")
    assert (undrawn.status_code, "was not made" in undrawn.text) == (404, True)
    assert server.client.get(f"/recordings/{job.id}/report").text == "report"


def test_there_are_no_results_before_the_end(server):
    job_id = server.announce().json()["id"]
    for name in ("report", "recording", "files/csv"):
        assert server.client.get(f"/recordings/{job_id}/{name}").status_code == 409
    assert server.client.get(f"/recordings/{job_id}/thumbnail").status_code == 404
    assert server.client.get(f"/recordings/{'0' * 32}/report").status_code == 404


def test_finished_recordings_can_be_removed_together(server, folder):
    ended = [finished(server.jobs).id for _ in range(2)]
    unfinished = server.announce().json()["id"]
    assert server.client.delete("/api/recordings").status_code == 204
    assert [path.name for path in folder.iterdir()] == [unfinished]
    assert all(server.state(job_id) is None for job_id in ended)
    assert server.client.delete(f"/api/recordings/{ended[0]}").status_code == 404


def test_only_unfinished_recordings_can_be_cancelled(server):
    job = finished(server.jobs)
    answer = server.client.post(f"/api/recordings/{job.id}/cancel")
    assert (answer.status_code, detail(answer)) == (409, "talk.mp4: there is nothing to cancel")
