"""``mmemo predict``: read the emotions of videos."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmemo.errors import ConfigError
from pipelines.commands.options import (
    EXIT_INPUT,
    EXIT_PARTLY,
    add_command,
    add_device,
    positive,
    read_device,
)

if TYPE_CHECKING:
    from mmemo.prediction import Prediction
    from pipelines.commands.options import Commands
    from pipelines.prediction_folder import PredictionFolder

DEFAULT_RUN = Path("runs/sample")
DECODERS = ("jaccard", "jaccard1", "hamming", "map", "threshold", "macro")
FORMS = ("jsonl", "csv", "parquet", "vtt", "srt", "eaf", "TextGrid")


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
        "video",
        metavar="VIDEO",
        type=Path,
        nargs="+",
        help="video or sound file, or a folder of them",
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
    command.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="write files instead; recordings that are done there are not read again",
    )
    command.add_argument(
        "--format",
        dest="form",
        nargs="+",
        action="extend",
        choices=FORMS,
        default=[],
        metavar="FORM",
        help=f"forms to write: {', '.join(FORMS)} (default: jsonl)",
    )
    command.add_argument("--jobs", type=positive, default=1, metavar="N", help="processes")
    add_device(command)


def _run(options: argparse.Namespace) -> int:
    from pipelines.predict_many import predict_many
    from pipelines.prediction_folder import media_files
    from pipelines.progress import track

    media = media_files(options.video)
    folder = _folder(options, media)
    waiting = [file for file in media if folder is None or not folder.has(file)]
    failed = 0
    outcomes = predict_many(
        options.run,
        waiting,
        decoder=options.decoder,
        device=read_device(options),
        jobs=options.jobs,
    )
    if folder is not None:
        outcomes = track(outcomes, "reading", len(waiting))
    for number, (file, predictions, error) in enumerate(outcomes):
        if predictions is None:
            print(f"mmemo: {error}", file=sys.stderr)
            failed += 1
            continue
        if folder is not None:
            folder.write(file, predictions)
        else:
            _print(file, predictions, options.json, first=number == 0)
        if all(prediction.labels is None for prediction in predictions):
            print(f"mmemo: {file}: nothing to read emotions from", file=sys.stderr)
            failed += 1
    if folder is not None:
        kept = len(media) - len(waiting)
        print(f"{folder.out}: {len(waiting) - failed} read, {kept} were there, {failed} failed")
    if failed == len(media) == 1:
        return EXIT_INPUT
    return EXIT_PARTLY if failed else 0


def _folder(options: argparse.Namespace, media: Sequence[Path]) -> "PredictionFolder | None":
    if options.out is None:
        if options.form:
            raise ConfigError("--format: expected --out DIR with it; without, text is printed")
        return None
    from mmemo.checkpoint import fingerprint
    from pipelines.prediction_folder import PredictionFolder

    made_by = f"{fingerprint(options.run)} {options.decoder}"
    return PredictionFolder(options.out, options.form or ["jsonl"], made_by, media)


def _print(media: Path, predictions: Sequence["Prediction"], as_json: bool, *, first: bool) -> None:
    from pipelines.exports.json_lines import to_json_lines
    from pipelines.prediction_text import prediction_text

    if as_json:
        print(to_json_lines(predictions).decode(), end="", flush=True)
    else:
        print(("" if first else "\n") + prediction_text(media, predictions), flush=True)
