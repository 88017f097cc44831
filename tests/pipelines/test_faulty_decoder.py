"""A decoder that crashes, hangs or fills the memory costs the recording at which it does so."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import faulty_decoder
import pytest
from interrupted_command import wait_for
from media_files import write_media
from other_processes import children_of, gone
from plain_clips import hum

from mmemo.store import FeatureStore
from pipelines.cli import main
from pipelines.data import extract
from pipelines.prediction import many
from pipelines.workers import reading_limits
from pipelines.workers.pool import Limits, memory_of

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        memory_of(os.getpid()) == 0, reason="knows the memory of processes on Linux"
    ),
]
ROOT = Path(__file__).resolve().parents[2]
REASONS = {"crash": "crashed on it twice (signal 11)", "hang": "not finished within",
           "grow": "it takes more than"}  # fmt: skip
SHORT_S = 0.1


def recordings(folder: Path) -> Path:
    """Write a good recording before, between and after the faulty ones."""
    folder.mkdir()
    for name in ("a", "crash", "e", "grow", "hang", "z"):
        write_media(folder / f"{name}.wav", sound=hum, audio_codec="pcm_s16le", seconds=SHORT_S)
        (folder / f"{name}.json").write_text('[{"text": "well", "start": 0, "end": 0.1}]')
    return folder


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_fault_costs_one_clip(jobs, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(extract, "_ClipWriter", faulty_decoder.FaultyWriter)
    monkeypatch.setattr(reading_limits, "START", Limits(12.0, 2**30))
    out, text = tmp_path / "out", ["--set", 'features.modalities=["text"]']
    folder = recordings(tmp_path / "clips")
    assert main(["features", str(folder), "--out", str(out), "--jobs", jobs, *text]) == 3
    captured = capsys.readouterr()
    assert "3 clips extracted, 0 were there already, 3 failed" in captured.out
    failures = [json.loads(line) for line in (out / "failures.jsonl").read_text().splitlines()]
    reasons = {Path(failure["id"]).stem: failure["error"] for failure in failures}
    assert set(reasons) == set(REASONS)
    for name, reason in REASONS.items():
        assert reason in reasons[name]
    assert [clip.id for clip in FeatureStore(out).clips()] == ["a.wav", "e.wav", "z.wav"]


def test_a_fault_costs_one_recording(small_run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(many, "_load", faulty_decoder.load_faulty)
    monkeypatch.setattr(reading_limits, "START", Limits(20.0, 3 * 2**30))
    folder = recordings(tmp_path / "talks")
    assert main(["predict", str(folder), "--run", str(small_run), "--json"]) == 3
    captured = capsys.readouterr()
    videos = [Path(json.loads(line)["video"]).stem for line in captured.out.splitlines()]
    assert sorted(set(videos)) == ["a", "e", "z"]
    for name, reason in REASONS.items():
        [line] = [line for line in captured.err.splitlines() if f"{name}.wav" in line]
        assert line.startswith(f"mmemo: {folder / name}.wav: ")
        assert reason in line


@pytest.mark.parametrize("fault", ["hang", "grow"])
def test_a_process_in_a_fault_ends_with_its_program(fault, tmp_path):
    """Also where compiled code does not return, so that no thread of Python can run."""
    (tmp_path / "faulty_task.py").write_text(
        "from faulty_decoder import FAULTS\n"
        "def load():\n"
        "    return run\n"
        "def run(name):\n"
        "    open('running', 'w').close()\n"
        "    FAULTS[name]()\n"
    )
    (tmp_path / "program.py").write_text(
        "import sys\n"
        f"sys.path[:0] = [{str(ROOT)!r}, {str(Path(__file__).parent)!r}]\n"
        "from faulty_task import load\n"
        "from pipelines.workers.pool import WorkerPool\n"
        "with WorkerPool(load, jobs=1) as pool:\n"
        f"    pool.submit([{fault!r}])\n"
        "    list(pool.results())\n"
    )
    program = subprocess.Popen([sys.executable, "program.py"], cwd=tmp_path)
    wait_for(lambda: (tmp_path / "running").exists())
    children = children_of(program.pid)
    os.kill(program.pid, signal.SIGKILL)
    program.wait()
    assert children
    assert all(gone(child) for child in children)
