"""Jobs and their folders, without a server in front of them."""

import json
import os
import tempfile
import time

import pytest
from made_server import finished

from mmemo.errors import ConfigError
from mmemo.files import unfinished
from pipelines.cli import _parser
from pipelines.commands.serve import _limits
from pipelines.serving.job import Limits
from pipelines.serving.jobs import UPLOAD_TIMEOUT_S, Jobs
from pipelines.serving.storage import JOB_FILE, LOCK_FILE, REPORT_FILE, Storage, open_storage


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "jobs").mkdir()
    return tmp_path / "jobs"


def test_the_oldest_results_go_first(folder):
    clock = [1000.0]
    jobs = Jobs(Storage(folder), Limits(keep=2, keep_hours=1), now=lambda: clock[0])
    made = []
    for _ in range(3):
        clock[0] += 60
        made.append(finished(jobs).id)
    assert sorted(path.name for path in folder.iterdir()) == sorted(made[1:])
    clock[0] += 3600 - 30
    jobs.expire()
    assert [path.name for path in folder.iterdir()] == [made[2]]
    clock[0] += 60
    jobs.expire()
    assert list(folder.iterdir()) == []


def test_without_limits_nothing_is_removed_also_by_the_next_server(folder):
    clock = [1000.0]
    limits = Limits(keep=None, keep_hours=None)
    jobs = Jobs(Storage(folder), limits, now=lambda: clock[0])
    made = {finished(jobs).id for _ in range(60)}
    clock[0] += 10 * 365 * 24 * 3600
    jobs.expire()
    Jobs(Storage(folder), limits, now=lambda: clock[0]).expire()
    assert {path.name for path in folder.iterdir()} == made


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], (50, 24.0)),
        (["--folder", "kept"], (None, None)),
        (["--folder", "kept", "--keep", "3"], (3, None)),
        (["--folder", "kept", "--keep-hours", "2"], (None, 2.0)),
        (["--keep-hours", "2"], (50, 2.0)),
    ],
)
def test_a_folder_of_the_users_keeps_what_is_in_it(arguments, expected):
    limits = _limits(_parser().parse_args(["serve", *arguments]))
    assert (limits.keep, limits.keep_hours) == expected


def test_a_stalled_upload_fails(folder):
    jobs = Jobs(Storage(folder), Limits())
    job = jobs.create("talk.mp4", 5)
    job.touched = time.monotonic() - UPLOAD_TIMEOUT_S + 60
    jobs.expire()
    assert job.state == "uploading"
    job.touched -= 61
    jobs.expire()
    assert (job.state, job.message) == ("failed", "the upload stopped; try again")
    assert not jobs.receive(job, 1)


def test_the_queue_is_in_the_order_of_arrival(folder):
    jobs = Jobs(Storage(folder), Limits())
    first, second, third = (jobs.create(f"{n}.mp4", 5) for n in range(3))
    for job in (second, first, third):
        jobs.enqueue(job)
    assert jobs.next_waiting(0) is second
    before = {job["name"]: job["before"] for job in jobs.describe()}
    assert before == {"0.mp4": 1, "1.mp4": None, "2.mp4": 2}
    jobs.cancel(first)
    assert jobs.next_waiting(0) is third
    assert jobs.next_waiting(0) is None


def test_a_named_folder_is_used_again_and_other_files_stay(folder):
    with open_storage(folder) as storage:
        jobs = Jobs(storage, Limits())
        done = finished(jobs, "kept.mp4")
        unfinished = jobs.create("lost.mp4", 5)
        (folder / "notes").mkdir()
        (folder / "notes" / "mine.txt").write_text("mine")
    broken = folder / ("0" * 32)
    broken.mkdir()
    (broken / JOB_FILE).write_text("{")
    with open_storage(folder) as storage:
        [recalled] = Jobs(storage, Limits()).describe()
    assert (recalled["id"], recalled["name"], recalled["state"]) == (done.id, "kept.mp4", "done")
    assert recalled["summary"] == done.summary
    assert not (folder / unfinished.id).exists()
    assert broken.is_dir()
    assert (folder / "notes" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "change", [{"state": "running"}, {"size": "x"}, {"id": "1" * 32}, {"a": 1}]
)
def test_a_job_file_that_was_tampered_with_is_left_alone(folder, change):
    job = finished(Jobs(Storage(folder), Limits()))
    saved = json.loads((folder / job.id / JOB_FILE).read_text()) | change
    if change == {"a": 1}:
        del saved["name"]
    (folder / job.id / JOB_FILE).write_text(json.dumps(saved))
    assert Storage(folder).recall() == []
    assert (folder / job.id / REPORT_FILE).is_file()


def test_two_servers_do_not_share_a_folder(folder):
    with (
        open_storage(folder),
        pytest.raises(ConfigError, match="no other server uses"),
        open_storage(folder),
    ):
        pass
    with open_storage(folder):
        pass


def test_a_job_whose_worker_was_killed_while_it_wrote_is_emptied(folder):
    jobs = Jobs(Storage(folder), Limits())
    job = jobs.create("talk.mp4", 5)
    with unfinished(jobs.storage.folder(job) / REPORT_FILE) as part:
        part.write_bytes(b"half")
        jobs.storage.empty(job)
        assert not list(jobs.storage.folder(job).iterdir())
        part.parent.mkdir()
        part.touch()  # so that the block can end


def test_a_temporary_folder_is_private_and_removed():
    with open_storage(None) as storage:
        assert storage.root.stat().st_mode & 0o077 == 0
        finished(Jobs(storage, Limits()))
    assert not storage.root.exists()


@pytest.mark.skipif(os.name == "nt", reason="needs locks that end with their process")
def test_temporary_folders_of_killed_servers_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("mmemo-serve-dead", "mmemo-serve-new", "other-dead"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "talk.mp4").touch()
    for name in ("mmemo-serve-dead", "other-dead"):
        (tmp_path / name / LOCK_FILE).touch()
    (tmp_path / "mmemo-serve-link").symlink_to(tmp_path / "other-dead")
    with open_storage(None) as living:
        (living.root / "talk.mp4").touch()
        with open_storage(None) as storage:
            names = {path.name for path in tmp_path.iterdir()}
            assert {living.root.name, storage.root.name} <= names
            assert "mmemo-serve-dead" not in names
            assert {"mmemo-serve-new", "other-dead"} <= names
            assert (tmp_path / "other-dead/talk.mp4").exists()
            assert (living.root / "talk.mp4").exists()


@pytest.mark.parametrize("name", Limits.__dataclass_fields__)
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_a_limit_is_above_zero(name, value):
    with pytest.raises(ConfigError, match=f"--{name.replace('_', '-')}: expected a number above 0"):
        Limits(**{name: value})
