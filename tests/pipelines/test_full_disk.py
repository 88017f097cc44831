"""A full disk: one line that names the file, and the run stops instead of failing every clip."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mmemo.store import FeatureStore
from pipelines.cli import main

ROOT = Path(__file__).resolve().parents[2]
LIMIT_BYTES = 400
"""Of each file: the system then refuses as for a full disk. Less than results, more than locks."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.name == "nt", reason="limits the size of files as POSIX systems can"),
]


@pytest.fixture
def talks(corpus, tmp_path):
    folder = tmp_path / "talks"
    folder.mkdir()
    for clip in sorted((corpus / "clips").iterdir())[:4]:  # two clips with their words
        shutil.copy(clip, folder)
    return folder


def run_with_little_space(*arguments):
    import resource

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT_BYTES, LIMIT_BYTES))

    command = [sys.executable, "-m", "pipelines.cli", *map(str, arguments), "--quiet"]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=240, preexec_fn=limit
    )


@pytest.mark.parametrize("jobs", [1, 2])
def test_features_stop_at_a_full_disk_and_go_on_later(jobs, talks, tmp_path):
    store = tmp_path / "store"
    ended = run_with_little_space("features", talks, "--out", store, "--jobs", jobs)
    lines = [line for line in ended.stderr.splitlines() if line.startswith("mmemo: ")]
    assert ended.returncode == 1, ended.stderr
    assert len(lines) == 1, ended.stderr
    assert str(store) in lines[0]
    assert "expected space for it" in lines[0]
    assert main(["features", str(talks), "--out", str(store), "--jobs", "1"]) == 0
    assert len(list(FeatureStore(store))) == 2


def test_predict_stops_at_a_full_disk(talks, small_run, tmp_path):
    out = tmp_path / "out"
    ended = run_with_little_space(
        "predict", talks, "--run", small_run, "--out", out, "--format", "csv"
    )
    lines = [line for line in ended.stderr.splitlines() if line.startswith("mmemo: ")]
    assert ended.returncode == 1, ended.stderr
    assert len(lines) == 1, ended.stderr
    assert str(out) in lines[0]
    assert "expected space for it" in lines[0]
