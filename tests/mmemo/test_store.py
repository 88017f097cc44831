import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save

from mmemo.errors import DataError, FeatureError
from mmemo.features import Clip, ClipFeatures, Features, Word
from mmemo.files import write_atomically
from mmemo.store import FeatureStore, StoreInfo


def clip_features(clip_id="a", seed=0, **about):
    rng = np.random.default_rng(seed)
    starts = np.arange(5.0)
    audio = Features(
        rng.normal(size=(5, 3)),
        np.column_stack([starts, starts + 1]),
        rng.random(5) < 0.5,
        ("x", "y", "z"),
        "covarep:1:0",
    )
    clip = Clip(
        clip_id, "video", words=(Word("hello", 0.1, 0.4, 0.9), Word("you", 0.5, 0.7)), **about
    )
    return ClipFeatures(clip, {"audio": audio}, {"visual": "no face found"})


@pytest.fixture
def store(tmp_path):
    return FeatureStore.create(tmp_path / "store", StoreInfo("demo", demonstration=True))


def test_what_is_written_is_read_back(store):
    written = clip_features(split="train", intensities=(1.0, 0, 0, 0, 0, 0.3333))
    store.write(written, "key")
    store.write_manifest([written.clip])
    (read,) = store
    assert read.clip == written.clip
    assert read.absent == written.absent
    stored, expected = read.features["audio"], written.features["audio"]
    assert (stored.names, stored.source) == (expected.names, expected.source)
    assert (stored.values == expected.values).all()
    assert (stored.times == expected.times).all()
    assert (stored.valid == expected.valid).all()
    assert store.info() == StoreInfo("demo", demonstration=True)


def test_a_clip_with_nothing_in_it_can_be_stored(store):
    store.write(ClipFeatures(Clip("a", "v", words=()), {}, {"text": "none"}), "key")
    store.write_manifest([Clip("a", "v")])
    (read,) = store
    assert read.features == {}
    assert read.clip.words == ()


def test_has_tells_by_key(store):
    store.write(clip_features(), "one")
    assert store.has("a", "one")
    assert not store.has("a", "two")
    assert not store.has("b", "one")


def test_labels_may_change_without_extraction(store):
    store.write(clip_features(), "key")
    store.write_manifest([Clip("a", "v", split="test", intensities=(0, 3, 0, 0, 0, 0))])
    (read,) = store
    assert read.clip.split == "test"
    assert read.clip.intensities == (0, 3, 0, 0, 0, 0)
    assert [word.text for word in read.clip.words] == ["hello", "you"]


@settings(max_examples=60)
@given(ids=st.lists(st.text(min_size=1), min_size=1, max_size=6, unique=True))
def test_no_id_leads_out_of_the_store_and_no_two_share_a_file(ids, tmp_path_factory):
    store = FeatureStore(tmp_path_factory.getbasetemp() / "any")
    paths = [store.path_of(clip_id) for clip_id in [*ids, "..", "../x", "/etc/passwd", "a\0b"]]
    assert all(path.parent == store.folder / "clips" for path in paths)
    assert all(len(path.name) < 200 for path in paths)
    known = {*ids, "..", "../x", "/etc/passwd", "a\0b"}
    assert len(set(paths)) == len(known)


@pytest.mark.parametrize("cut", [0, 7, 100, -1])
def test_a_file_cut_short_is_noticed(store, cut):
    store.write(clip_features(), "key")
    path = store.path_of("a")
    path.write_bytes(path.read_bytes()[:cut])
    assert not store.has("a", "key") or cut == -1
    with pytest.raises(FeatureError, match="run `mmemo features` again"):
        store.read(Clip("a", "video"))


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "precious.txt").write_text("x")
    with pytest.raises(DataError, match="choose another --out"):
        FeatureStore.create(tmp_path, StoreInfo("demo"))
    assert os.listdir(tmp_path) == ["precious.txt"]


def test_another_data_set_is_not_mixed_in(store):
    with pytest.raises(DataError, match="expected features of 'other', got those of 'demo'"):
        FeatureStore.create(store.folder, StoreInfo("other"))


def test_an_unfinished_store_says_how_to_go_on(store):
    with pytest.raises(DataError, match="has not finished"):
        store.clips()


@pytest.mark.parametrize("text", ["", "[]", '{"format": 99}', '{"format": 1, "odd": 2}', "\xff"])
def test_a_broken_description_is_one_line(store, text):
    (store.folder / "store.json").write_text(text, encoding="latin-1")
    with pytest.raises(DataError) as error:
        store.info()
    assert "\n" not in str(error.value)


def test_a_broken_manifest_names_its_line(store):
    (store.folder / "clips.jsonl").write_text(json.dumps({"id": "a"}) + "\n")
    with pytest.raises(DataError, match="line 1"):
        store.clips()


def written(folder):
    """Return a store with two clips, and the bytes of each of its files."""
    store = FeatureStore.create(folder, StoreInfo("demo"))
    clips = [clip_features(name, seed, intensities=(1.0,) * 6) for seed, name in enumerate("ab")]
    for clip in clips:
        store.write(clip, "key")
    store.write_manifest([clip.clip for clip in clips])
    files = [path for path in folder.rglob("*") if path.is_file()]
    return store, {path: path.read_bytes() for path in files}


