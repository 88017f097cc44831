"""``.csd`` files: a written file can be read by us and by the SDK; hostile files are refused."""

import contextlib
import io
import json

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mmemo.csd.reader import CsdFile
from mmemo.csd.sequence import Entry
from mmemo.csd.writer import GLUED_KEY, REQUIRED_METADATA, write_csd
from mmemo.errors import DataError


def entry(rows=3, columns=2, dtype=np.float32):
    times = np.arange(2.0 * rows).reshape(rows, 2)
    return Entry(times, np.arange(rows * columns).reshape(rows, columns).astype(dtype))


entries = st.integers(0, 5).flatmap(
    lambda n: st.builds(
        Entry,
        hnp.arrays(np.float64, (n, 2), elements=st.floats(-1e6, 1e6)),
        st.sampled_from(["f4", "f8", "i8", "S5"]).flatmap(lambda kind: hnp.arrays(kind, (n, 3))),
    )
)
ids = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1
).filter(lambda name: name.strip(".") != "")


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(ids, entries, max_size=3), st.sampled_from([None, 1, 9]))
def test_a_written_file_reads_back(tmp_path_factory, sequence, gzip):
    path = tmp_path_factory.mktemp("csd") / "x.csd"
    assert write_csd(path, "COVAREP", sequence.items(), {"creator": "us"}, gzip=gzip) == len(
        sequence
    )
    with CsdFile(path) as file:
        assert file.name == "COVAREP"
        assert set(file) == set(sequence)
        for key, rows in sequence.items():
            np.testing.assert_array_equal(file[key].intervals, rows.intervals)
            np.testing.assert_array_equal(file[key].features, rows.features)
            assert file[key].features.dtype == rows.features.dtype


def test_metadata_is_complete(tmp_path):
    write_csd(tmp_path / "x.csd", "COVAREP", [("v", entry())], {"creator": "us"})
    with CsdFile(tmp_path / "x.csd") as file:
        about = file.metadata
    assert set(REQUIRED_METADATA) | {GLUED_KEY, "uuid", "md5"} == set(about)
    assert (about["root name"], about["creator"], about["md5"]) == ("COVAREP", "us", None)


def test_the_sdk_opens_what_we_write(tmp_path):
    sequences = {
        "vid": entry(),
        "words": Entry(entry().intervals, np.array([[b"oh"], [b"sp"], [b"no"]])),
    }
    write_csd(tmp_path / "x.csd", "some features", sequences.items())
    with contextlib.redirect_stdout(io.StringIO()) as output:
        mmdatasdk = pytest.importorskip("mmsdk").mmdatasdk
        data = mmdatasdk.mmdataset({"x": str(tmp_path / "x.csd")})
        sequence = data.computational_sequences["x"]
        sequence._checkIntegrity()
    assert "is valid" in output.getvalue()
    assert "does not have all" not in output.getvalue()
    for key, rows in sequences.items():
        np.testing.assert_array_equal(sequence[key]["features"][()], rows.features)
        np.testing.assert_array_equal(sequence[key]["intervals"][()], rows.intervals)


def test_we_open_what_the_sdk_writes(tmp_path):
    with contextlib.redirect_stdout(io.StringIO()):
        mmdatasdk = pytest.importorskip("mmsdk").mmdatasdk
        sequence = mmdatasdk.computational_sequence("COVAREP")
        rows = entry()
        sequence.setData(
            {"vid": {"intervals": rows.intervals, "features": rows.features}}, "COVAREP"
        )
        sequence.setMetadata({key: "plain text" for key in REQUIRED_METADATA}, "COVAREP")
        sequence.metadata["root name"] = "COVAREP"
        sequence.deploy(str(tmp_path / "x.csd"))
    with CsdFile(tmp_path / "x.csd") as file:
        np.testing.assert_array_equal(file["vid"].features, rows.features)
        assert file.metadata["creator"] == "plain text"


@pytest.mark.shared
def test_real_files_are_read(shared):
    with CsdFile(shared / "data/CMU_MOSI_ModifiedTimestampedWords.csd") as file:
        assert len(file) == 93
        words = file["03bSnISJMiM"]
        assert words.features[:2].ravel().tolist() == [b"oh", b"sp"]
        assert file.metadata["root name"] == "CMU_MOSI_ModifiedTimestampedWords"
    with CsdFile(shared / "oracles/mmsdk/COVAREP.csd") as file:
        assert file["vidA"].features.shape == (1200, 74)
        assert file.metadata["creator"] == "x"


def made(path, build):
    with h5py.File(path, "w") as file:
        build(file)
    return path


def with_entry(**arrays):
    def build(file):
        group = file.create_group("x/data/v")
        for name, value in arrays.items():
            group[name] = value

    return build


def external(file):
    file.create_group("x/data")["v"] = h5py.ExternalLink("/etc/passwd", "/")


def soft(file):
    file.create_group("x/data/w")["intervals"] = np.zeros((1, 2))
    file["x/data/v"] = h5py.SoftLink("/x/data/v")


def outside(file):
    group = file.create_group("x/data/v")
    group["intervals"] = np.zeros((4, 2))
    group.create_dataset("features", (4, 1), "u1", external=[("/etc/passwd", 0, 4)])


def virtual(file):
    group = file.create_group("x/data/v")
    group["intervals"] = np.zeros((4, 2))
    layout = h5py.VirtualLayout((4, 1), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "y", (4, 1))
    group.create_virtual_dataset("features", layout)


