"""Flip bits at random places of stores and trained models: ``python -m benchmarks.bit_flips``.

Each flip changes one bit of one file; then the readers of that file run. A flip is unnoticed if all
of them succeed. The last lines give the cost of the check: time to read a store of realistic clips,
and the share of the hash in it.
"""

import argparse
import hashlib
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.kills import made_config, made_dataset
from mmemo.checkpoint import load_checkpoint
from mmemo.errors import MmemoError
from mmemo.features import Clip, ClipFeatures, Features
from mmemo.store import FeatureStore, StoreInfo
from pipelines.training.state import STATE_FILE, check_state
from pipelines.training.train import train

CLIP_S = 10
CLIPS = 100
COLUMNS = {"audio": (100, 74), "visual": (10, 35)}
"""Rows per second and columns of a clip with the features of CMU-MOSEI."""


def unnoticed(path: Path, read: Callable[[], object], flips: int, seed: int) -> int:
    """Return how many of some flipped bits of a file go unnoticed by its reader."""
    whole = path.read_bytes()
    draw = np.random.default_rng(seed)
    places, bits = draw.integers(len(whole), size=flips), draw.integers(8, size=flips)
    count = 0
    for place, bit in zip(places, bits, strict=True):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(bit)
        path.write_bytes(damaged)
        try:
            read()
            count += 1
        except MmemoError:
            pass
    path.write_bytes(whole)
    read()
    return count


def kinds(folder: Path) -> dict[Path, Callable[[], object]]:
    """Make a store, a trained model and a run that was interrupted; return file -> its reader."""
    run, interrupted = folder / "run", folder / "interrupted"
    train(made_config(0), made_dataset(), run)
    _interrupt(interrupted)
    store = _store(folder / "store", made_dataset().clips)
    return {
        store.path_of("train0"): lambda: list(FeatureStore(store.folder)),
        store.folder / "clips.jsonl": store.clips,
        store.folder / "store.json": store.info,
        run / "model.safetensors": lambda: load_checkpoint(run),
        run / "checkpoint.json": lambda: load_checkpoint(run),
        interrupted / STATE_FILE: lambda: check_state(interrupted),
    }


def _interrupt(run: Path) -> None:
    """Train until the first epoch is saved."""
    import pipelines.training.train as module

    save = module.save_state

    def stop(*arguments: object) -> None:
        save(*arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    module.save_state = stop
    try:
        train(made_config(0), made_dataset(), run)
    except KeyboardInterrupt:
        pass
    finally:
        module.save_state = save


def _store(folder: Path, clips: tuple[ClipFeatures, ...]) -> FeatureStore:
    store = FeatureStore.create(folder, StoreInfo("made"))
    for clip in clips:
        store.write(clip, "key", durable=False)
    store.write_manifest([clip.clip for clip in clips])
    return store


def _realistic_clips() -> tuple[ClipFeatures, ...]:
    draw = np.random.default_rng(0)
    clips = []
    for number in range(CLIPS):
        features = {}
        for modality, (rate, columns) in COLUMNS.items():
            starts = np.arange(rate * CLIP_S) / rate
            times = np.column_stack([starts, starts + 1 / rate])
            values = draw.normal(size=(len(starts), columns))
            names = tuple(f"c{column}" for column in range(columns))
            features[modality] = Features(values, times, np.ones(len(starts)), names, "made:1:0")
        clips.append(ClipFeatures(Clip(f"c{number}", "v"), features))
    return tuple(clips)


def report_cost(folder: Path) -> None:
    """Print the time to read a store, and the share of its hash."""
    store = _store(folder / "large", _realistic_clips())
    paths = [store.path_of(clip.id) for clip in store.clips()]
    data = [path.read_bytes() for path in paths]
    megabytes = sum(map(len, data)) / 1e6
    began = time.process_time()
    clips = list(store)
    read_s = time.process_time() - began
    began = time.process_time()
    for content in data:
        hashlib.sha256(content).hexdigest()
    hash_s = time.process_time() - began
    print(
        f"{len(clips)} clips of {CLIP_S} s, {megabytes:.0f} MB: read in {read_s:.2f} s, of which "
        f"hashing {hash_s:.2f} s ({megabytes / hash_s:.0f} MB/s)"
    )


def main() -> int:
    """Flip bits of each kind of file, print a line for each; return 1 if any went unnoticed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--flips", type=int, default=200, help="of each kind of file")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory(prefix="mmemo-flips-") as work:
        for path, read in kinds(Path(work)).items():
            count = unnoticed(path, read, options.flips, options.seed)
            print(f"{path.name:24} {options.flips} flips, {count} unnoticed", flush=True)
            failed = failed or count > 0
        report_cost(Path(work))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
