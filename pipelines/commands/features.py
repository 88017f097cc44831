"""``mmemo features``: extracts the features of a folder of clips."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.commands.options import EXIT_PARTLY, add_command, add_config, positive, read_config
from pipelines.workers.threads import usable_cores

if TYPE_CHECKING:
    from pipelines.commands.options import Commands


def add(commands: "Commands") -> None:
    """Add the command and its options."""
    command = add_command(
        commands,
        "features",
        _run,
        "extract the features of a folder of clips",
        "Measure words, voice and face of every clip and store them. A stopped run is resumed. "
        "DATA is a folder with labels.csv (columns: media, and optionally id, video_id, split, "
        "start, end and the six emotions), a folder of media files, or a single media file. A "
        "transcript beside a video (.json, .vtt, .srt, .TextGrid with the same name) is used; "
        "otherwise the words are recognised (English).",
    )
    command.add_argument("data", metavar="DATA", type=Path, help="folder of clips, or a media file")
    command.add_argument("--out", required=True, type=Path, metavar="DIR", help="feature store")
    add_config(command)
    command.add_argument(
        "--jobs", type=positive, default=usable_cores(), metavar="N", help="processes"
    )
    command.add_argument("--force", action="store_true", help="replace clips of the store")


def _run(options: argparse.Namespace) -> int:
    from mmemo.datasets.source import read_source
    from pipelines.data.extract import FAILURES_FILE, extract

    config = read_config(options)
    source = read_source(options.data)
    result = extract(
        source.clips,
        source.info,
        options.out,
        config.features,
        jobs=options.jobs,
        force=options.force,
    )
    print(
        f"{options.out}: {result.done} clips extracted, {result.existing} were there already, "
        f"{len(result.failures)} failed"
    )
    for failure in result.failures:
        named = failure.error.startswith(failure.media)
        reason = failure.error if named else f"{failure.media}: {failure.error}"
        print(f"mmemo: {reason}", file=sys.stderr)
    if result.failures:
        print(f"mmemo: failed clips are listed in {options.out / FAILURES_FILE}", file=sys.stderr)
    return EXIT_PARTLY if result.failures else 0
