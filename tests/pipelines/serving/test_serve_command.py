"""``mmemo serve`` as a user starts and stops it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from other_processes import children_of, gone
from plain_clips import first_clip

from pipelines.cli import main

ROOT = Path(__file__).resolve().parents[3]

# Each test starts or restarts processes that load the model, which takes long on a busy machine.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def clip(corpus):
    return first_clip(corpus)


@pytest.fixture
def started(small_run, tmp_path):
    processes = []

    def start(*more, token=("--no-token",), **variables):
        home = tmp_path / "tmp"
        home.mkdir(exist_ok=True)
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", "serve", "--run", str(small_run),
             "--port", "0", *token, *more],
            cwd=ROOT, env={**os.environ, "TMPDIR": str(home), **variables}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        processes.append(process)
        line = process.stdout.readline()
        match = re.fullmatch(r"Serving at (http://\S+/\S*)\n", line)
        assert match, line + process.stderr.read()
        return process, match[1], home

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def upload(url, clip):
    with httpx.Client(base_url=url) as client:
        fields = {"name": clip.name, "size": clip.stat().st_size}
        job_id = client.post("/api/recordings", json=fields).json()["id"]
        client.put(f"/api/recordings/{job_id}/media", content=clip.read_bytes())
    return job_id


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_removes_everything_even_in_the_middle_of_a_recording(started, clip, how):
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
    fields = {"name": "talk.mp4", "size": 1000}
    job_id = httpx.post(f"{url}api/recordings", json=fields).json()["id"]
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


def test_a_log_of_all_requests_does_not_show_the_token(started):
    secret = "a-secret-of-this-test"
    process, url, _ = started("--verbose", token=(), MMEMO_TOKEN=secret)
    assert httpx.get(url, params={"token": secret}).status_code == 303
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=150)
    assert "GET / HTTP/1.1" in out + err
    assert secret not in out + err


def test_the_page_is_opened_in_the_browser_on_request_and_needs_the_token(started, tmp_path):
    shown = tmp_path / "shown"
    browser = tmp_path / "browser"
    browser.write_text(f"#!/bin/sh\necho $1 > {shown}.part; mv {shown}.part {shown}\n")
    browser.chmod(0o700)
    _, url, _ = started("--open", token=(), BROWSER=f"{browser} %s")
    end = time.monotonic() + 30
    while not shown.exists():
        assert time.monotonic() < end
        time.sleep(0.1)
    opened = shown.read_text().strip()
    # Other users see the arguments of a browser, so its token is good for one use.
    assert httpx.URL(opened).params["token"] != httpx.URL(url).params["token"]
    address = str(httpx.URL(url).copy_with(query=None))
    assert httpx.get(f"{address}api/state").status_code == 401
    for entrance, status in [(opened, 303), (opened, 401), (url, 303), (url, 303)]:
        with httpx.Client() as client:
            assert client.get(entrance).status_code == status
            expected = 200 if status == 303 else 401
            assert client.get(f"{address}api/state").status_code == expected


def test_the_worker_of_a_killed_server_ends(started):
    process, _, _ = started()
    children = children_of(process.pid)
    process.kill()
    assert all(gone(child) for child in children)


def test_results_stay_in_a_named_folder_and_are_served_again(started, clip, tmp_path):
    folder = tmp_path / "kept"
    process, url, home = started("--folder", str(folder))
    job_id = upload(url, clip)
    end = time.monotonic() + 120
    while httpx.get(f"{url}recordings/{job_id}/report").status_code != 200:
        assert time.monotonic() < end
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    process.wait(30)
    assert (folder / job_id / "report.html").is_file()
    assert not list(home.glob("mmemo*"))
    _, url, _ = started("--folder", str(folder))
    assert httpx.get(f"{url}recordings/{job_id}/recording").content == clip.read_bytes()


def test_a_public_address_is_warned_of(started):
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
        (["--run", "{run}", "--token", "short"], "--token: expected at least 8"),
        (["--run", "{run}", "--token", "with some blanks"], "--token: expected at least 8"),
    ],
)
def test_a_failed_start_prints_one_line(arguments, message, small_run, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    paths = {"tmp": tmp_path, "run": small_run}
    command = ["serve", "--port", "0", *(part.format(**paths) for part in arguments)]
    assert main(command) == 1
    err = capsys.readouterr().err
    assert message in err
    assert len([line for line in err.splitlines() if line.startswith("mmemo: ")]) == 1


def test_a_used_port_is_named(started, small_run, capsys):
    _, url, _ = started()
    port = url.rstrip("/").rsplit(":", 1)[1]
    assert main(["serve", "--run", str(small_run), "--port", port]) == 1
    assert "choose another, or 0 for any that is free" in capsys.readouterr().err


def test_missing_packages_are_named_with_what_to_do(tmp_path):
    code = (
        "import sys; from importlib import util; find_spec = util.find_spec\n"
        "util.find_spec = lambda name, *m: None if name == 'uvicorn' else find_spec(name, *m)\n"
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
