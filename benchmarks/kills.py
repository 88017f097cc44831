"""Kill every writer at every step on the disk: the old content or the new, and always resumable.

    python -m benchmarks.kills                          # each step of each writer
    python -m benchmarks.kills --random 100             # and 100 random moments of each
    python -m benchmarks.kills --writers train convert --steps replace fsync

A writer runs in a process of its own that is killed (SIGKILL) just before its n-th rename, sync,
and so on, for every n. Then a reader must see the old content or the new, or say that the writer
has not finished. The writer then runs again: its content must be the new one, and no unfinished
file may be left. It needs Linux or macOS (``os.fork``).
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch._dynamo  # noqa: F401 (every optimiser loads it: here once for all processes)

from mmemo.checkpoint import fingerprint, load_checkpoint
from mmemo.checkpoint.parts import locate, put_in_place, stage_file, stage_folder
from mmemo.config import Config, FeatureConfig
from mmemo.datasets.dataset import Dataset
from mmemo.datasets.foreign.open import open_foreign
from mmemo.datasets.source import read_source
from mmemo.errors import DataError, FeatureError
from mmemo.features import Clip, ClipFeatures, Features
from mmemo.files import write_atomically
from mmemo.store import FeatureStore, StoreInfo
from pipelines.api import EmotionReader
from pipelines.data.convert import convert
from pipelines.data.extract import extract
from pipelines.prediction.output_folder import PredictionFolder
from pipelines.training.train import finished, train

STEPS = ("replace", "rename", "fsync", "mkdir", "rmdir", "unlink")
"""Functions of ``os`` that a writer is killed before."""
NOTHING, UNFINISHED = "nothing", "unfinished"


@dataclass(frozen=True)
class Writer:
    """A writer of a folder.

    Attributes:
        prepare: makes the old content and the inputs in an empty folder.
        write: writes the new content.
        read: returns an identification of the content; ``NOTHING``, or ``UNFINISHED`` if a reader
            refuses it and says what to do.
    """

    prepare: Callable[[Path], object]
    write: Callable[[Path], object]
    read: Callable[[Path], str]


@dataclass(frozen=True)
class Outcome:
    """The outcome of one kill: ``problem`` is "" if nothing was lost or mixed."""

    moment: str
    problem: str


def kill_at_each_step(writer: Writer, steps: Sequence[str] = STEPS) -> list[Outcome]:
    """Kill a writer before each of its calls of ``steps``, one call per run."""
    outcomes = []
    with _Scene(writer) as scene:
        for number in range(1, 1_000_000):
            status, _ = _in_process(_write_until, writer.write, scene.fresh(), number, steps)
            if not os.WIFSIGNALED(status):
                return outcomes
            outcomes.append(Outcome(f"step {number}", scene.problem()))
    raise AssertionError("the writer does not end")


def kill_at_random(writer: Writer, count: int, seed: int) -> list[Outcome]:
    """Kill a writer at random moments of its run."""
    draw = random.Random(seed)
    outcomes = []
    with _Scene(writer) as scene:
        for _ in range(count):
            after_s = draw.uniform(0, scene.duration_s)
            _in_process(writer.write, scene.fresh(), kill_after_s=after_s)
            outcomes.append(Outcome(f"{after_s:.3f} s", scene.problem()))
    return outcomes


class _Scene:
    """A folder that is restored before each kill, and the contents that may be seen after it."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer

    def __enter__(self) -> "_Scene":
        self._work = tempfile.TemporaryDirectory(prefix="mmemo-kills-")
        work = Path(self._work.name)
        self._before, self.folder = work / "before", work / "folder"
        self._before.mkdir()
        _done(_in_process(self.writer.prepare, self._before))
        folder = self.fresh()
        old = _done(_in_process(self.writer.read, folder))
        began = time.monotonic()
        _done(_in_process(self.writer.write, folder))
        self.duration_s = time.monotonic() - began
        self._new = _done(_in_process(self.writer.read, folder))
        assert old != self._new, "a writer that changes nothing cannot fail"
        self._allowed = (old, self._new, UNFINISHED)
        return self

    def __exit__(self, *_: object) -> None:
        self._work.cleanup()

    def fresh(self) -> Path:
        """Restore the folder as it was before."""
        shutil.rmtree(self.folder, ignore_errors=True)
        return Path(shutil.copytree(self._before, self.folder))

    def problem(self) -> str:
        """Read the folder, write it again, read it again; return what is wrong."""
        try:
            content = _done(_in_process(self.writer.read, self.folder))
            if content not in self._allowed:
                return f"mixed: {content}"
            _done(_in_process(self.writer.write, self.folder))
            content = _done(_in_process(self.writer.read, self.folder))
        except RuntimeError as error:
            return str(error)
        if content != self._new:
            return f"not resumed: {content}"
        left = [path.name for path in self.folder.rglob(".*") if path.name != ".lock"]
        left = [name for name in left if name != ".predicted.jsonl"]
        return f"left behind: {', '.join(left)}" if left else ""


