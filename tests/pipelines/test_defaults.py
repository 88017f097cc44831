"""Defaults: the shipped model, and the amount of output."""

import shutil

import pytest
from movie_checks import frames
from plain_clips import first_clip

from mmemo.assets.shipped import find_model
from pipelines.cli import main
from pipelines.movies import drawing


@pytest.fixture
def shipped(monkeypatch, tmp_path_factory, small_run):
    """Replace the shipped model by a small one."""
    folder = tmp_path_factory.mktemp("shipped")
    shutil.copytree(small_run, folder / "default")
    monkeypatch.setattr("mmemo.assets.shipped.SHIPPED", folder)


@pytest.fixture
def none_shipped(monkeypatch, tmp_path):
    monkeypatch.setattr("mmemo.assets.shipped.SHIPPED", tmp_path / "nothing")


@pytest.fixture
def clip(corpus, tmp_path):
    shutil.copy(first_clip(corpus).with_suffix(".json"), tmp_path / "talk.json")
    return str(shutil.copy(first_clip(corpus), tmp_path / "talk.mp4"))


def test_the_shipped_model_is_the_default(shipped, clip, small_run, capsys):
    assert main(["predict", clip, "--json"]) == 0
    output = capsys.readouterr().out
    assert main(["predict", clip, "--json", "--run", str(small_run)]) == 0
    assert capsys.readouterr().out == output


@pytest.mark.parametrize("command", ["predict", "report"])
def test_without_a_shipped_model_the_error_names_the_remedy(none_shipped, command, clip, capsys):
    assert main([command, clip]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert "expected the shipped model 'default'" in line
    assert "name the folder of a model" in line


def answers_in(path):
    """Return the columns of the heading with emotion names, right of time and pose."""
    image = frames(path)[40][1][: drawing.HEADER_HEIGHT]
    return int((image[:, 250:].max(axis=2) > 90).any(axis=0).sum())


def test_inspect_shows_answers_where_there_is_a_model(shipped, clip, tmp_path, monkeypatch):
    shown = {}
    for name, options in (("with", []), ("without", ["--run", "none"])):
        out = tmp_path / f"{name}.mp4"
        assert main(["inspect", clip, "--out", str(out), *options, "--quiet"]) == 0
        shown[name] = answers_in(out)
    monkeypatch.setattr("mmemo.assets.shipped.SHIPPED", tmp_path / "nothing")
    assert main(["inspect", clip, "--out", str(tmp_path / "none.mp4"), "--quiet"]) == 0
    assert answers_in(tmp_path / "none.mp4") == shown["without"]
    assert shown["with"] > shown["without"] + 60


def test_quiet_prints_only_answers(small_run, clip, tmp_path, capfd):
    """Also of the output that native libraries write past Python."""
    run = ["--run", str(small_run), "--quiet"]
    for command, lines in (
        (["predict", clip, *run, "--json"], 1),
        (["predict", clip, *run, "--out", str(tmp_path / "out"), "--format", "mp4"], 1),
        (["report", clip, *run, "--out", str(tmp_path / "talk.html")], 1),
        (["features", clip, "--out", str(tmp_path / "store"), "--jobs", "1", "--quiet"], 1),
    ):
        assert main(command) == 0
        captured = capfd.readouterr()
        assert captured.err == "", command
        assert len(captured.out.splitlines()) == lines


@pytest.mark.parametrize("name", ["predict", "report", "inspect"])
def test_a_missing_device_is_an_error_before_anything_is_read(name, small_run, clip, capsys):
    assert main([name, clip, "--run", str(small_run), "--device", "cuda:99"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "--device cuda:99: not available" in line


def test_a_name_is_a_name_and_a_folder_a_folder(shipped, tmp_path):
    assert find_model("default").is_dir()
    assert find_model(tmp_path / "default") == tmp_path / "default"
