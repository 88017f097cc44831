"""The same bytes however a command is run: jobs, threads, current folder, and after a restart."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mmemo.features import Clip
from mmemo.store import FeatureStore

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ROOT = Path(__file__).resolve().parents[2]
THREADS = {"OMP_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "3"}


@pytest.fixture(scope="module")
def talks(corpus, tmp_path_factory):
    """Copy two clips without their transcripts, so that their words are recognised."""
    folder = tmp_path_factory.mktemp("talks")
    for clip in sorted((corpus / "clips").glob("*.mp4"))[:2]:
        shutil.copy(clip, folder)
    return folder


def run(*arguments, cwd, jobs, env=None):
    command = [sys.executable, "-m", "pipelines.cli", *map(str, arguments), "--jobs", str(jobs)]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
    done = subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_answers_are_the_same_for_any_jobs_threads_and_folder(talks, tmp_path):
    """The shipped model reads words, both sets of columns of the voice, and the face."""
    one, two = tmp_path / "one", tmp_path / "two"
    files = sorted(talks.iterdir())
    run("predict", *files, "--out", one, "--quiet", cwd=ROOT, jobs=1)
    run("predict", *files[:1], "--out", two, "--quiet", cwd=tmp_path, jobs=1, env=THREADS)
    run("predict", *files, "--out", two, "--quiet", cwd=tmp_path, jobs=2, env=THREADS)
    names = {path.name for path in one.glob("*.jsonl") if not path.name.startswith(".")}
    assert len(names) == 2
    for name in names:
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_features_are_the_same_for_any_jobs_threads_and_folder(talks, tmp_path):
    stores = tmp_path / "one", tmp_path / "two"
    options = ["--quiet", "--set", 'features.audio=["covarep","speech"]']
    options += ['features.modalities=["text","audio"]']
    run("features", talks, "--out", stores[0], *options, cwd=ROOT, jobs=1)
    run("features", talks, "--out", stores[1], *options, cwd=tmp_path, jobs=2, env=THREADS)
    for path in sorted(talks.iterdir()):
        one, two = (FeatureStore(store).path_of(path.name).read_bytes() for store in stores)
        assert one == two
        clip = FeatureStore(stores[0]).read(Clip(path.name, path.name))
        assert clip.clip.words or "text" in clip.absent


def test_a_command_sets_its_number_of_threads_before_libraries_load(tmp_path):
    program = (
        "import os, sys\n"
        "from pipelines import cli\n"
        "assert 'numpy' not in sys.modules\n"
        "sys.argv = ['mmemo', 'columns']\n"
        "cli.main()\n"
        "print(os.environ['OMP_NUM_THREADS'], os.environ['OPENBLAS_NUM_THREADS'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, **THREADS},
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1] == "1 1", done.stderr
