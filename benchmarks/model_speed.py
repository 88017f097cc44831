"""Time of a training step with each decoder, side by side, on word-aligned clips of MOSEI's shape.

    python -m benchmarks.model_speed [--batch 64] [--rows 60] [--rounds 15] [--device cpu]
                                     [--config FILE [--set KEY=VALUE]] [--precision float32]
                                     [--compile]

Text (60, 300), audio (60, 74), visual (60, 35), six labels; forward, backward, clipping and AdamW.
The model is that of the defaults, or of a configuration with its modalities.
The decoders take turns, so that a machine that slows down slows all of them; the ratio is the
figure, the median over the rounds with a bootstrap interval of 95 %. On a CPU time is that of one
core (``process_time`` with one thread), on a GPU that of the clock after waiting for the device,
with the floating-point operations of a step (counted by PyTorch: matrix products and attention)
over time as a share of the card's dense bf16 peak.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mmemo.batching.batch import ClipArrays
from mmemo.config import Config, ModelConfig
from mmemo.labels import EMOTIONS
from mmemo.model.emotion_model import build_model
from pipelines.evaluation.text_table import grid

DIMS = {"text": 300, "audio": 74, "visual": 35}
DECODERS = ("lattice", "binary", "sequence")
BF16_PEAK = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12, "RTX 4090": 165e12}
"""Dense bf16 operations per second, from the makers' data sheets (SXM where there are several)."""


class Step(NamedTuple):
    """One decoder's training step, its number of operations and of weights."""

    run: Callable[[], None]
    flops: int
    weights: int


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rows", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    steps = {decoder: _step(decoder, options) for decoder in DECODERS}
    clock = time.process_time if options.device == "cpu" else time.perf_counter
    seconds: dict[str, list[float]] = {decoder: [] for decoder in steps}
    for turn in range(options.rounds + 2):
        for decoder, step in steps.items():
            started = clock()
            step.run()
            if turn > 1:  # the first turns warm up (and compile)
                seconds[decoder].append(clock() - started)
    where = "one core" if options.device == "cpu" else torch.cuda.get_device_name()
    compiled = ", compiled" if options.compile else ""
    print(f"{where}, {options.precision}{compiled}, {options.batch} clips of {options.rows} rows\n")
    print(_table(steps, seconds, options))
    for other in ("binary", "sequence"):
        low, median, high = interval(seconds["lattice"], seconds[other])
        print(f"lattice / {other}: {median:.2f} ({low:.2f} to {high:.2f})")


def interval(one: list[float], other: list[float]) -> tuple[float, float, float]:
    """Return the median of the rounds' ratios between the ends of its 95 % interval."""
    ratios = np.array(one) / np.array(other)
    drawn = np.random.default_rng(0).choice(ratios, size=(2000, len(ratios)))
    low, high = np.quantile(np.median(drawn, axis=1), [0.025, 0.975])
    return float(low), float(np.median(ratios)), float(high)


def _table(
    steps: dict[str, Step], seconds: dict[str, list[float]], options: argparse.Namespace
) -> str:
    rows = [["decoder", "weights", "ms a step", "clips/s", "GFLOP a step", "of bf16 peak"]]
    for decoder, taken in seconds.items():
        median, flops = statistics.median(taken), steps[decoder].flops
        rows.append(
            [
                decoder,
                f"{steps[decoder].weights:,}",
                f"{median * 1e3:.1f}",
                f"{options.batch / median:.0f}",
                f"{flops / 1e9:.1f}",
                _share(flops / median, options.device),
            ]
        )
    return grid(rows)


def _share(flops_per_second: float, device: str) -> str:
    """Return the used share of the card's peak; empty without a known card."""
    if device == "cpu":
        return ""
    name = torch.cuda.get_device_name()
    peak = next((peak for card, peak in BF16_PEAK.items() if card in name), None)
    return "unknown" if peak is None else f"{flops_per_second / peak:.2%}"


def _step(decoder: str, options: argparse.Namespace) -> Step:
    torch.manual_seed(0)
    config = ModelConfig()
    if options.config is not None:
        config = Config.load(options.config, options.set).model
    kind = config.decoder.model_copy(update={"kind": decoder})
    config = config.model_copy(update={"decoder": kind})
    model = build_model(config, DIMS, EMOTIONS).to(options.device)
    optimizer = torch.optim.AdamW(model.parameters())
    batch = model.collate(_clips(options.batch, options.rows)).to(options.device)
    loss = torch.compile(model.loss) if options.compile else model.loss
    lower = options.precision == "bfloat16"

    def run() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(options.device.split(":")[0], torch.bfloat16, enabled=lower):
            value = loss(batch)
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if options.device != "cpu":
            torch.cuda.synchronize()

    with FlopCounterMode(display=False) as counted:
        model.loss(batch).backward()
    weights = sum(weight.numel() for weight in model.parameters())
    return Step(run, counted.get_total_flops(), weights)


def _clips(count: int, rows: int) -> list[ClipArrays]:
    """Make clips of noise; as in CMU-MOSEI, a clip carries 1.36 of the six labels on average."""
    rng = np.random.default_rng(0)
    return [
        ClipArrays(
            str(number),
            {m: rng.normal(size=(rows, d)).astype(np.float32) for m, d in DIMS.items()},
            {m: np.ones(rows, dtype=bool) for m in DIMS},
            (rng.random(len(EMOTIONS)) < 1.36 / len(EMOTIONS)).astype(np.int8),
        )
        for number in range(count)
    ]


if __name__ == "__main__":
    main()
