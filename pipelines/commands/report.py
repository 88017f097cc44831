"""``mmemo report``: one page about one video."""

import argparse
import logging
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmemo.errors import ConfigError
from pipelines.commands.options import (
    EXIT_INPUT,
    add_command,
    add_decoder,
    add_device,
    add_run,
    add_without,
    read_run,
)

if TYPE_CHECKING:
    from pipelines.commands.options import Commands
    from pipelines.video_report.reporter import Reporter

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
    from pipelines.outputs import STDOUT, check_output, stream_beside, write_output
    from pipelines.progress import REPORT, reading_bar
    from pipelines.workers.one_recording import read_apart

    out: Path = options.out or Path(f"{options.video.stem}.html")
    if not 0 <= options.embed_mb < math.inf:
        raise ConfigError(f"--embed-mb: expected 0 or more; got {options.embed_mb:g}")
    check_output(out, options.video, asked_by="--out")
    run = read_run(options)
    with reading_bar(options.video.name, REPORT) as on_progress:
        content, count, has_answers = read_apart(
            _load,
            (run, options.device, options.decoder, options.without, out, options.embed_mb),
            recording=options.video,
            on_progress=on_progress,
        )
    if out != STDOUT:
        logger.info("writing %s", out)
    write_output(out, content)
    size = f", {out.stat().st_size / 1e6:.1f} MB" if out.is_file() else ""
    summary = f"{out}: {count} utterance{'' if count == 1 else 's'}{size}"
    print(summary, file=stream_beside(out))
    if not has_answers:
        print(f"mmemo: {options.video}: nothing to read emotions from", file=sys.stderr)
        return EXIT_INPUT
    return 0


def _load(options: tuple[Any, ...]) -> "Reporter":
    from pipelines.video_report.reporter import Reporter

    return Reporter(*options)
