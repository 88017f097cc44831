"""The examples run from their first cell to their last, on real clips, and print results."""

import re
import runpy
import sys
from pathlib import Path

import pytest
from plain_clips import first_clip

pytest.importorskip("pandas")
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SMALL = [
    "model.encoder.hidden=16",
    "model.encoder.heads=2",
    "model.encoder.layers=1",
    "train.epochs=2",
]


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    def run_example(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments), "--out", str(tmp_path)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run_example


def test_from_a_video(run, corpus, small_run, tmp_path):
    output = run("from_a_video.py", first_clip(corpus), "--model", small_run)
    assert "emotions: " in output
    assert "p_happiness" in output
    assert re.search(r"audio: \d+ rows of 74 columns", output)
    assert re.search(r"pitch: \d+ Hz", output)
    assert (tmp_path / f"{first_clip(corpus).stem}.html").is_file()


def test_train_on_own_clips(run, corpus, tmp_path):
    config = EXAMPLES.parent / "pipelines/configs/sample.toml"
    output = run("train_on_own_clips.py", corpus, "--config", config, "--set", *SMALL)
    assert "8 clips measured, 0 were there" in output
    assert "on the validation clips: " in output
    assert re.search(r"threshold +Jaccard \d\.\d{3}  micro-F1 \d\.\d{3}", output)
    assert {path.name for path in (tmp_path / "model").iterdir()} >= {"README.md", "config.json"}


def test_what_the_model_looks_at(run, corpus, small_run, tmp_path):
    output = run("what_the_model_looks_at.py", first_clip(corpus), "--model", small_run)
    assert re.search(r"happiness( +-?\d+\.\d+){3}", output)
    assert "text_effect" in output
    assert "visual: rank correlation" in output
    assert (tmp_path / f"{first_clip(corpus).stem}.emotions.mp4").is_file()


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda p: p.name)
def test_it_is_a_notebook_of_short_cells(path):
    cells = path.read_text().split("\n# %%")
    assert len(cells) >= 5
    assert max(cell.count("\n") for cell in cells) < 25


def test_all_examples_are_run():
    tested = set(re.findall(r'run\("(\w+\.py)"', Path(__file__).read_text()))
    assert tested == {path.name for path in EXAMPLES.glob("*.py")}
