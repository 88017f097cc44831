"""Two commands that write one folder: the second is refused, or both finish with all listed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from media_files import write_media
from plain_clips import hum

from mmemo.disk.locks import lock_folder
from mmemo.errors import DataError
from mmemo.store import FeatureStore, StoreInfo
from pipelines.cli import main
from pipelines.prediction.output_folder import PredictionFolder

ROOT = Path(__file__).resolve().parents[3]
HOLDER = """
import sys
from pathlib import Path
from mmemo.store import FeatureStore, StoreInfo
with FeatureStore.writing(Path(sys.argv[1]), StoreInfo("clips")):
    print("go", flush=True)
    input()
"""


@pytest.fixture
def writer(tmp_path):
    """Write a store in another process while the test runs."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "store")]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"go\n"
    yield process
    process.kill()
    process.communicate()


def clips_of(folder):
    folder.mkdir(parents=True)
    write_media(folder / "a.wav", sound=hum, audio_codec="pcm_s16le", seconds=0.5)
    words = {"words": [{"text": "hello", "start": 0.1, "end": 0.4}]}
    (folder / "a.json").write_text(json.dumps(words))
    return folder


def test_a_second_extraction_is_refused_and_may_follow(tmp_path, writer, capsys):
    command = ["features", str(clips_of(tmp_path / "clips")), "--out", str(tmp_path / "store")]
    assert main(command) == 1
    [line] = capsys.readouterr().err.splitlines()[-1:]
    assert "expected a store that nothing else writes" in line
    writer.kill()  # its lock ends with it
    writer.wait()
    assert main(command) == 0
    assert [clip.id for clip in FeatureStore(tmp_path / "store").clips()] == ["a.wav"]


def test_a_second_folder_of_the_same_name_is_refused(tmp_path, capsys):
    store = str(tmp_path / "store")
    assert main(["features", str(clips_of(tmp_path / "one" / "clips")), "--out", store]) == 0
    manifest = (tmp_path / "store" / "clips.jsonl").read_bytes()
    assert main(["features", str(clips_of(tmp_path / "two" / "clips")), "--out", store]) == 1
    assert "two folders are two data sets" in capsys.readouterr().err
    assert (tmp_path / "store" / "clips.jsonl").read_bytes() == manifest


def test_a_foreign_folder_gets_no_lock(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DataError), FeatureStore.writing(tmp_path, StoreInfo("x")):
        pytest.fail("not reached")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_lock_is_free_after_its_block(tmp_path):
    for _ in range(2):
        with lock_folder(tmp_path, ValueError("busy")):
            with pytest.raises(ValueError, match="busy"), lock_folder(tmp_path, ValueError("busy")):
                pytest.fail("not reached")


def test_two_predictions_into_one_folder_list_all(tmp_path):
    (tmp_path / "in").mkdir()
    media = [tmp_path / "in" / f"{number}.mp4" for number in range(40)]
    for file in media:
        file.touch()
    folders = [PredictionFolder(tmp_path / "out", ["csv"], "model", media) for _ in range(2)]
    for one, other in zip(media[::2], media[1::2], strict=True):
        folders[0].write(one, [])
        folders[1].write(other, [])
    again = PredictionFolder(tmp_path / "out", ["csv"], "model", media)
    assert all(again.has(file) for file in media)