def _in_process(
    function: Callable[..., Any], *arguments: Any, kill_after_s: float | None = None
) -> tuple[int, str]:
    """Run a function in a forked process; return its exit status, and its result or its error."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(reading)
        code, text = 0, ""
        try:
            text = str(function(*arguments))
        except BaseException:
            code, text = 1, traceback.format_exc()
        os.write(writing, text.encode()[-4000:])
        os._exit(code)
    os.close(writing)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as file:
        text = file.read().decode()
    return os.waitpid(child, 0)[1], text


def _done(result: tuple[int, str]) -> str:
    status, text = result
    if status != 0:
        raise RuntimeError(f"refused: {text}")
    return text


def _write_until(
    write: Callable[[Path], object], folder: Path, number: int, steps: Sequence[str]
) -> None:
    """Write, and die before the n-th step."""
    count = 0

    def counted(step: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return step(*arguments, **options)

        return call

    for name in steps:
        setattr(os, name, counted(getattr(os, name)))
    write(folder)


def made_dataset() -> Dataset:
    """Return 12 training and 6 validation clips of random features."""
    rng = np.random.default_rng(0)
    clips = []
    for number, split in enumerate(["train"] * 12 + ["valid"] * 6):
        times = np.column_stack([np.arange(3.0), np.arange(3.0) + 1])
        values = rng.normal(size=(3, 4))
        audio = Features(values, times, np.ones(3), ("a", "b", "c", "d"), "made:1:0")
        labels = tuple((values[:, :2].mean(axis=0) > 0).astype(float)) + (0.0,) * 4
        clip = Clip(f"{split}{number}", f"{split}{number}", split=split, intensities=labels)
        clips.append(ClipFeatures(clip, {"audio": audio}))
    return Dataset("made", False, tuple(clips))


def made_config(seed: int) -> Config:
    """Return the options of a tiny model that is trained for two epochs."""
    encoder = {"hidden": 8, "heads": 2, "layers": 1}
    options = {"epochs": 2, "patience": 9, "batch_size": 8, "seed": seed}
    return Config.model_validate({"model": {"encoder": encoder}, "train": options})


def _train(folder: Path, seed: int = 1) -> None:
    train(made_config(seed), made_dataset(), folder / "run")


def _read_run(folder: Path) -> str:
    run = folder / "run"
    if not finished(run):
        return NOTHING
    load_checkpoint(run)
    lines = (run / "history.jsonl").read_text().splitlines()
    epochs = [json.loads(line)["epoch"] for line in lines]
    if not (run / "training.safetensors").exists() and epochs != [0, 1]:
        raise ValueError(f"expected the epochs 0 and 1 in history.jsonl; got {epochs}")
    return fingerprint(run)


def _save_pretrained(folder: Path) -> None:
    EmotionReader.from_pretrained(folder / "run").save_pretrained(folder / "saved")


def _prepare_pretrained(folder: Path) -> None:
    _train(folder, seed=0)
    _save_pretrained(folder)
    shutil.rmtree(folder / "run")
    _train(folder)


def _read_pretrained(folder: Path) -> str:
    saved = folder / "saved"
    load_checkpoint(saved)
    for name in ("config.json", "README.md"):
        assert (saved / name).read_text()
    return fingerprint(saved)


def _write_parts(folder: Path, content: str = "new") -> None:
    """Write a checkpoint with an encoder's folder beside its weights, without a model."""

    def write_encoder(out: Path) -> None:
        for name in ("config.json", f"{content}.txt"):
            (out / name).write_text(content)

    parts = {
        "weights": stage_file(folder, "weights", content.encode()),
        "encoder": stage_folder(folder, "encoder", write_encoder),
    }
    write_atomically(folder / "description", json.dumps(parts).encode())
    put_in_place(folder, parts)


