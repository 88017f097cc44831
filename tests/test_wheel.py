"""The wheel and the source archive: what is in them, and that a bare environment runs them."""

import shutil
import site
import subprocess
import sys
import tarfile
import venv
import wave
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("mmemo", "extractors", "pipelines")
BUILD = "from setuptools import build_meta as b; print(b.build_{kind}({folder!r}))"


def tracked() -> list[str]:
    """Return the files of the repository, or of a copy of it without git."""
    done = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return done.stdout.splitlines()
    return [str(p.relative_to(ROOT)) for p in ROOT.rglob("*") if p.is_file()]


def build(tree: Path, kind: str, folder: Path) -> Path:
    """Build a wheel or sdist of a tree with the environment's own setuptools."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BUILD.format(kind=kind, folder=str(folder))],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository: a build writes beside the sources."""
    copy = tmp_path_factory.mktemp("tree")
    for name in tracked():
        if name.split("/")[0] in (*PACKAGES, "pyproject.toml", "README.md", "LICENSE"):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tree, "wheel", tmp_path_factory.mktemp("wheel"))


def members(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel: Path) -> None:
    assert members(wheel) == {name for name in tracked() if name.split("/")[0] in PACKAGES}


def test_the_source_archive_builds_the_same_wheel(tree: Path, wheel: Path, tmp_path: Path) -> None:
    archive = build(tree, "sdist", tmp_path / "sdist")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path / "source", filter="data")
    [source] = (tmp_path / "source").iterdir()
    assert members(build(source, "wheel", tmp_path / "again")) == members(wheel)


def test_a_bare_environment_answers_about_a_clip(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    python = tmp_path / "bare/bin/python"
    [packages] = (tmp_path / "bare/lib").glob("python*/site-packages")
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps"]
    subprocess.run([*install, "--no-index", "--quiet", str(wheel)], check=True)
    # The dependencies are installed already; `mmemo` itself comes from the wheel alone, since a
    # path in a .pth file does not bring that folder's own .pth files.
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()))
    with wave.open(str(tmp_path / "clip.wav"), "wb") as sound:
        sound.setparams((1, 2, 16_000, 0, "NONE", ""))
        sound.writeframes(bytes(2 * 3 * 16_000))
    (tmp_path / "clip.srt").write_text("1\n00:00:00,200 --> 00:00:02,800\nI am so happy today\n")
    where = run(python, tmp_path, "-c", "import mmemo; print(mmemo.__file__)")
    assert str(packages) in where
    command = tmp_path / "bare/bin/mmemo"
    assert run(command, tmp_path, "--version").startswith("mmemo ")
    assert "emotions: happiness" in run(command, tmp_path, "predict", "clip.wav")


def run(program: Path, folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(program), *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
