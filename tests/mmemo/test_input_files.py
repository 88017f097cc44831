"""The door for files of strangers: regular files of a limited size, and nothing else, at once."""

import ast
import gzip
import os
from pathlib import Path

import pytest
from strange_files import STRANGE

from mmemo.input_files import (
    check_regular,
    is_inside,
    open_gzipped,
    open_regular,
    read_bytes,
    read_text,
)

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(os.name == "nt", reason="makes files that POSIX systems have"),
]
ROOT = Path(__file__).resolve().parents[2]

DOORS = {
    "check_regular": check_regular,
    "open_regular": open_regular,
    "read_bytes": lambda path: read_bytes(path, 1 << 20),
    "read_text": lambda path: read_text(path, 1 << 20),
    "open_gzipped": lambda path: open_gzipped(path, 1 << 20),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", STRANGE)
def test_only_regular_files_are_opened(door, kind, tmp_path):
    STRANGE[kind](tmp_path / "x")
    with pytest.raises(OSError, match="not a regular file") as error:
        DOORS[door](tmp_path / "x")
    assert error.value.filename == str(tmp_path / "x")


def test_a_regular_file_is_read_and_a_link_to_it(tmp_path):
    (tmp_path / "x").write_bytes("caf\u00e9\r\nau lait".encode())
    (tmp_path / "link").symlink_to("x")
    for path in (tmp_path / "x", tmp_path / "link"):
        assert read_text(path, 100) == "caf\u00e9\nau lait"
        with open_regular(path) as file:
            assert file.read() == read_bytes(path, 100) == path.read_bytes()
    with pytest.raises(UnicodeDecodeError):
        read_text(tmp_path / "x", 100, "ascii")
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "none")
    with pytest.raises(IsADirectoryError):
        read_bytes(tmp_path, 100)


def test_a_size_is_a_limit(tmp_path):
    (tmp_path / "x").write_bytes(b"x" * 2048)
    assert len(read_bytes(tmp_path / "x", 2048)) == 2048
    with pytest.raises(OSError, match="larger than 1 KiB"):
        read_bytes(tmp_path / "x", 1024)


def test_a_file_of_holes_is_refused(tmp_path):
    """It costs nothing to make, and hours to read."""
    with open(tmp_path / "x", "wb") as file:
        file.truncate(2 << 30)
    if 512 * os.stat(tmp_path / "x").st_blocks > 1 << 20:
        pytest.skip("the file system stores holes")
    with pytest.raises(OSError, match="mostly holes"):
        open_regular(tmp_path / "x")


@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_what_unpacks_to_more_than_the_limit_is_refused(ending, tmp_path):
    (tmp_path / "x.gz").write_bytes(gzip.compress((b"x" * 999 + ending) * 5000))
    with open_gzipped(tmp_path / "x.gz", 10 << 20) as file:
        assert len(file.read()) == (999 + len(ending)) * 5000
    with (
        open_gzipped(tmp_path / "x.gz", 1 << 20) as file,
        pytest.raises(OSError, match="larger than 1 MiB"),
    ):
        file.readlines()


def test_a_link_out_of_a_folder_is_outside(tmp_path):
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (tmp_path / "secret").touch()
    (folder / "out").symlink_to(tmp_path / "secret")
    (folder / "deep/up").symlink_to("../../secret")
    (folder / "in").symlink_to("deep/file")
    (tmp_path / "way in").symlink_to(folder)
    assert not is_inside(folder / "out", folder)
    assert not is_inside(folder / "deep/up", folder)
    assert is_inside(folder / "in", folder)
    assert is_inside(tmp_path / "way in/in", folder)
    assert is_inside(folder / "in", tmp_path / "way in")
    assert not is_inside(tmp_path / "folder2", folder)


def test_a_snapshot_of_the_hub_has_its_content_in_the_blobs_beside_it(tmp_path):
    snapshot, blobs = tmp_path / "data/snapshots/0a1b", tmp_path / "data/blobs"
    for folder in (snapshot / "labels", blobs):
        folder.mkdir(parents=True)
    (snapshot / "labels/inside").symlink_to("../../../blobs/9f")
    (snapshot / "labels/outside").symlink_to("../../../../blobs/9f")
    for folder in (snapshot, snapshot / "labels", tmp_path / "data"):
        assert is_inside(snapshot / "labels/inside", folder)
        assert not is_inside(snapshot / "labels/outside", folder)


OWN_FILES = {
    "mmemo/input_files.py": "the door itself",
    "mmemo/files.py": "copies what the program has just written",
    "mmemo/assets": "weights and vectors whose digests are known",
    "extractors/facet": "parts of the package",
    "extractors/covarep": "parts of the package",
    "extractors/text/glove.py": "a cache of the program",
    "pipelines/default_model": "makes the package",
    "pipelines/sample": "makes the package's corpus",
    "pipelines/doctor.py": "parts of the package",
    "pipelines/prediction/output_folder.py": "the program's own list",
    "pipelines/serving": "the server's own folder, and parts of the package",
    "pipelines/training/log.py": "the program's own list",
    "pipelines/workers/pool.py": "what the kernel says of a process",
    "pipelines/video_report/player.py": "a recording that was read before",
}
"""Where files are opened that no stranger made, and why."""


def reads_by_itself(call: ast.Call) -> bool:
    """Return whether a call opens a file for reading by itself."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if name in ("read_text", "read_bytes"):
        return "files(" not in ast.unparse(call.func)  # a part of a package
    is_builtin = isinstance(call.func, ast.Name) and call.func.id == "open"
    if not is_builtin and not (
        name == "open" and ast.unparse(call).startswith(("path", "folder", "("))
    ):
        return False
    modes = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    return not any(set(mode) & set("wax") for mode in modes)


def test_files_are_read_through_the_door():
    outside = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for package in ("mmemo", "extractors", "pipelines")
        for path in sorted((ROOT / package).rglob("*.py"))
        if not path.relative_to(ROOT).as_posix().startswith(tuple(OWN_FILES))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and reads_by_itself(node)
    ]
    assert outside == []


def test_a_name_that_no_file_can_have_is_refused(tmp_path):
    path = tmp_path / "nul\0.csv"
    with pytest.raises(OSError, match="no file can have this name"):
        open_regular(path)
    assert not is_inside(path, tmp_path)