def read_whole(store):
    return list(store)


def refusal(store):
    with pytest.raises((DataError, FeatureError)) as error:
        read_whole(store)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_equal_clips_have_equal_bytes(tmp_path):
    files = [list(written(tmp_path / name)[1].values()) for name in ("one", "two")]
    assert sorted(files[0]) == sorted(files[1])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return written(tmp_path_factory.mktemp("whole") / "store")


@given(st.data())
def test_no_flipped_bit_goes_unnoticed(whole, data):
    store, files = whole
    for path, content in files.items():
        path.write_bytes(content)
    path = data.draw(st.sampled_from(sorted(files)))
    damaged = bytearray(files[path])
    place = data.draw(st.integers(0, len(damaged) - 1))
    damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(damaged)
    assert path.name in refusal(FeatureStore(store.folder))
    if path.suffix == ".safetensors":
        assert not store.has(path.stem, "key")


@pytest.mark.parametrize("cut", [0, 1, -1])
def test_a_manifest_cut_at_the_end_of_a_line_is_noticed(tmp_path, cut):
    store, _ = written(tmp_path / "store")
    manifest = tmp_path / "store" / "clips.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    manifest.write_bytes(b"".join(lines[:1] + lines[2:] if cut == 1 else lines[: 2 + cut]))
    assert "clips.jsonl" in refusal(store)


def test_new_features_under_an_old_manifest_are_not_mixed(tmp_path):
    """As a killed run that extracts again leaves them."""
    store, _ = written(tmp_path / "store")
    store.write(clip_features("a", 7), "key")
    assert "run `mmemo features` again to resume" in refusal(FeatureStore(tmp_path / "store"))
    assert store.has("a", "key")


def test_a_store_of_an_earlier_version_is_read(tmp_path):
    store, _ = written(tmp_path / "store")
    clips = list(store)
    for path in (tmp_path / "store" / "clips").iterdir():
        with safe_open(path, framework="numpy") as file:
            description = json.loads(file.metadata()["clip"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        del description["sha256"]
        metadata = {"key": description.pop("key"), "clip": json.dumps(description)}
        path.write_bytes(save(tensors, metadata=metadata))
    manifest = tmp_path / "store" / "clips.jsonl"
    lines = [json.loads(line) for line in manifest.read_text().splitlines()[1:]]
    lines = [{name: value for name, value in line.items() if name != "sha256"} for line in lines]
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "store" / "store.json").write_text('{"format": 1, "dataset": "demo"}')
    assert FeatureStore.create(tmp_path / "store", StoreInfo("demo")).has("a", "key")
    for read, expected in zip(FeatureStore(tmp_path / "store"), clips, strict=True):
        assert read.clip == expected.clip
        assert (read.features["audio"].values == expected.features["audio"].values).all()


def test_two_folders_of_one_name_are_two_data_sets(tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "moved").mkdir()
    store = tmp_path / "store"
    FeatureStore.create(store, StoreInfo("clips", source=str(tmp_path / "here")))
    with pytest.raises(DataError, match="two folders are two data sets"):
        FeatureStore.create(store, StoreInfo("clips", source=str(tmp_path / "moved")))
    (tmp_path / "here").rmdir()
    moved = StoreInfo("clips", source=str(tmp_path / "moved"))
    assert FeatureStore.create(store, moved).info() == moved


@pytest.mark.parametrize(
    "files", [["clips/a.mp4"], ["notes.txt"], ["clips/a.safetensors", "b.csv"]]
)
def test_what_is_no_beginning_of_a_store_is_left_alone(tmp_path, files):
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    with pytest.raises(DataError, match="choose another --out"):
        FeatureStore.create(tmp_path, StoreInfo("demo"))
    assert not (tmp_path / "store.json").exists()


def test_a_store_that_lost_its_description_keeps_its_clips(tmp_path):
    written(tmp_path / "store")
    (tmp_path / "store" / "store.json").unlink()
    store = FeatureStore.create(tmp_path / "store", StoreInfo("demo"))
    assert store.has("a", "key")


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import numpy as np
from mmemo.features import Clip, ClipFeatures, Features
from mmemo.store import FeatureStore
store = FeatureStore(Path(sys.argv[1]))
rows = 20000
times = np.column_stack([np.arange(rows), np.arange(rows) + 1.0])
features = Features(np.ones((rows, 10)), times, np.ones(rows), tuple("abcdefghij"), "t:1:0")
print("go", flush=True)
for number in range(10**6):
    store.write(ClipFeatures(Clip(f"c{number % 20}", "v"), {"audio": features}, {}), "key")
"""


def test_a_killed_writer_leaves_no_unreadable_clip(store):
    root = Path(__file__).resolve().parents[2]
    for delay_s in (0.05, 0.11, 0.23):
        command = [sys.executable, "-c", WRITER, str(store.folder), str(root)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout.readline() == b"go\n"
            time.sleep(delay_s)
            writer.send_signal(signal.SIGKILL)
        whole = list((store.folder / "clips").glob("[!.]*.safetensors"))
        assert whole
        for path in whole:
            assert len(store.read(Clip(path.stem, "v")).features["audio"]) == 20000


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "f"
    write_atomically(path, b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["f"]
