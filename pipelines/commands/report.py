"""``mmemo report``: one page about one video."""

import argparse
import logging
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mmemo.errors import ConfigError
from pipelines.commands.options import (
    EXIT_INPUT,
    add_command,
    add_decoder,
    add_device,
    add_run,
    add_without,
    read_device,
    read_run,
)

if TYPE_CHECKING:
    from pipelines.commands.options import Commands

logger = logging.getLogger(__name__)


def add(commands: "Commands") -> None:
    """Add the command and its options."""
    command = add_command(
        commands,
        "report",
        _run,
        "write a page about a video",
        "Write one HTML file about a video that a browser opens without anything else: the "
        "recording, six emotions over time with their uncertainty, the words coloured by their "
        "effect, the effects of words, voice and face, pitch, energy and action units. It shows "
        "expressed emotion, as annotators would name it, not what a person feels.",
    )
    command.add_argument("video", metavar="VIDEO", type=Path, help="video or sound file")
    add_run(command)
    command.add_argument(
        "--out",
        type=Path,
        metavar="FILE.html",
        help="where to write, - for standard output (default: VIDEO.html in the current folder)",
    )
    add_decoder(command)
    add_without(command)
    command.add_argument(
        "--embed-mb",
        type=float,
        default=20.0,
        metavar="MB",
        help="embed the recording, or a smaller copy, up to this size; otherwise link it; 0 always "
        "links (default: %(default)g)",
    )
    add_device(command)


def _run(options: argparse.Namespace) -> int:
    from mmemo.checkpoint import load_checkpoint
    from pipelines.api import EmotionReader, write_report
    from pipelines.outputs import STDOUT, check_output, stream_beside
    from pipelines.prediction.left_out import modalities_left_out
    from pipelines.progress import REPORT, reading_bar

    out: Path = options.out or Path(f"{options.video.stem}.html")
    if not 0 <= options.embed_mb < math.inf:
        raise ConfigError(f"--embed-mb: expected 0 or more; got {options.embed_mb:g}")
    check_output(out, options.video, asked_by="--out")
    reader = EmotionReader(load_checkpoint(read_run(options), read_device(options)))
    without = modalities_left_out(options.without, reader.modalities, asked_by="--without")
    with reading_bar(options.video.name, REPORT) as on_progress:
        report = reader.report_content(
            options.video, decoder=options.decoder, without=without, on_progress=on_progress
        )
    if out != STDOUT:
        logger.info("writing %s", out)
    write_report(report, options.video, out, embed_mb=options.embed_mb)
    count = len(report.predictions)
    size = f", {out.stat().st_size / 1e6:.1f} MB" if out.is_file() else ""
    summary = f"{out}: {count} utterance{'' if count == 1 else 's'}{size}"
    print(summary, file=stream_beside(out))
    if all(prediction.labels is None for prediction in report.predictions):
        print(f"mmemo: {options.video}: nothing to read emotions from", file=sys.stderr)
        return EXIT_INPUT
    return 0
