"""A folder read in several processes: a crash and an interrupt cost nothing else."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from multiprocessing import active_children
from pathlib import Path

import pytest
from media_files import write_media
from plain_clips import first_clip, grey, hum

from pipelines.prediction.many import predict_many
from pipelines.prediction.request import Request

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 240.0

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def talks(corpus, tmp_path_factory):
    """Make two short recordings, a broken one, and one that takes long."""
    folder = tmp_path_factory.mktemp("talks")
    for name in ("a", "b"):
        shutil.copy(first_clip(corpus), folder / f"{name}.mp4")
        shutil.copy(first_clip(corpus).with_suffix(".json"), folder / f"{name}.json")
    (folder / "broken.mp4").write_bytes(b"no video")
    write_media(folder / "long.mp4", picture=grey, sound=hum, seconds=400.0)
    (folder / "long.txt").write_text("")
    return folder


def listed(out):
    path = out / ".predicted.jsonl"
    return path.read_text() if path.exists() else ""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="interrupts as a POSIX terminal does")
@pytest.mark.parametrize("to_all", [True, False], ids=["from a terminal", "to the program alone"])
def test_an_interrupt_ends_soon_and_keeps_finished_recordings(talks, small_run, tmp_path, to_all):
    out = tmp_path / "out"
    files = [str(talks / f"{name}.mp4") for name in ("long", "a", "broken")]
    predict = [sys.executable, "-m", "pipelines.cli", "predict", "--run", str(small_run)]
    predict += ["--out", str(out), "--format", "csv", "mp4", "--jobs", "2", "--quiet"]
    running = subprocess.Popen(
        [*predict, "--", *files], cwd=ROOT, text=True, start_new_session=True,
        stderr=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    deadline = time.monotonic() + PATIENCE_S
    while "a.mp4" not in listed(out):
        assert running.poll() is None, running.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    (os.killpg if to_all else os.kill)(running.pid, signal.SIGINT)
    stdout, stderr = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 130
    assert "Traceback" not in stderr
    assert stderr.count("interrupted") == 1
    assert stdout == ""
    assert "long.mp4" not in listed(out)
    assert {path.name for path in out.iterdir()} == {".predicted.jsonl", "a.csv", "a.mp4"}
    again = [*predict, "--", *files[1:]]
    done = subprocess.run(again, cwd=ROOT, text=True, capture_output=True)
    assert done.returncode == 3
    assert "0 read, 1 were there, 1 failed" in done.stdout


@pytest.mark.slow
def test_a_process_that_dies_costs_no_recording(talks, small_run):
    files = [talks / "a.mp4", talks / "broken.mp4", talks / "b.mp4"]
    killed = []

    def kill_one():
        deadline = time.monotonic() + PATIENCE_S
        while not killed and time.monotonic() < deadline:
            for child in active_children():
                killed.append(child.pid)
                os.kill(child.pid, signal.SIGKILL)
                break
            time.sleep(0.1)

    threading.Thread(target=kill_one, daemon=True).start()
    results = {
        result.recording: result for result in predict_many(Request(small_run), files, jobs=2)
    }
    assert killed
    assert set(results) == set(files)
    for file in (talks / "a.mp4", talks / "b.mp4"):
        assert results[file].predictions is not None, results[file].error
    assert results[talks / "broken.mp4"].predictions is None
    assert "could not read" in results[talks / "broken.mp4"].error
