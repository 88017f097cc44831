"""Output options of the commands: what is no folder or more than one stream is refused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmemo.errors import ConfigError
from pipelines.cli import main
from pipelines.commands.predict import write_result
from pipelines.outputs import check_output, make_folder
from pipelines.prediction.output_folder import LIST_FILE, OLD_LIST_FILE, PredictionFolder
from pipelines.prediction.request import Result

ROOT = Path(__file__).resolve().parents[2]


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


LISTING = """
import sys
from pathlib import Path
from pipelines.prediction.output_folder import PredictionFolder
out, *media = map(Path, sys.argv[1:])
folder = PredictionFolder(out, ["jsonl"], "model", media)
print("ready", flush=True)
sys.stdin.readline()
for file in media:
    folder.write(file, [])
"""


def recordings(folder, names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"x")
    return [folder / name for name in names]


def test_two_processes_list_all_their_recordings(tmp_path):
    media = recordings(tmp_path / "in", [f"{n}.mp4" for n in range(40)])
    command = [sys.executable, "-c", LISTING, str(tmp_path / "out")]
    both = [
        subprocess.Popen(
            [*command, *map(str, part)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for part in (media[::2], media[1::2])
    ]
    for process in both:
        process.stdout.readline()  # both have read the list before either writes
    for process in both:
        process.communicate(b"\n", timeout=60)
        assert process.returncode == 0
    folder = PredictionFolder(tmp_path / "out", ["jsonl"], "model", media)
    assert all(folder.has(file) for file in media)
    assert [path.name for path in (tmp_path / "out").glob(".*")] == [LIST_FILE]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_list_that_was_cut_short_goes_on(tmp_path, cut):
    first, second, third = recordings(tmp_path / "in", ["a.mp4", "b.mp4", "c.mp4"])
    arguments = tmp_path / "out", ["jsonl"], "model", [first, second, third]
    folder = PredictionFolder(*arguments)
    folder.write(first, [])
    folder.write(second, [])
    listed = tmp_path / "out" / LIST_FILE
    listed.write_bytes(listed.read_bytes()[:-cut])
    folder = PredictionFolder(*arguments)
    assert folder.has(first)
    assert folder.has(second) == (cut == 1)  # only the end of the line is missing
    folder.write(third, [])
    folder = PredictionFolder(*arguments)
    assert folder.has(first)
    assert folder.has(third)


def test_the_list_of_an_earlier_version_is_read(tmp_path):
    (media,) = recordings(tmp_path / "in", ["a.mp4"])
    folder = PredictionFolder(tmp_path / "out", ["jsonl"], "model", [media])
    folder.write(media, [])
    (tmp_path / "out" / LIST_FILE).rename(tmp_path / "out" / OLD_LIST_FILE)
    assert PredictionFolder(tmp_path / "out", ["jsonl"], "model", [media]).has(media)


def test_a_sound_beside_a_video_of_its_name_gets_files_of_its_own(tmp_path):
    media = recordings(tmp_path / "in", ["talk.mp4", "talk.wav", "talk.x.mp4"])
    folder = PredictionFolder(tmp_path / "out", ["csv"], "model", [*media, media[0]])
    for file in media:
        assert not folder.has(file)
        folder.write(file, [])
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {LIST_FILE, "talk.csv", "talk.wav.csv", "talk.x.csv"}
    folder = PredictionFolder(tmp_path / "out", ["csv"], "model", media)
    assert all(folder.has(file) for file in media)


def test_recordings_of_one_name_from_two_folders_are_refused(tmp_path):
    *media, third = [recordings(tmp_path / name, ["talk.mp4"])[0] for name in ("a", "b", "c")]
    with pytest.raises(ConfigError, match="same file as") as caught:
        PredictionFolder(tmp_path / "out", ["csv"], "model", [*media, third])
    assert str(third) in str(caught.value)
