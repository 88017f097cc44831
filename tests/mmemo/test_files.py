"""Output files of any kind: regular ones are replaced whole, devices and FIFOs are written into.

Real devices are never written here: as root a fault would break the machine.
"""

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmemo.files import (
    follow_links,
    is_replaceable,
    is_stdout,
    may_be_renamed_over,
    unfinished,
    write_atomically,
)

KINDS = {
    "regular": stat.S_IFREG,
    "folder": stat.S_IFDIR,
    "character device": stat.S_IFCHR,
    "block device": stat.S_IFBLK,
    "FIFO": stat.S_IFIFO,
    "socket": stat.S_IFSOCK,
}
FOLDER = Path(__file__).resolve().parents[2]


def write_through_unfinished(path: Path, data: bytes) -> None:
    with unfinished(path) as part:
        part.write_bytes(data)


both_writers = pytest.mark.parametrize("write", [write_atomically, write_through_unfinished])


@given(st.sampled_from(sorted(KINDS)), st.integers(0, 0o7777))
def test_only_regular_files_and_folders_may_be_renamed_over(kind, permissions):
    allowed = kind in ("regular", "folder")  # renaming a file over a folder fails without harm
    assert may_be_renamed_over(KINDS[kind] | permissions) == allowed


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"regular", "folder"}))
def test_a_place_is_judged_by_its_mode(tmp_path, monkeypatch, kind):
    path = tmp_path / "device"
    path.touch()
    assert is_replaceable(path)
    mode = os.stat_result((KINDS[kind] | 0o600, *[0] * 9))
    monkeypatch.setattr(Path, "stat", lambda self, **_: mode)
    assert not is_replaceable(path)


@both_writers
def test_a_fifo_is_written_into(tmp_path, write):
    fifo = tmp_path / "page.html"
    os.mkfifo(fifo)
    received = []
    reader = threading.Thread(target=lambda: received.append(fifo.read_bytes()), daemon=True)
    reader.start()
    write(fifo, b"content")
    reader.join(10)
    assert received == [b"content"]
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert os.listdir(tmp_path) == ["page.html"]


@both_writers
@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("relative", [True, False])
def test_a_symbolic_link_is_followed(tmp_path, write, exists, relative):
    (tmp_path / "there").mkdir()
    target = tmp_path / "there" / "real.html"
    if exists:
        target.write_bytes(b"old")
    middle, link = tmp_path / "there" / "middle", tmp_path / "link.html"
    middle.symlink_to("real.html" if relative else target)
    link.symlink_to("there/middle" if relative else middle)
    write(link, b"new")
    assert link.is_symlink()
    assert middle.is_symlink()
    assert target.read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path / "there")) == ["middle", "real.html"]


@both_writers
def test_a_circle_of_links_is_an_error(tmp_path, write):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="circle"):
        write(tmp_path / "a", b"x")


@both_writers
def test_a_folder_is_never_replaced(tmp_path, write):
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(OSError) as error:  # noqa: PT011 (the number is checked below)
        write(folder, b"x")
    assert error.value.errno in (errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY)
    assert list(tmp_path.iterdir()) == [folder]


@both_writers
@pytest.mark.parametrize("name", ["日" * 80, "é" * 120, "a" * 255, "\udce9.html", " ", "-"])
def test_any_name_that_the_disk_takes(tmp_path, write, name):
    path = tmp_path / name
    path.write_bytes(b"old")
    write(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == [name]


def test_a_failed_block_leaves_the_old_file(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"old")

    def fail_halfway():
        with unfinished(path) as part:
            part.write_bytes(b"half")
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fail_halfway()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["f"]


PROGRAM = """
import sys
from pathlib import Path
from mmemo.files import unfinished, write_atomically
path = Path(sys.argv[1])
write_atomically(path, b"one ")
with unfinished(path) as part:
    part.write_bytes(b"two ")
"""


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
@pytest.mark.parametrize("through", ["pipe", "file"])
def test_standard_output_by_name(tmp_path, name, through):
    # A pipe or file of this test is behind the name; the device folder is compared afterwards.
    if not Path(name).exists():
        pytest.skip(f"no {name} on this system")
    before = os.lstat("/dev/stdout")
    command = [sys.executable, "-c", PROGRAM, name]
    if through == "pipe":
        content = subprocess.run(
            command, cwd=FOLDER, stdout=subprocess.PIPE, check=True, timeout=60
        ).stdout
    else:
        # The shell's own lines stay before and after: the file is neither replaced nor truncated.
        with open(tmp_path / "log", "wb", buffering=0) as log:
            log.write(b"zero ")
            subprocess.run(command, cwd=FOLDER, stdout=log, check=True, timeout=60)
            log.write(b"three")
        content = (tmp_path / "log").read_bytes()
        assert content.startswith(b"zero ")
        assert content.endswith(b"three")
        content = content[5:-5]
    assert content == b"one two "
    assert os.path.samestat(before, os.lstat("/dev/stdout"))


def test_only_descriptor_one_is_standard_output(tmp_path):
    assert is_stdout(Path("/proc/self/fd/1"))
    assert is_stdout(Path(f"/proc/{os.getpid()}/fd/1"))
    assert not is_stdout(Path("/proc/self/fd/2"))
    assert not is_stdout(tmp_path / "1")
    (tmp_path / "link").symlink_to("/proc/self/fd/1")
    assert is_stdout(tmp_path / "link")
    assert follow_links(tmp_path / "x") == Path(os.path.realpath(tmp_path)) / "x"


ABANDONING = """
import os, signal, sys
from pathlib import Path
from mmemo.files import unfinished
with unfinished(Path(sys.argv[1])) as part:
    part.write_bytes(b"half")
    print("go", flush=True)
    if sys.argv[2] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    input()
"""


def start_writer(path, action):
    command = [sys.executable, "-c", ABANDONING, str(path), action]
    writer = subprocess.Popen(command, cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert writer.stdout.readline() == b"go\n"
    return writer


@both_writers
def test_unfinished_files_of_dead_processes_are_removed_and_those_of_others_are_not(
    tmp_path, write
):
    start_writer(tmp_path / "a", "die").communicate()
    (tmp_path / f".earlier.{0:032x}.part").write_bytes(b"of a version that had no folders")
    foreign = tmp_path / ".download.part"
    foreign.touch()
    assert len(os.listdir(tmp_path)) == 3
    writer = start_writer(tmp_path / "b", "wait")
    write(tmp_path / "c", b"whole")
    assert len(list(tmp_path.glob(".b.*.part"))) == 1
    writer.communicate(b"\n")
    assert writer.returncode == 0
    assert sorted(os.listdir(tmp_path)) == [".download.part", "b", "c"]
    assert (tmp_path / "b").read_bytes() == b"half"


@both_writers
def test_a_name_is_synced_after_its_content(tmp_path, monkeypatch, write):
    steps = []
    sync, rename = os.fsync, os.replace

    def log_sync(descriptor):
        steps.append(stat.S_IFMT(os.fstat(descriptor).st_mode))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", log_sync)
    monkeypatch.setattr(os, "replace", lambda *names: (steps.append("rename"), rename(*names)))
    write(tmp_path / "f", b"content")
    assert steps == [stat.S_IFREG, "rename", stat.S_IFDIR]
    assert not write_atomically(tmp_path / "g", b"", durable=False)
    assert steps[3:] == ["rename"]


@both_writers
def test_a_folder_that_cannot_be_written_is_named(tmp_path, write):
    with pytest.raises(OSError, match="f'") as error:
        write(tmp_path / "none" / "f", b"x")
    assert error.value.filename == str(tmp_path / "none" / "f")
