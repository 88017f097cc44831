"""``mmemo predict``: read the emotions of videos."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mmemo.errors import MmemoError
from pipelines.commands.options import EXIT_INPUT, EXIT_PARTLY, add_command, add_device, read_device

if TYPE_CHECKING:
    from pipelines.commands.options import Commands

DEFAULT_RUN = Path("runs/sample")
DECODERS = ("jaccard", "hamming", "map", "threshold", "macro")


def add(commands: "Commands") -> None:
    """Add the command and its options."""
    command = add_command(
        commands,
        "predict",
        _run,
        "read the emotions of videos",
        "Split a video into utterances and say for each which emotions it carries, how probable "
        "each one is, and which modality spoke for it. It reads expressed emotion, as annotators "
        "would name it, not what a person feels.",
    )
    command.add_argument(
        "video", metavar="VIDEO", type=Path, nargs="+", help="video or sound file, of any length"
    )
    command.add_argument(
        "--run",
        type=Path,
        default=DEFAULT_RUN,
        metavar="RUN_DIR",
        help="the model (default: %(default)s)",
    )
    command.add_argument(
        "--decoder",
        choices=DECODERS,
        default="threshold",
        help="what the answer is chosen for (default: %(default)s)",
    )
    command.add_argument(
        "--json", action="store_true", help="print one JSON object per utterance, one a line"
    )
    add_device(command)


def _run(options: argparse.Namespace) -> int:
    from mmemo.checkpoint import load_checkpoint
    from pipelines.predict import predict
    from pipelines.prediction_text import prediction_text

    checkpoint = load_checkpoint(options.run, read_device(options))
    failed = 0
    for number, media in enumerate(options.video):
        try:
            predictions = predict(checkpoint, media, decoder=options.decoder)
        except MmemoError as error:
            print(f"mmemo: {error}", file=sys.stderr)
            failed += 1
            continue
        if options.json:
            for prediction in predictions:
                print(json.dumps(prediction.to_json(), ensure_ascii=False), flush=True)
        else:
            print(("\n" if number else "") + prediction_text(media, predictions), flush=True)
        if all(prediction.labels is None for prediction in predictions):
            print(f"mmemo: {media}: nothing to read emotions from", file=sys.stderr)
            failed += 1
    if failed == len(options.video) == 1:
        return EXIT_INPUT
    return EXIT_PARTLY if failed else 0
