"""Whatever is done to a file, every reader answers with data or with one line of error."""

import io
import pickle

import numpy as np
import pytest
from foreign_files import csd_folder, hhmpn, label_csv, mmsa, mult

from mmemo.csd.reader import CsdFile
from mmemo.datasets.foreign.dataset import Tally
from mmemo.datasets.foreign.label_table import LabelTable
from mmemo.datasets.foreign.open import open_foreign
from mmemo.datasets.foreign.raw_mosei import read_raw_mosei
from mmemo.errors import MmemoError
from mmemo.untrusted.torch_file import load_plain

ROUNDS = 60


def damaged(content, random):
    """Yield the file with bytes flipped, cut, doubled, moved, or of any kind."""
    size = len(content)
    for round_ in range(ROUNDS):
        data = bytearray(content)
        # Headers and program bytes lie mostly at both ends, so half of the damage goes there.
        reach = size if round_ % 2 else min(size, 2000)
        match round_ % 6:
            case 0 | 1 | 2 | 3:
                for place in random.integers(0, reach, 1 + round_ // 4):
                    data[place if random.random() < 0.7 else size - 1 - place] = random.integers(
                        256
                    )
            case 4:
                del data[random.integers(0, size) :]
            case 5:
                start, end = np.sort(random.integers(0, size, 2))
                at = random.integers(0, size)
                data[at:at] = data[start:end] if random.random() < 0.5 else random.bytes(50)
        yield bytes(data)
    yield from (b"", random.bytes(300), content[: size // 2], content * 2)


def survives(read, path, content, seed=0):
    """Damage a file in many ways and read it; count how often it was still readable."""
    random, good = np.random.default_rng(seed), 0
    for data in damaged(content, random):
        path.write_bytes(data)
        message = outcome(read)
        good += message is None
        assert message is None or "\n" not in message
        assert message is None or "/test_" in message  # it names the file
    return good


def outcome(read):
    """Run it; give the error's message, None if there was none."""
    try:
        read()
    except MmemoError as error:
        return str(error)
    return None


def read_all(path, **options):
    for clip in open_foreign(path, **options).make(Tally()):
        for features in clip.features.values():
            assert np.isfinite(features.values).all()


@pytest.mark.parametrize("make", [mmsa, mult, hhmpn, lambda p: hhmpn(p, zipped=False)])
def test_pickles_and_torch_files(tmp_path, make):
    path = tmp_path / "x.pkl"
    make(path)
    survives(lambda: read_all(path), path, path.read_bytes())


def test_small_pickles_whose_every_byte_is_program(tmp_path):
    path = tmp_path / "x.pkl"
    value = {"a": [1, 2.5, None, ("x", b"y")], "b": np.arange(3), "c": {1: {2: "three"}}}
    for protocol in range(6):
        content = pickle.dumps(value, protocol)
        assert load_plain_of(path, content)
        for seed in range(3):
            survives(lambda: load_plain(path), path, content, seed)


def load_plain_of(path, content):
    path.write_bytes(content)
    return load_plain(path)


def test_csd_files(tmp_path):
    csd_folder(tmp_path, count=1, seconds=2.5)
    path = tmp_path / "labels/CMU_MOSEI_Labels.csd"
    content = path.read_bytes()

    def read():
        with CsdFile(path) as file:
            for entry_id in file:
                file[entry_id]

    survives(read, path, content)
    path.write_bytes(content[:-9000])
    assert "truncated" in outcome(lambda: read_all(tmp_path))


def test_label_files(tmp_path):
    path = tmp_path / "label.csv"
    label_csv(path, [(f"v{k}", k, k, k + 1) for k in range(20)])
    content = path.read_bytes()
    assert survives(lambda: LabelTable.read(path), path, content) > 0
    names = ("happiness", "sadness", "anger", "surprise", "disgust", "fear")
    turk = io.StringIO()
    turk.write("HITId,Input.VIDEO_ID,Input.CLIP," + ",".join(f"Answer.{n}" for n in names) + "\n")
    for k in range(30):
        turk.write(f"x,v{k // 3},{k % 2}," + ",".join(str((k + j) % 4) for j in range(6)) + "\n")
    survives(lambda: LabelTable.read(path), path, turk.getvalue().encode())


def test_transcripts(tmp_path):
    folder = tmp_path / "Raw/Transcript/Segmented/Combined"
    folder.mkdir(parents=True)
    (tmp_path / "Raw/Videos").mkdir()
    (tmp_path / "Raw/Videos/ab.mp4").write_bytes(b"x")
    lines = [f"ab___{k}___{k}.0___{k + 1}.5___good words here" for k in range(9)]
    path = folder / "ab.txt"
    survives(lambda: read_raw_mosei(tmp_path / "Raw"), path, "\n".join(lines).encode())


def deep():
    nested = []
    for _ in range(100_000):
        nested = [nested]
    return nested


STRANGE = [
    None, 7, -1.5, "text", b"bytes", [], {}, (), [[1], [2, 3]], {"a": 1}, True,
    np.array(5), np.zeros((2, 2), dtype=object), np.array(["a", "b"]), np.zeros((4, 6, 0)),
    np.full((4, 6, 74), np.nan), np.zeros((4, 0, 74)), np.array([[["x"]]]), [None] * 4,
    [np.inf] * 4, np.full((4, 1, 1), np.inf), np.full((4, 6), 1e300), np.zeros((4, 3), "S1"),
]  # fmt: skip


@pytest.mark.parametrize("make", [mmsa, mult, hhmpn])
def test_strange_things_in_their_places(tmp_path, monkeypatch, make):
    path = tmp_path / "x.pkl"
    label_csv(tmp_path / "label.csv", [("v", 0, 0, 1)])
    make(path)
    data, options = load_plain(path), {"labels": tmp_path / "label.csv"}
    loaded = {}
    monkeypatch.setattr("mmemo.datasets.foreign.open.load_plain", lambda _: loaded["data"])
    whole = data.pop("train")
    for key in [None, *whole]:
        for strange in [*STRANGE, deep()]:
            loaded["data"] = {"train": strange if key is None else {**whole, key: strange}}
            message = outcome(lambda: read_all(path, **options))
            assert message is None or "\n" not in message
