"""Time per recording once the model is loaded: its answers, and their explanation.

    python -m benchmarks.reading_speed VIDEO ... [--run default]

Times are wall-clock times, so use an idle machine; the explanation is also given in CPU seconds.
The first recording is read once before anything is timed. A report takes both times and little
more; a single command also takes the loading.
"""

import argparse
import sys
import time
from pathlib import Path

from mmemo.assets.shipped import DEFAULT, find_model
from mmemo.checkpoint import load_checkpoint
from pipelines.api import EmotionReader
from pipelines.evaluation.text_table import grid
from pipelines.prediction.explanation import explain_recording
from pipelines.video_report.stability import bands

HEAD = ["recording", "seconds", "utterances", "answers", "share", "reasons", "share", "computing"]


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
    ]


if __name__ == "__main__":
    sys.exit(main())
