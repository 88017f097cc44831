"""Ctrl-C on real commands: one line, exit code 130, soon, with nothing unfinished left behind."""

import os
import time

import pytest
from interrupted_command import interrupt, start, wait_for

from pipelines.interrupts import LINE
from pipelines.prediction.output_folder import LIST_FILE

MOMENTS_S = (0.0, 0.7, 4.0)
"""After the program has begun: while it imports, loads models or starts processes, and works."""
LIMIT_S = 20.0
"""Far more than ``EXIT_S``, for a busy machine; without a limit a command would go on."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="needs Linux's /proc"),
]


def check(ending, folder):
    assert ending.code == 130, ending.err
    # The sample corpus has no --quiet: on a slow machine it logs its progress.
    lines = [line for line in ending.err.splitlines() if "making the sample corpus" not in line]
    assert lines == [LINE]
    assert ending.out == ""
    assert ending.orphans == []
    assert ending.seconds < LIMIT_S
    assert [path for path in folder.rglob("*") if path.name.endswith(".part")] == []


@pytest.mark.parametrize("moment_s", MOMENTS_S)
@pytest.mark.parametrize("command", ["features 1", "features 2", "predict 1", "predict 2", "train"])
def test_an_interrupted_command_ends_at_once(
    command, moment_s, corpus, corpus_features, small_run, tmp_path
):
    name, *jobs = command.split()
    arguments = {
        "features": [corpus],
        "predict": [corpus / "clips", "--run", small_run, "--format", "csv", "mp4"],
        "train": ["--data", corpus_features, "--set", "train.epochs=10000", "train.patience=9999"],
    }[name]
    if jobs:
        arguments += ["--jobs", *jobs]
    out = tmp_path / "out"
    process = start("pipelines.cli", name, "--quiet", "--out", out, *arguments)
    time.sleep(moment_s)
    check(interrupt(process), tmp_path)


@pytest.mark.parametrize("moment_s", MOMENTS_S)
def test_an_interrupted_sample_corpus_ends_at_once(moment_s, tmp_path):
    process = start("pipelines.sample.corpus", tmp_path / "sample", "--clips", 60, "--jobs", 2)
    time.sleep(moment_s)
    check(interrupt(process), tmp_path)


def test_an_interrupted_command_goes_on_where_it_was(corpus, small_run, tmp_path):
    def results():
        file = tmp_path / LIST_FILE
        return len(file.read_text().splitlines()) if file.exists() else 0

    arguments = [corpus / "clips", "--run", small_run, "--out", tmp_path, "--jobs", 2, "--quiet"]
    process = start("pipelines.cli", "predict", *arguments)
    wait_for(lambda: results() > 0)
    check(interrupt(process, whole_group=False), tmp_path)
    finished = results()
    assert 0 < finished < 8
    process = start("pipelines.cli", "predict", *arguments)
    out, err = process.communicate()
    assert f"{8 - finished} read, {finished} were there, 0 failed" in out, err
