"""Files that are made to be slow to read: the time grows with their size, and sizes are limited."""

import gzip
import pickle
import zipfile
from contextlib import suppress

import pytest
from growth import check_growth

from mmemo.config import Config
from mmemo.config.toml import LARGEST_DEPTH, LARGEST_TOML_BYTES, parse_toml, read_toml
from mmemo.datasets import csv_rows
from mmemo.datasets.csv_rows import read_rows
from mmemo.errors import ConfigError, DataError
from mmemo.untrusted.pickle_reader import MAX_LOOSE_KEYS, load_pickle
from mmemo.untrusted.torch_file import load_plain

pytestmark = pytest.mark.timeout(120)
HASH_BASE = 2**61 - 1
"""Python hashes whole numbers by their remainder by this."""

TOML = {
    "a deep key": lambda n: ".".join("a" * n) + " = 1",
    "a deep key of blanks": lambda n: " . ".join("a" * n) + " = 1",
    "a deep key in quotes": lambda n: ".".join(['"a"'] * n) + " = 1",
    "a deep table": lambda n: "[" + ".".join("a" * n) + "]",
    "a deep key in a table": lambda n: "x = {" + ".".join("a" * n) + " = 1}",
    "a deep key in a list": lambda n: "x = [\n{" + ".".join("a" * n) + " = 1}\n]",
    "many tables": lambda n: "\n".join(f"[a.b{k}]" for k in range(n // 8)),
    "many keys": lambda n: "\n".join(f"a.b.c{k} = 1" for k in range(n // 8)),
    "lists in lists": lambda n: "x = " + "[" * n,
    "tables in tables": lambda n: "x = " + "{x=" * n,
    "quotes": lambda n: "\"'" * n,
    "digits": lambda n: "x = " + "1" * n,
}


@pytest.mark.parametrize("name", TOML)
def test_the_time_of_toml_grows_with_its_size(name):
    def prepare(size):
        text = TOML[name](size)
        return lambda: refused_or_read(parse_toml, text)

    check_growth(prepare)


def refused_or_read(read, *arguments):
    with suppress(ValueError, DataError):
        read(*arguments)


def test_toml_that_is_too_deep_or_too_large_is_one_line(tmp_path):
    key = ".".join("a" * LARGEST_DEPTH)
    assert parse_toml(f"{key} = 1")
    (tmp_path / "x.toml").write_text(f"{key}.a = 1")
    with pytest.raises(
        ConfigError, match=r"x.toml: expected TOML: expected keys of at most 32 par"
    ):
        Config.load(tmp_path / "x.toml")
    (tmp_path / "x.toml").write_text("#" * (LARGEST_TOML_BYTES + 1))
    with pytest.raises(ConfigError, match=r"x.toml: cannot read it: larger than 1 MiB"):
        Config.load(tmp_path / "x.toml")
    text = 'note = "a. b. c. " # ' + ". " * 99
    (tmp_path / "x.toml").write_text(text.replace("a. b. c. ", "Words. " * 99))
    with pytest.raises(ValueError, match="keys of at most"):
        read_toml(tmp_path / "x.toml")
    (tmp_path / "x.toml").write_text('note = "' + "Words. " * 99 + '"')
    assert read_toml(tmp_path / "x.toml") == {"note": "Words. " * 99}


def same_hashes(n, after=b""):
    """Return instructions for numbers of the same hash; making a set of them would be slow here."""
    return b"".join(pickle.dumps(k * HASH_BASE, 2)[2:-1] + after for k in range(n // 16))


PICKLES = {
    "keys of the same hash": lambda n: b"\x80\x02}(" + same_hashes(n, b"N") + b"u.",
    "keys one by one": lambda n: b"\x80\x02}" + same_hashes(n, b"Ns") + b".",
    "a set of the same hash": lambda n: b"\x80\x04\x8f(" + same_hashes(n) + b"\x90.",
    "a frozen set": lambda n: b"\x80\x04(" + same_hashes(n) + b"\x91.",
    "a set by its name": lambda n: b"\x80\x02cbuiltins\nset\n](" + same_hashes(n) + b"e\x85R.",
    "places of the same hash": lambda n: (
        b"\x80\x02N" + b"".join(b"p%d\n" % (k * HASH_BASE) for k in range(n // 16)) + b"."
    ),
    "pairs": lambda n: pickle.dumps({(k, n - k): 0 for k in range(n // 8)}, 2),
    "keys of large steps": lambda n: pickle.dumps({k << 32: 0 for k in range(n // 8)}, 2),
    "texts": lambda n: pickle.dumps({str(k): 0 for k in range(n // 8)}, 2),
    "marks": lambda n: b"\x80\x02" + b"(" * n + b"t" * n + b".",
    "lists in lists": lambda n: b"\x80\x02" + b"]" * n + b"a" * (n - 1) + b".",
    "short lines": lambda n: b"\x80\x02" + b"I1\n0" * (n // 4) + b"N.",
    "a long number": lambda n: b"F" + b"1" * n + b"\n.",
}


@pytest.mark.parametrize("name", PICKLES)
def test_the_time_of_a_pickle_grows_with_its_size(name, tmp_path):
    def prepare(size):
        (tmp_path / "x.pkl").write_bytes(PICKLES[name](size))
        return lambda: refused_or_read(load_pickle, tmp_path / "x.pkl")

    check_growth(prepare)


def test_many_keys_whose_hashes_can_be_chosen_are_refused(tmp_path):
    few = {k * HASH_BASE: 0 for k in range(MAX_LOOSE_KEYS)}
    many = {(k, k): 0 for k in range(MAX_LOOSE_KEYS + 1)}
    plain = {("video", k): k for k in range(5000)} | dict.fromkeys(range(5000), 1.0)
    for content in (few, plain):
        (tmp_path / "x.pkl").write_bytes(pickle.dumps(content))
        assert load_pickle(tmp_path / "x.pkl") == content
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(many))
    with pytest.raises(DataError, match="more than 256 keys of large or several numbers"):
        load_pickle(tmp_path / "x.pkl")


def test_a_torch_file_whose_members_overlap_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        archive.writestr("a/data.pkl", b"\x80\x02N." + bytes(5000))
        archive.filelist *= 2
    with pytest.raises(DataError, match="members overlap"):
        load_plain(tmp_path / "x.pt")


TABLES = {
    "rows": lambda n: "a,b\n" + "1,2\n" * (n // 8),
    "columns": lambda n: ",".join(f"c{k}" for k in range(n // 64)) + "\n",
    "an open quote": lambda n: 'a,b\n"' + "1,2\n" * n,
    "quotes": lambda n: "a,b\n" + '""' * n,
    "blank lines": lambda n: "a,b\n" + "\n" * n,
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_the_time_of_a_table_grows_with_its_size(name, suffix, tmp_path):
    path = tmp_path / f"x{suffix}"

    def prepare(size):
        content = TABLES[name](size).encode()
        path.write_bytes(gzip.compress(content, 1) if suffix == ".csv.gz" else content)
        return lambda: refused_or_read(lambda: read_rows(path, required=(), known="ab"))

    check_growth(prepare)


def test_a_table_of_too_many_cells_or_bytes_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_rows, "MAX_CELLS", 10)
    (tmp_path / "x.csv").write_text("a,b\n" + "1,2\n" * 5)
    assert len(read_rows(tmp_path / "x.csv", required=(), known="ab")) == 5
    (tmp_path / "x.csv").write_text("a,b\n" + "1,2\n" * 6)
    with pytest.raises(DataError, match=r"x.csv: expected at most 10 cells"):
        read_rows(tmp_path / "x.csv", required=(), known="ab")
    monkeypatch.undo()
    monkeypatch.setattr(csv_rows, "LARGEST_TABLE_BYTES", 1 << 20)
    for content in (b"a,b\n" + b"1" * (2 << 20), b"a" * (2 << 20), b"a,b\n" * (1 << 20)):
        (tmp_path / "x.csv.gz").write_bytes(gzip.compress(content))
        with pytest.raises(
            DataError, match=r"x.csv.gz: expected .* \(larger than 1 MiB\)|field larger"
        ):
            read_rows(tmp_path / "x.csv.gz", required=(), known="ab")
