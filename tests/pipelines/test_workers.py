"""The pool of worker processes: results, errors, tasks and starts that crash, early exits."""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from other_processes import gone

from mmemo.errors import ConfigError
from pipelines.workers.pool import MAX_FAILED_STARTS, Crash, Limits, WorkerError, WorkerPool
from pipelines.workers.worker_side import allow, report

pytestmark = pytest.mark.timeout(300)

ROOT = Path(__file__).resolve().parents[2]


KILLED = Crash("a decoder or a model crashed on it twice (signal 9)")


class Worker:
    """Doubles numbers; some of its tasks end otherwise."""

    def __init__(self, folder=None):
        self.folder = folder

    def __call__(self, task):
        if task == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if task == "kill once" and not (self.folder / "killed").exists():
            (self.folder / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if task == "our error":
            raise ConfigError("expected another task")
        if task == "bug":
            raise ZeroDivisionError("no such number")
        if task == "environment":
            return os.environ.get("OMP_NUM_THREADS")
        if task == "sleep":
            time.sleep(600)
        if task == "short sleep":
            allow(Limits(seconds=600.0))
            time.sleep(2)
            return "slept"
        if task == "report":
            report("half")
            logging.getLogger("mmemo.somewhere").warning("%d of %d", 1, 2)
            logging.getLogger("mmemo.somewhere").debug("not shown")
            return "reported"
        if task == "write":
            return self.write_slowly()
        if task == "library":
            (self.folder / f"{os.getpid()}.pid").touch()
            ctypes.CDLL(None).sleep(600)  # does not return to Python when interrupted
        return 2 * task

    def write_slowly(self):
        part = self.folder / f"{os.getpid()}.part"
        try:
            part.touch()
            time.sleep(600)
        finally:
            part.unlink()


def load_badly(failure):
    if failure == "die":
        os._exit(3)
    raise ConfigError("expected a model")


def results_of(*tasks, jobs=2, folder=None):
    with WorkerPool(Worker, folder, jobs=jobs) as pool:
        pool.submit(tasks)
        return list(pool.results())


def test_every_task_has_its_result():
    assert sorted(results_of(*range(20), jobs=3)) == [(n, 2 * n) for n in range(20)]
    assert results_of() == []


def test_one_process_keeps_the_order():
    assert results_of(3, 1, 2, jobs=1) == [(3, 6), (1, 2), (2, 4)]


def test_tasks_may_be_added_between_results():
    with WorkerPool(Worker, jobs=1) as pool:
        pool.submit([1])
        tasks = []
        for task, _ in pool.results():
            tasks.append(task)
            pool.submit([task + 1] if task < 3 else [])
    assert tasks == [1, 2, 3]


def test_a_process_has_one_thread_and_its_program_as_before(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert results_of("environment") == [("environment", "1")]
    assert "OMP_NUM_THREADS" not in os.environ


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_task_that_kills_its_process_is_reported_alone(jobs):
    results = results_of(1, "kill", 2, 3, jobs=jobs)
    assert {task: result for task, result in results} == {1: 2, 2: 4, 3: 6, "kill": KILLED}
    assert results[-1][0] == "kill"  # tried again once the others are done


def test_a_process_that_dies_once_costs_nothing(tmp_path):
    results = dict(results_of(1, "kill once", folder=tmp_path))
    assert results == {1: 2, "kill once": 2 * "kill once"}
    assert (tmp_path / "killed").exists()


def test_a_task_that_takes_too_long_is_reported_and_the_others_go_on():
    with WorkerPool(Worker, jobs=1, limits=Limits(seconds=1.0)) as pool:
        pool.submit([1, "sleep", 2, "short sleep"])
        results = list(pool.results())
    late = Crash("not finished within 1 s; given up")
    assert results == [(1, 2), ("sleep", late), (2, 4), ("short sleep", "slept")]


def test_reports_and_records_of_the_log_come_to_the_program(caplog):
    reports = []
    with (
        caplog.at_level("INFO", "mmemo"),
        WorkerPool(Worker, jobs=1, on_report=lambda *call: reports.append(call)) as pool,
    ):
        pool.submit(["report"])
        assert list(pool.results()) == [("report", "reported")]
    assert reports == [("report", "half")]
    assert caplog.messages == ["1 of 2"]


def test_outside_of_a_worker_nothing_is_reported():
    assert report("half") is None
    assert allow(Limits(seconds=1.0)) is None


def test_our_errors_come_as_they_are_and_others_with_their_traceback():
    with pytest.raises(ConfigError, match="expected another task"):
        results_of("our error")
    with pytest.raises(RuntimeError, match=r"(?s)Traceback.*ZeroDivisionError: no such number"):
        results_of("bug")


@pytest.mark.parametrize(
    ("failure", "error", "message"),
    [
        ("raise", ConfigError, "expected a model"),
        ("die", WorkerError, f"{MAX_FAILED_STARTS} died first, the last by exit code 3"),
    ],
)
def test_processes_that_cannot_load_say_why(failure, error, message):
    with WorkerPool(load_badly, failure, jobs=2) as pool:
        pool.submit([1, 2])
        with pytest.raises(error, match=message):
            next(pool.results())


def leave_when(condition, pool):
    """Leave the pool as an interrupt does, once a condition holds after the first result."""
    with pool:
        for _ in pool.results():
            while not condition():
                time.sleep(0.05)
            raise KeyboardInterrupt


@pytest.mark.skipif(os.name == "nt", reason="interrupts tasks by a POSIX signal")
def test_leaving_early_lets_tasks_clean_up(tmp_path):
    pool = WorkerPool(Worker, tmp_path, jobs=2)
    pool.submit([1, "write", "write"])
    with pytest.raises(KeyboardInterrupt):
        leave_when(lambda: list(tmp_path.glob("*.part")), pool)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="calls a POSIX library")
def test_leaving_early_ends_tasks_in_the_middle_of_a_library(tmp_path):
    pool = WorkerPool(Worker, tmp_path, jobs=2)
    pool.submit([1, "library"])
    with pytest.raises(KeyboardInterrupt):
        leave_when(lambda: list(tmp_path.glob("*.pid")), pool)
    [file] = tmp_path.glob("*.pid")
    assert gone(int(file.stem))


def test_processes_release_the_semaphores_that_libraries_made(tmp_path: Path) -> None:
    """Otherwise Python reports them as leaked, after everything went well."""
    (tmp_path / "library.py").write_text(
        "from multiprocessing import RLock\n"
        "locks = []\n"
        "def load():\n"
        "    locks.append(RLock())\n"
        "    return abs\n"
    )
    # As users write scripts: without a guard for processes that run them again.
    (tmp_path / "program.py").write_text(
        "from library import load\n"
        "from pipelines.workers.pool import WorkerPool\n"
        "with WorkerPool(load, jobs=2) as pool:\n"
        "    pool.submit([-1, -2, -3])\n"
        "    print(sorted(result for _, result in pool.results()))\n"
    )
    done = subprocess.run(
        [sys.executable, "program.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[1, 2, 3]\n", "")
