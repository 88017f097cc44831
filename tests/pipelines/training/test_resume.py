"""Ctrl-C in ``mmemo train``: one line, exit code 130, no part file, resumable."""

import json
import signal
import subprocess
import sys
import time

import pytest
from planted import planted_dataset

from mmemo.store import FeatureStore, StoreInfo

OPTIONS = ["model.encoder.hidden=8", "model.encoder.heads=2", "train.epochs=4"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("features") / "store"
    made = FeatureStore.create(folder, StoreInfo("planted"))
    clips = planted_dataset(256, 32, 8).clips
    for clip in clips:
        made.write(clip, "key", durable=False)
    made.write_manifest([clip.clip for clip in clips])
    return folder


def train(store, out):
    command = [sys.executable, "-m", "pipelines.cli", "train", "--set", *OPTIONS]
    command += ["train.patience=100", "--data", str(store), "--out", str(out)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def epochs(out):
    history = out / "history.jsonl"
    return len(history.read_text().splitlines()) if history.exists() else 0


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 2])
def test_an_interrupted_run_ends_with_one_line_and_resumes(store, tmp_path, after):
    out = tmp_path / "run"
    process = train(store, out)
    end = time.monotonic() + 120
    while not out.exists() or epochs(out) < after:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr.splitlines()[-1].startswith("mmemo: interrupted")
    assert stderr.count("interrupted") == 1
    assert "Traceback" not in stderr
    assert not list(tmp_path.rglob("*.part"))
    assert epochs(out) >= after
    process = train(store, out)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 0
    assert ("resuming after epoch" in stderr) or not after
    history = [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in history] == list(range(4))
