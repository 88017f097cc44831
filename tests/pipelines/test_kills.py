"""Writers that are killed at their renames and syncs: ``python -m benchmarks.kills``, in short.

The benchmark itself must be able to fail: a writer that does what earlier versions did is refused.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

CARELESS = """
import json, sys
from benchmarks import kills

def write(folder, content="new"):
    for name in ("weights", "description"):
        (folder / "part").write_text(content)
        kills.os.replace(folder / "part", folder / name)

def read(folder):
    return " ".join((folder / name).read_text() for name in ("weights", "description"))

writer = kills.Writer(lambda folder: write(folder, "old"), write, read)
outcomes = kills.kill_at_each_step(writer, ["replace"])
print(json.dumps([outcome.problem for outcome in outcomes]))
"""


def run(*arguments):
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=280
    )


@pytest.mark.parametrize(
    ("writers", "steps"),
    [
        (["file", "parts", "save_pretrained", "convert", "predict"], ["replace", "fsync", "mkdir"]),
        (["train again"], ["replace", "fsync"]),
        (["features"], ["replace"]),
    ],
)
def test_a_killed_writer_leaves_the_old_or_the_new_and_is_resumed(writers, steps):
    done = run("-m", "benchmarks.kills", "--writers", *writers, "--steps", *steps)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(writers)
    for line in lines:
        assert int(line.split(" kills, ")[0].split()[-1]) > 0
        assert line.endswith(" 0 problems")


def test_parts_that_are_replaced_one_by_one_are_noticed():
    done = run("-c", CARELESS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == '["", "mixed: new old"]'
