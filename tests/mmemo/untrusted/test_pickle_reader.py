"""Pickles and torch files are read as data or refused; nothing in them is run."""

import argparse
import collections
import io
import os
import pickle
import pickletools
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mmemo.errors import DataError
from mmemo.untrusted.pickle_reader import load_pickle
from mmemo.untrusted.torch_file import load_plain


def same(ours, theirs):
    assert type(ours) is type(theirs)
    if isinstance(theirs, np.ndarray):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        if theirs.dtype.kind == "O":
            for one, other in zip(ours.ravel(), theirs.ravel(), strict=True):
                same(one, other)
        else:
            np.testing.assert_array_equal(ours, theirs)
    elif isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        for key in theirs:
            same(ours[key], theirs[key])
    elif isinstance(theirs, list | tuple):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            same(one, other)
    else:
        assert ours == theirs or ours != ours


numbers = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats()
plain = numbers | st.text(max_size=9) | st.binary(max_size=9)
arrays = hnp.arrays(
    st.sampled_from([np.float32, np.float64, ">f4", np.int64, np.uint8, bool, "U3", "S2"]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
data = st.recursive(
    plain | arrays,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(data, st.integers(0, 5))
def test_any_plain_data_comes_back(tmp_path_factory, value, protocol):
    path = tmp_path_factory.mktemp("pickle") / "data.pkl"
    path.write_bytes(pickle.dumps(value, protocol))
    same(load_pickle(path), value)


def test_contents_of_published_files_come_back(tmp_path):
    shared = np.arange(6.0).reshape(2, 3)
    value = {
        "ids": np.array([["abc", 1.5], [None, [1, 2]]], dtype=object),
        "fortran": np.asfortranarray(np.random.default_rng(0).random((300, 400))),
        "scalar": np.float32(1.5),
        "twice": [shared, shared],
        "set": {1, "a"},
        "frozen": frozenset([1, 2]),
        "bytes": b"x" * 70_000,
    }
    for protocol in range(6):
        (tmp_path / "x.pkl").write_bytes(pickle.dumps(value, protocol))
        loaded = load_pickle(tmp_path / "x.pkl")
        assert loaded["scalar"] == np.float32(1.5)
        assert loaded["set"] == {1, "a"}
        assert loaded["frozen"] == {1, 2}
        assert bytes(loaded["bytes"]) == bytes(value["bytes"])
        for key in ("ids", "fortran"):
            same(loaded[key], value[key])
        for array in loaded["twice"]:
            same(array, shared)


@pytest.mark.parametrize("zipped", [True, False])
def test_torch_files_come_back_as_arrays(tmp_path, zipped):
    tensor = torch.randn(3, 4, 5)
    saved = {
        "a": tensor,
        "turned": tensor[1:].transpose(0, 2),
        "flags": torch.tensor([True, False]),
        "none": torch.zeros(0, 3),
        "tgt": [[2, 4, 3], [2, 3]],
        "settings": argparse.Namespace(length=60),
        "names": collections.OrderedDict(happy=4),
        "array": np.arange(4.0),
    }
    torch.save(saved, tmp_path / "x.pt", _use_new_zipfile_serialization=zipped)
    loaded = load_plain(tmp_path / "x.pt")
    assert loaded["settings"] == {"length": 60}
    assert loaded["names"] == {"happy": 4}
    assert loaded["tgt"] == saved["tgt"]
    for key in ("a", "turned", "flags", "none"):
        same(loaded[key], saved[key].numpy())
    same(loaded["array"], saved["array"])


class Runs:
    """An element of a hostile file: unpickling it would call a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def hostile(folder):
    """Yield files that would run code, by name."""
    flag = str(folder / "was run")
    yield "system", Runs(os.system, f"touch '{flag}'")
    yield "exec", Runs(exec, f"open({flag!r}, 'w')")
    yield "open", Runs(open, flag, "w")
    yield "eval in a list", [1, {"deep": (Runs(eval, f"open({flag!r}, 'w')"),)}]
    yield "import", Runs(__import__, "os")
    yield "getattr", Runs(getattr, "x", "upper")
    yield "memory map", Runs(np.memmap, flag, "u1", "w+", 0, (4,))
    yield "load within", Runs(pickle.loads, b"N.")
    yield "partial", __import__("functools").partial(os.remove, flag)
    yield "class", Runs
    yield "module", __import__("operator").attrgetter("x")


def hostile_names():
    from pathlib import Path

    return [name for name, _ in hostile(Path())]


@pytest.mark.parametrize("protocol", [0, 2, 5])
@pytest.mark.parametrize("name", hostile_names())
def test_code_is_refused_in_one_line_and_not_run(tmp_path, name, protocol):
    value = dict(hostile(tmp_path))[name]
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps(value, protocol))
    with pytest.raises(DataError, match="only plain data is read") as error:
        load_plain(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)
    assert not (tmp_path / "was run").exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_torch_files_is_refused(tmp_path, zipped):
    saved = {"train": torch.zeros(2), "x": Runs(os.system, f"touch '{tmp_path / 'was run'}'")}
    torch.save(saved, tmp_path / "evil.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(DataError, match=r"asks to load posix.system"):
        load_plain(tmp_path / "evil.pt")
    assert not (tmp_path / "was run").exists()


def array_pickle(shape, dtype="f8", raw=b"x" * 16):
    """Write an array's pickle by hand, with a shape that need not be true."""
    real = pickle.dumps(np.frombuffer(b"x" * 16, dtype), 2)
    assert pickle.loads(real).shape == (2,)
    state = pickle.dumps((1, shape, np.dtype(dtype), False, raw), 2)[2:-1]
    head = b"\x80\x02cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
    return head + state + b"b."


GIGANTIC = {
    "array": array_pickle((1 << 40,)),
    "array of no bytes": array_pickle((1 << 40, 1 << 20), raw=b""),
    "negative": array_pickle((-4, -4)),
    "text": b"\x80\x04\x8d" + struct.pack("<Q", 1 << 40) + b"x.",
    "bytes": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 62) + b".",
    "bytes of the old kind": b"\x80\x03B" + struct.pack("<I", 0xFFFFFFF0) + b".",
    "integer": b"\x80\x02\x8b" + struct.pack("<I", 1 << 30) + b"\x01" * 64 + b".",
    "digits": b"I" + b"9" * 100_000 + b"\n.",
    "dtype": pickle.dumps(np.dtype("f8"), 2).replace(b"f8", b"V8"),
    "text dtype": b"\x80\x02cnumpy\ndtype\nX\x0b\x00\x00\x00U9999999999\x85R.",
    "copies": (
        b"\x80\x02](" + b"N" * 5000 + b"eq\x00(" + b"cbuiltins\nlist\nh\x00\x85R" * 4000 + b"t."
    ),
    "objects": b"\x80\x02](" + b"N" * 5000 + b"eq\x00(" + b"h\x00" * 5000 + b"t.",
}


@pytest.mark.parametrize("name", GIGANTIC)
def test_sizes_that_are_not_there_are_refused_before_they_are_taken(tmp_path, name):
    path = tmp_path / "big.pkl"
    path.write_bytes(GIGANTIC[name])
    tracemalloc.start()
    try:
        if name == "objects":  # many references to one list cost nothing
            assert len(load_pickle(path)) == 5000
        else:
            with pytest.raises(DataError) as error:
                load_pickle(path)
            assert "\n" not in str(error.value)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def rebuilt(size, stride, offset=0):
    """A torch file with a tensor whose size and strides are made up."""
    buffer = io.BytesIO()
    torch.save(torch.arange(6.0), buffer)
    members = {}
    with zipfile.ZipFile(buffer) as archive:
        for info in archive.infolist():
            members[info.filename] = archive.read(info)
    name = next(key for key in members if key.endswith("data.pkl"))
    text = members[name]
    old = pickle.dumps((0, (6,), (1,)), 2)[2:-1]
    start = text.index(b"K\x00K\x06\x85")
    assert old
    made = (
        b"J" + struct.pack("<i", offset)
        + pickle.dumps(tuple(size), 2)[2:-1] + pickle.dumps(tuple(stride), 2)[2:-1]
    )  # fmt: skip
    end = text.index(b"K\x01\x85", start) + 3
    rest = text[end:]
    members[name] = text[:start] + made + rest[rest.index(b"\x89") :]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for key, value in members.items():
            archive.writestr(key, value)
    return out.getvalue()


@pytest.mark.parametrize(
    ("size", "stride", "offset"),
    [((1 << 30, 1 << 10), (0, 0), 0), ((6,), (1,), 1), ((2, 3), (3, 2), 0), ((6,), (-1,), 5)],
)
def test_tensors_that_reach_beyond_their_storage_are_refused(tmp_path, size, stride, offset):
    (tmp_path / "x.pt").write_bytes(rebuilt(size, stride, offset))
    with pytest.raises(DataError, match="tensor"):
        load_plain(tmp_path / "x.pt")
    (tmp_path / "x.pt").write_bytes(rebuilt((2, 3), (1, 2)))
    np.testing.assert_array_equal(load_plain(tmp_path / "x.pt"), [[0, 2, 4], [1, 3, 5]])


def test_a_packed_torch_file_is_refused(tmp_path):
    """It could unpack to any size."""
    with zipfile.ZipFile(tmp_path / "x.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + b"0" * 100_000)
    with pytest.raises(DataError, match="is compressed"):
        load_plain(tmp_path / "x.pt")


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x02", b"PK\x03\x04", b"\x80\x04N"])
def test_what_is_no_pickle_is_said_in_one_line(tmp_path, content):
    path = tmp_path / "x.pkl"
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        load_plain(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    with pytest.raises(DataError, match="No such file"):
        load_plain(tmp_path / "nothing.pkl")


def test_every_opcode_of_plain_data_is_known():
    """What is left out makes objects, runs code, or reaches outside of the file."""
    from mmemo.untrusted.pickle_reader import _OPERATIONS

    left_out = {op.name for op in pickletools.opcodes if ord(op.code) not in _OPERATIONS}
    assert left_out == {
        "EXT1", "EXT2", "EXT4", "INST", "NEXT_BUFFER", "OBJ", "PERSID",
        "READONLY_BUFFER", "STOP",
    }  # fmt: skip


@pytest.mark.parametrize("dtype", ["<U2", ">U2"])
def test_text_of_characters_that_do_not_exist_is_refused(tmp_path, dtype):
    """Python itself fails on such a string, when it is looked at."""
    content = pickle.dumps(np.array(["ab", "cd"], dtype), 4)
    old = np.array(["ab"], dtype).tobytes()
    assert old in content
    (tmp_path / "x.pkl").write_bytes(content.replace(old, b"\xff" * len(old)))
    with pytest.raises(DataError, match="characters that do not exist"):
        load_pickle(tmp_path / "x.pkl")


def test_what_is_nested_very_deep_neither_hangs_nor_crashes(tmp_path):
    """Python's own stack would overflow on the hash of such a tuple."""
    path, depth = tmp_path / "x.pkl", 150_000
    path.write_bytes(b"\x80\x02" + b"]" * depth + b"a" * (depth - 1) + b".")
    assert len(load_pickle(path)) == 1
    path.write_bytes(b"\x80\x02})" + b"\x85" * depth + b"Ns.")
    with pytest.raises(DataError, match="a key other than a number or text"):
        load_pickle(path)
    path.write_bytes(b"\x80\x04\x8f()" + b"\x85" * depth + b"\x90.")
    with pytest.raises(DataError, match="a key other than a number or text"):
        load_pickle(path)
