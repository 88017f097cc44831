"""Seconds per training step of each decoder, side by side, on word-aligned clips of MOSEI's shape.

    python -m benchmarks.model_speed [--batch 64] [--rows 60] [--rounds 7] [--device cpu]

Text (60, 300), audio (60, 74), visual (60, 35), six labels; forward, backward, clipping and AdamW.
The decoders take turns, so that a machine that slows down slows both; the ratio is the figure.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from mmemo.batch import ClipArrays, collate
from mmemo.config import ModelConfig
from mmemo.labels import EMOTIONS
from mmemo.model.emotion_model import build_model

DIMS = {"text": 300, "audio": 74, "visual": 35}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rows", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    steps = {
        decoder: _stepper(decoder, options.batch, options.rows, options.device)
        for decoder in ("lattice", "binary")
    }
    seconds: dict[str, list[float]] = {decoder: [] for decoder in steps}
    for turn in range(options.rounds + 1):
        for decoder, step in steps.items():
            started = time.perf_counter()
            step()
            if turn:  # the first turn warms up
                seconds[decoder].append(time.perf_counter() - started)
    for decoder, taken in seconds.items():
        median = statistics.median(taken)
        print(f"{decoder:<8} {median * 1e3:7.1f} ms a step  {options.batch / median:7.1f} clips/s")
    ratios = [a / b for a, b in zip(seconds["lattice"], seconds["binary"], strict=True)]
    print(
        f"lattice / binary: {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
    )


def _stepper(decoder: str, batch_size: int, rows: int, device: str) -> Callable[[], None]:
    torch.manual_seed(0)
    model = build_model(ModelConfig(decoder=decoder), DIMS, EMOTIONS).to(device)
    optimizer = torch.optim.AdamW(model.parameters())
    rng = np.random.default_rng(0)
    clips = [
        ClipArrays(
            str(number),
            {m: rng.normal(size=(rows, d)).astype(np.float32) for m, d in DIMS.items()},
            {m: np.ones(rows, dtype=bool) for m in DIMS},
            rng.integers(0, 2, len(EMOTIONS)),
        )
        for number in range(batch_size)
    ]
    batch = collate(clips, DIMS).to(device)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        model.loss(batch).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if device != "cpu":
            torch.cuda.synchronize()

    return step


if __name__ == "__main__":
    main()
