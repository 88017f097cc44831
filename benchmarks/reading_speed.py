"""Time per recording once the model is loaded: its answers, and their explanation.

    python -m benchmarks.reading_speed VIDEO ... [--run default]

Times are wall-clock times, so use an idle machine; the explanation is also given in CPU seconds.
The last column has the CPU seconds that the effects of words, voice and face add to the answers,
per second of recording.
The first recording is read once before anything is timed. A report takes both times and little
more; a single command also takes the loading.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

from mmemo.assets.shipped import DEFAULT, find_model
from mmemo.checkpoint import Checkpoint, load_checkpoint
from mmemo.inference import infer
from pipelines.api import EmotionReader
from pipelines.evaluation.text_table import grid
from pipelines.prediction.explanation import explain_recording
from pipelines.prediction.recording import Recording, answer
from pipelines.video_report.stability import bands

HEAD = ["recording", "seconds", "utterances", "answers", "share", "reasons", "share", "computing",
        "effects, s/s"]  # fmt: skip
REPEATS = 15


def main() -> int:
    """Print a row for each recording."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--run", default=DEFAULT)
    options = parser.parse_args()
    reader = EmotionReader(load_checkpoint(find_model(options.run)))
    reader.predict(options.videos[0])
    reader.forget()
    rows = [row_of(reader, video) for video in options.videos]
    print(grid([HEAD, *rows]))
    return 0


def row_of(reader: EmotionReader, video: Path) -> list[str]:
    """Time one recording."""
    began = time.perf_counter()
    recording = reader.read(video)
    predictions = reader.predict(video)
    answered, computed = time.perf_counter(), time.process_time()
    bands(reader.checkpoint, recording.clips)
    explain_recording(reader.checkpoint, recording, predictions)
    computing_s = time.process_time() - computed
    answers_s, reasons_s = answered - began, time.perf_counter() - answered
    long_s = recording.duration_s
    return [
        video.name,
        f"{long_s:.1f}",
        str(len(recording.utterances)),
        f"{answers_s:.1f}",
        f"{answers_s / long_s:.2f}",
        f"{reasons_s:.1f}",
        f"{reasons_s / long_s:.2f}",
        f"{computing_s:.1f}",
        f"{effects_s(reader.checkpoint, recording) / long_s:.4f}",
    ]


def effects_s(checkpoint: Checkpoint, recording: Recording) -> float:
    """Return the CPU seconds that effects add to one forward pass, a difference of medians."""
    times: dict[str, list[float]] = {"bare": [], "whole": []}
    for _ in range(REPEATS):
        began = time.process_time()
        infer(checkpoint.model, recording.clips, calibration=checkpoint.calibration)
        between = time.process_time()
        answer(checkpoint, recording)
        times["bare"].append(between - began)
        times["whole"].append(time.process_time() - between)
    return statistics.median(times["whole"]) - statistics.median(times["bare"])


if __name__ == "__main__":
    sys.exit(main())
