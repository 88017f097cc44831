"""Word vectors of one's own serve a model from whatever folder the next command runs in."""

import json
import os
import shutil

import pytest
from sealed_json import write_sealed

from mmemo.checkpoint import DESCRIPTION_FILE
from pipelines.cli import main

WORDS = "good bad the film was".split()


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a table, vectors and a configuration; it is the current one."""
    folder = tmp_path / "project"
    (folder / "vectors").mkdir(parents=True)
    lines = [f"{word} {n} {-n} 1" for n, word in enumerate(WORDS)]
    (folder / "vectors/own.txt").write_text("\n".join(lines) + "\n")
    header = "video_id,text,split,happiness,sadness,anger,surprise,disgust,fear"
    rows = [
        f"{split}{n},the film was {'good' if n % 2 else 'bad'},{split},{n % 2},{1 - n % 2},0,0,0,0"
        for split in ("train", "valid", "test")
        for n in range(6)
    ]
    (folder / "table.csv").write_text("\n".join([header, *rows]))
    (folder / "small.toml").write_text(
        'features.vectors = "vectors/own.txt"\nmodel.modalities = ["text"]\ntrain.epochs = 1\n'
        "model.text.known_words = 0\nmodel.text.word_bag = false\n"
        "[model.encoder]\nhidden = 8\nheads = 2\nlayers = 1\n"
    )
    monkeypatch.chdir(folder)
    return folder


def trained(project):
    command = ["train", "--data", "table.csv", "--config", "small.toml", "--out", "runs/own"]
    assert main([*command, "--device", "cpu"]) == 0
    return project / "runs/own"


def vectors_of(run):
    return json.loads((run / DESCRIPTION_FILE).read_text())["config"]["features"]["vectors"]


def with_relative_vectors(run):
    """Make the model one of an earlier version, which kept the path as it was typed."""
    about = json.loads((run / DESCRIPTION_FILE).read_text())
    about["config"]["features"]["vectors"] = "vectors/own.txt"
    write_sealed(run / DESCRIPTION_FILE, about)


def test_a_model_finds_its_vectors_from_another_folder(project, tmp_path, monkeypatch, capsys):
    run = trained(project)
    assert vectors_of(run) == str((project / "vectors/own.txt").resolve())
    monkeypatch.chdir(tmp_path)
    evaluate = ["evaluate", str(run), "--data", str(project / "table.csv"), "--device", "cpu"]
    assert main(evaluate) == 0
    with_relative_vectors(run)
    assert main(evaluate) == 0
    assert main(["evaluate", os.path.relpath(run), *evaluate[2:]]) == 0


def test_vectors_may_lie_beside_a_model_that_moved(project, tmp_path, monkeypatch, capsys):
    run = trained(project)
    moved, elsewhere = tmp_path / "moved", tmp_path / "elsewhere"
    shutil.copytree(run, moved)
    shutil.move(project / "vectors/own.txt", moved / "own.txt")
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    evaluate = ["evaluate", str(moved), "--data", str(project / "table.csv"), "--device", "cpu"]
    assert main(evaluate) == 0
    (moved / "own.txt").unlink()
    capsys.readouterr()
    assert main(evaluate) == 1
    assert "own.txt" in capsys.readouterr().err


def test_other_vectors_of_the_same_name_are_refused(project, tmp_path, monkeypatch, capsys):
    run = trained(project)
    (project / "vectors/own.txt").unlink()
    (run / "own.txt").write_text("good 1 2 3\nbad 3 2 1\n")
    monkeypatch.chdir(tmp_path)
    data = ["--data", str(project / "table.csv"), "--device", "cpu"]
    assert main(["evaluate", str(run), *data]) == 1
    assert "glove:1:" in capsys.readouterr().err


def test_a_configuration_names_files_relative_to_itself(project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ["train", "--data", "project/table.csv", "--config", "project/small.toml"]
    assert main([*command, "--out", "run", "--device", "cpu"]) == 0
    assert vectors_of(tmp_path / "run") == str((project / "vectors/own.txt").resolve())
