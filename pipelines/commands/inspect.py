"""``mmemo inspect``: a video of a recording with its measurements."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmemo.assets.shipped import DEFAULT, has_model
from pipelines.commands.options import add_command, add_device, add_run, read_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.commands.options import Commands

NO_MODEL = "none"


def add(commands: "Commands") -> None:
    """Add the command and its options."""
    command = add_command(
        commands,
        "inspect",
        _run,
        "write a video with measurements",
        "Write a video (H.264, AAC) with face landmarks on the picture, the evidence for action "
        "units and emotions beside it, and pitch, loudness and words below. Frames without a face "
        'are marked "no face"; of several faces, the measured one is green.',
    )
    command.add_argument("video", metavar="VIDEO", type=Path, help="video or sound file")
    command.add_argument(
        "--out",
        type=Path,
        metavar="FILE.mp4",
        help="where to write (default: VIDEO.inspect.mp4 in the current folder)",
    )
    add_run(command, otherwise=f", if it is installed; {NO_MODEL}: show no answers")
    add_device(command)


def _run(options: argparse.Namespace) -> int:
    from pipelines.outputs import stream_beside
    from pipelines.workers.one_recording import read_apart

    run = None
    if options.run != NO_MODEL and (options.run != DEFAULT or has_model(DEFAULT)):
        run = read_run(options)
    out = options.out or Path(f"{options.video.stem}.inspect.mp4")
    summary = read_apart(_load, run, options.device, out, recording=options.video)
    print(f"{out}: {summary}", file=stream_beside(out))
    return 0


def _load(run: Path | None, device: str, out: Path) -> "Callable[[Path], str]":
    """Return what writes the video of a recording and returns a summary."""
    from extractors.media import probe
    from mmemo.checkpoint import load_checkpoint
    from pipelines.api import EmotionReader
    from pipelines.device import find_device
    from pipelines.inspect import inspect
    from pipelines.workers.reading_limits import allow_recording

    reader = None
    if run is not None:
        reader = EmotionReader(load_checkpoint(run, find_device(device, asked_by="--device")))

    def write(recording: Path) -> str:
        allow_recording(probe(recording).duration_s)
        measured = inspect(recording, out, reader=reader)
        visual = measured.clip.features.get("visual")
        face_percent = 0.0 if visual is None else 100 * float(visual.valid.mean())
        words = sum(len(piece.words) > 0 for piece in measured.utterances)
        return (
            f"{measured.info.duration_s:.1f} s, a face in {face_percent:.0f} % of the frames, "
            f"{words} utterances with words"
        )

    return write