def _read_parts(folder: Path) -> str:
    parts = json.loads((folder / "description").read_text())
    weights = locate(folder, "weights", parts["weights"]).read_text()
    encoder = (locate(folder, "encoder", parts["encoder"]) / "config.json").read_text()
    return f"{weights} {encoder}"


def _prepare_sounds(folder: Path) -> None:
    (folder / "in").mkdir()
    _write_words(folder, "hello")
    times = np.arange(8000) / 16_000
    samples = (9000 * np.sin(2 * np.pi * 150 * times)).astype(np.int16)
    for name in ("a", "b"):
        with wave.open(str(folder / "in" / f"{name}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16_000)
            file.writeframes(samples.tobytes())


def _write_words(folder: Path, text: str) -> None:
    words = {"words": [{"text": text, "start": 0.1, "end": 0.4}]}
    for name in ("a", "b"):
        (folder / "in" / f"{name}.json").write_text(json.dumps(words))


def _prepare_features(folder: Path) -> None:
    _prepare_sounds(folder)
    _extract(folder)
    _write_words(folder, "goodbye")


def _extract(folder: Path) -> None:
    source = read_source(folder / "in")
    # A folder that was copied for this test has not moved for its user.
    info = StoreInfo(source.info.dataset)
    extract(source.clips, info, folder / "store", FeatureConfig())


def _prepare_conversion(folder: Path) -> None:
    store = FeatureStore.create(folder / "foreign", StoreInfo("made"))
    clips = made_dataset().clips[:3]
    for clip in clips:
        store.write(clip, "key")
    store.write_manifest([clip.clip for clip in clips])


def _convert(folder: Path) -> None:
    convert(open_foreign(folder / "foreign"), folder / "store", FeatureConfig())


def _read_store(folder: Path) -> str:
    store = FeatureStore(folder / "store")
    try:
        clips = list(store)
    except DataError:
        return NOTHING
    except FeatureError as error:
        return UNFINISHED if "again to resume" in str(error) else str(error)
    return json.dumps([[clip.clip.id, [w.text for w in clip.clip.words or ()]] for clip in clips])


def _prepare_predictions(folder: Path) -> None:
    (folder / "in").mkdir()
    for name in ("a", "b"):
        (folder / "in" / f"{name}.mp4").touch()


def _predictions(folder: Path) -> PredictionFolder:
    return PredictionFolder(folder / "out", ["csv", "vtt"], "model", _recordings(folder))


def _recordings(folder: Path) -> list[Path]:
    return sorted((folder / "in").iterdir())


def _predict(folder: Path) -> None:
    predictions = _predictions(folder)
    for recording in _recordings(folder):
        if not predictions.has(recording):
            predictions.write(recording, [])


def _read_predictions(folder: Path) -> str:
    if not (folder / "out").exists():
        return NOTHING
    predictions = _predictions(folder)
    listed = [predictions.has(recording) for recording in _recordings(folder)]
    return "complete" if all(listed) else UNFINISHED


WRITERS = {
    "file": Writer(
        lambda folder: write_atomically(folder / "f", b"old"),
        lambda folder: write_atomically(folder / "f", b"new"),
        lambda folder: (folder / "f").read_text(),
    ),
    "parts": Writer(lambda folder: _write_parts(folder, "old"), _write_parts, _read_parts),
    "train": Writer(lambda folder: None, _train, _read_run),
    "train again": Writer(lambda folder: _train(folder, seed=0), _train, _read_run),
    "save_pretrained": Writer(_prepare_pretrained, _save_pretrained, _read_pretrained),
    "features": Writer(_prepare_sounds, _extract, _read_store),
    "features again": Writer(_prepare_features, _extract, _read_store),
    "convert": Writer(_prepare_conversion, _convert, _read_store),
    "predict": Writer(_prepare_predictions, _predict, _read_predictions),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill the writers, print a line for each, and return 1 if anything was lost or mixed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--writers", nargs="+", choices=WRITERS, default=list(WRITERS))
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--random", type=int, default=0, metavar="N", help="random kills of each")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    failed = False
    for name in options.writers:
        outcomes = kill_at_each_step(WRITERS[name], options.steps)
        outcomes += kill_at_random(WRITERS[name], options.random, options.seed)
        problems = [outcome for outcome in outcomes if outcome.problem]
        print(f"{name:16} {len(outcomes):4} kills, {len(problems)} problems", flush=True)
        for outcome in problems:
            print(f"  {outcome.moment}: {outcome.problem}")
        failed = failed or bool(problems)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