def bomb(file):
    group = file.create_group("x/data/v")
    group["intervals"] = np.zeros((1, 2))
    group.create_dataset("features", (1 << 30, 1 << 6), "f4", chunks=(1 << 10, 1 << 6))


def inflating(file):
    group = file.create_group("x/data/v")
    group["intervals"] = np.zeros((1, 2))
    group.create_dataset("features", (1 << 20, 64), "f4", chunks=(1 << 10, 64), compression="gzip")


HOSTILE = {
    "a link out": (external, "link to elsewhere"),
    "a link to itself": (soft, "link to elsewhere"),
    "data elsewhere": (outside, "lies in another file"),
    "a virtual set": (virtual, "lies in another file"),
    "a shape without data": (bomb, "larger than its"),
    "zeros without end": (inflating, "larger than its"),
    "no features": (with_entry(intervals=np.zeros((1, 2))), "expected a group 'features'"),
    "one less": (with_entry(intervals=np.zeros((2, 2)), features=np.zeros((1, 3))), "one row"),
    "flat": (with_entry(intervals=np.zeros(3), features=np.zeros((3, 1))), r"intervals \(n, 2\)"),
    "times as words": (
        with_entry(intervals=np.array([[b"a", b"b"]]), features=np.zeros((1, 1))),
        r"intervals \(n, 2\)",
    ),
    "records": (
        with_entry(intervals=np.zeros((1, 2)), features=np.zeros((1, 1), [("a", "f4")])),
        "expected numbers or words",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_entry_is_refused_in_one_line(tmp_path, name):
    build, message = HOSTILE[name]
    path = made(tmp_path / "x.csd", build)
    with CsdFile(path) as file, pytest.raises(DataError, match=message) as error:
        file["v"]
    assert str(error.value).startswith(f"{path}: v: ")
    assert "\n" not in str(error.value)


def broken_metadata(file):
    file.create_group("x/data")
    file.create_group("x/metadata")["key"] = np.arange(3)


def nested(file):
    file.create_group("x/data")
    file.create_group("x/metadata")["key"] = "[" * 100_000


def test_metadata_of_others_is_text_and_broken_one_is_refused(tmp_path):
    with CsdFile(made(tmp_path / "x.csd", broken_metadata)) as file:
        with pytest.raises(DataError, match="one value"):
            len(file.metadata)
    with CsdFile(made(tmp_path / "x.csd", nested)) as file:
        assert file.metadata["key"].startswith("[[[")
    with CsdFile(made(tmp_path / "x.csd", lambda f: f.create_group("x/data"))) as file:
        assert file.metadata == {}
        assert list(file) == []
        assert "v" not in file
        with pytest.raises(KeyError):
            file["v"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a .csd"),
        (b"no hdf5 at all", "expected a .csd"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git lfs pull"),
    ],
)
def test_what_is_no_csd_is_said(tmp_path, content, message):
    (tmp_path / "x.csd").write_bytes(content)
    with pytest.raises(DataError, match=message):
        CsdFile(tmp_path / "x.csd")
    with pytest.raises(DataError, match="there is none"):
        CsdFile(tmp_path / "y.csd")
    for build in (lambda f: None, lambda f: f.create_group("x"), with_entry):
        made(
            tmp_path / "z.csd", lambda f, build=build: build(f) if build is not with_entry else None
        )
        with pytest.raises(DataError, match=r"empty|'data'"):
            CsdFile(tmp_path / "z.csd")


@pytest.mark.parametrize(
    ("sequence", "message"),
    [
        ([("a/b", entry())], "without '/'"),
        ([("", entry())], "without '/'"),
        ([("a", entry()), ("a", entry())], "occurs twice"),
        ([("a", Entry(np.zeros((2, 2)), np.zeros((1, 1))))], "one row per interval"),
        ([("a", Entry(np.zeros((1, 2)), np.array([[None]])))], "numbers or words"),
    ],
)
def test_what_has_no_place_in_a_file_leaves_the_old_one(tmp_path, sequence, message):
    path = tmp_path / "x.csd"
    write_csd(path, "x", [("old", entry())])
    with pytest.raises(DataError, match=message):
        write_csd(path, "x", sequence)
    with CsdFile(path) as file:
        assert list(file) == ["old"]
    assert [p.name for p in tmp_path.iterdir()] == ["x.csd"]
    with pytest.raises(DataError, match="root name"):
        write_csd(path, "a/b", [])


def test_a_crash_of_hdf5_is_an_error(tmp_path, monkeypatch):
    """Damaged strings make the library crash, so a separate process reads them."""
    write_csd(tmp_path / "x.csd", "x", [("v", entry())])
    program = tmp_path / "crash.py"
    program.write_text("import os\nos.abort()\n")
    monkeypatch.setattr("mmemo.csd.metadata.PROGRAM", program)
    with CsdFile(tmp_path / "x.csd") as file:
        with pytest.raises(DataError, match="HDF5 library fails"):
            len(file.metadata)
        assert len(file["v"].intervals) == 3


def test_metadata_is_json_as_the_sdk_writes_it(tmp_path):
    write_csd(tmp_path / "x.csd", "x", [("v", entry())], {"dimension names": ["a", "b"]})
    with h5py.File(tmp_path / "x.csd") as file:
        dataset = file["x/metadata/dimension names"]
        assert dataset.shape == (1,)
        assert json.loads(dataset[0]) == ["a", "b"]
