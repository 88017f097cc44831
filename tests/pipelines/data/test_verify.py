"""``mmemo data verify``: every damaged item is named, and a damaged clip is extracted again."""

import json
import shutil

import numpy as np
import pytest
from media_files import write_media
from plain_clips import hum
from planted import planted_dataset

from mmemo.store import FeatureStore, StoreInfo
from pipelines.cli import main
from pipelines.training.state import STATE_FILE


def planted_store(folder):
    store = FeatureStore.create(folder, StoreInfo("planted"))
    clips = planted_dataset(4, 2, 2).clips
    for clip in clips:
        store.write(clip, "key", durable=False)
    store.write_manifest([clip.clip for clip in clips])
    return folder


def flip(path, place=-1, bit=0):
    damaged = bytearray(path.read_bytes())
    damaged[place] ^= 1 << bit
    path.write_bytes(damaged)


def verified(folder, capsys):
    capsys.readouterr()
    code = main(["data", "verify", str(folder), "--quiet"])
    return code, capsys.readouterr().out.splitlines()


def test_an_intact_store_and_an_intact_run(tmp_path, planted_run, capsys):
    code, lines = verified(planted_store(tmp_path / "store"), capsys)
    assert (code, lines) == (0, [f"{tmp_path / 'store'}: 10 files intact, 0 damaged"])
    assert verified(planted_run, capsys) == (0, [f"{planted_run}: 2 files intact, 0 damaged"])


def test_every_damaged_clip_is_named(tmp_path, capsys):
    store = planted_store(tmp_path / "store")
    for name in ("train0", "test1"):
        flip(store / "clips" / f"{name}.safetensors")
    (store / "clips" / "valid0.safetensors").unlink()
    code, lines = verified(store, capsys)
    assert code == 1
    assert lines[-1].endswith("7 files intact, 3 damaged")
    for line, name in zip(lines, ("train0", "valid0", "test1"), strict=False):
        assert line.startswith(f"damaged: {store / 'clips' / name}.safetensors: ")


@pytest.mark.parametrize("file", ["store.json", "clips.jsonl"])
def test_damaged_lists_are_named_beside_damaged_clips(tmp_path, capsys, file):
    store = planted_store(tmp_path / "store")
    flip(store / file, 100)
    flip(store / "clips" / "train0.safetensors")
    code, lines = verified(store, capsys)
    assert code == 1
    for name in (file, "train0.safetensors"):
        assert any(name in line for line in lines)


@pytest.mark.parametrize("file", ["checkpoint.json", "model.safetensors"])
def test_a_damaged_run(tmp_path, planted_run, capsys, file):
    run = shutil.copytree(planted_run, tmp_path / "run")
    flip(run / file, 300)
    code, lines = verified(run, capsys)
    assert code == 1
    assert lines[0].startswith(f"damaged: {run / file}: ")
    (run / file).unlink()
    assert verified(run, capsys)[0] == 1


def test_a_damaged_state_of_training(tmp_path, capsys):
    (tmp_path / STATE_FILE).write_bytes(b"nothing")
    code, lines = verified(tmp_path, capsys)
    assert code == 1
    assert STATE_FILE in lines[0]


def test_a_folder_of_something_else(tmp_path, capsys):
    assert main(["data", "verify", str(tmp_path)]) == 1
    assert main(["data", "verify", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().err.count("it is neither") == 2


def test_a_run_of_an_earlier_version_has_nothing_to_compare(tmp_path, planted_run, capsys):
    run = shutil.copytree(planted_run, tmp_path / "run")
    description = json.loads((run / "checkpoint.json").read_text())
    del description["sha256"], description["parts"]
    (run / "checkpoint.json").write_text(json.dumps({**description, "format": 2}))
    code, lines = verified(run, capsys)
    assert code == 0
    assert lines[-1].startswith("2 files of an earlier version")


@pytest.fixture
def hums(tmp_path):
    """Return a folder with two sounds and their words."""
    folder = tmp_path / "hums"
    folder.mkdir()
    for name in ("a", "b"):
        write_media(folder / f"{name}.wav", sound=hum, audio_codec="pcm_s16le", seconds=0.5)
        words = {"words": [{"text": "hello", "start": 0.1, "end": 0.4}]}
        (folder / f"{name}.json").write_text(json.dumps(words))
    return folder


def test_a_damaged_clip_is_extracted_again(tmp_path, hums, capsys):
    out = tmp_path / "store"
    assert main(["features", str(hums), "--out", str(out)]) == 0
    clip = out / "clips" / "a.wav.safetensors"
    whole = clip.read_bytes()
    rng = np.random.default_rng(0)
    for place, bit in zip(rng.integers(len(whole), size=5), rng.integers(8, size=5), strict=True):
        flip(clip, place, bit)
        assert main(["features", str(hums), "--out", str(out)]) == 0
        assert "1 clips extracted, 1 were there already" in capsys.readouterr().out
        assert clip.read_bytes() == whole


@pytest.mark.parametrize("file", ["store.json", "clips.jsonl"])
def test_a_damaged_list_is_made_again_and_no_clip_is_lost(tmp_path, hums, capsys, file):
    out = tmp_path / "store"
    assert main(["features", str(hums), "--out", str(out)]) == 0
    whole = (out / file).read_bytes()
    flip(out / file, 60, 7)
    assert main(["data", "verify", str(out)]) == 1
    if file == "store.json":  # the message says so
        assert "delete it" in capsys.readouterr().out
        (out / file).unlink()
    assert main(["features", str(hums), "--out", str(out)]) == 0
    assert "0 clips extracted, 2 were there already" in capsys.readouterr().out
    assert (out / file).read_bytes() == whole
