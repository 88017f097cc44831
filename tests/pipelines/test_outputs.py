"""Output options of the commands: what is no folder or more than one stream is refused."""

import os

import pytest

from mmemo.errors import ConfigError
from pipelines.cli import main
from pipelines.commands.predict import write_result
from pipelines.outputs import check_output, make_folder
from pipelines.prediction.many import Result
from pipelines.prediction.output_folder import PredictionFolder


@pytest.mark.parametrize("kind", ["file", "FIFO", "inside a file"])
def test_what_is_no_folder_is_refused_and_kept(tmp_path, kind):
    out = tmp_path / "out"
    if kind == "FIFO":
        os.mkfifo(out)
    else:
        out.write_text("mine")
    with pytest.raises(ConfigError, match="expected a folder"):
        make_folder(out / "below" if kind == "inside a file" else out)
    assert kind == "FIFO" or out.read_text() == "mine"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--format", "csv", "vtt"], "expected one --format"),
        (["--format", "parquet"], "expected one --format"),
        (["--format", "mp4"], "expected one --format"),
        (["other.mp4", "--format", "csv"], "expected one recording"),
    ],
)
def test_standard_output_takes_one_text(more, message, capsys):
    assert main(["predict", "talk.mp4", *more, "--out", "-"]) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


def test_a_recording_is_never_the_output_even_through_a_link(tmp_path):
    media = tmp_path / "talk.mp4"
    media.write_bytes(b"x")
    (tmp_path / "link.html").symlink_to(media)
    with pytest.raises(ConfigError, match="another file than the recording"):
        check_output(tmp_path / "link.html", media)


def test_answers_that_cannot_be_written_cost_their_recording_only(tmp_path):
    (tmp_path / "in").mkdir()
    media = [tmp_path / "in" / name for name in ("a.mp4", "b.mp4")]
    for file in media:
        file.write_bytes(b"x")
    folder = PredictionFolder(tmp_path / "out", ["jsonl"], "model", media)
    (tmp_path / "out" / "a.jsonl").mkdir()
    first, second = (write_result(Result(file, []), folder) for file in media)
    assert first.predictions is None
    assert "expected to write its answers" in first.error
    assert str(media[0]) in first.error
    assert second.predictions == []
    assert (tmp_path / "out" / "b.jsonl").is_file()
    assert folder.has(media[1])
