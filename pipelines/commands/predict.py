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
    add_decoder,
    add_device,
    add_run,
    positive,
    read_device,
    read_run,
)

if TYPE_CHECKING:
    from mmemo.prediction import Prediction
    from pipelines.commands.options import Commands

FORMS = ("jsonl", "csv", "parquet", "vtt", "srt", "eaf", "TextGrid", "mp4")


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
    add_run(command)
    add_decoder(command)
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
        help=f"forms to write: {', '.join(FORMS)} (default: jsonl); mp4 is the recording with the "
        "answers drawn",
    )
    command.add_argument("--jobs", type=positive, default=1, metavar="N", help="processes")
    add_device(command)


def _run(options: argparse.Namespace) -> int:
    from pipelines.prediction.output_folder import media_files

    run = read_run(options)
    media = media_files(options.video)
    if options.out is None:
        if options.form:
            raise ConfigError("--format: expected --out DIR with it; without, text is printed")
        failed = _to_screen(options, run, media)
    else:
        failed = _to_folder(options, run, media)
    if failed == len(media) == 1:
        return EXIT_INPUT
    return EXIT_PARTLY if failed else 0


def _to_screen(options: argparse.Namespace, run: Path, media: Sequence[Path]) -> int:
    """Print answers as they come; return how many recordings gave none."""
    from pipelines.prediction.many import Question, predict_many
    from pipelines.progress import reading_bar

    question = Question(run, options.decoder, read_device(options))
    outcomes = predict_many(
        question, media, jobs=options.jobs, progress_of=lambda file: reading_bar(file.name)
    )
    failed = 0
    for number, (file, predictions, error) in enumerate(outcomes):
        if predictions is not None:
            _print(file, predictions, options.json, first=number == 0)
        failed += _tell_failure(file, predictions, error)
    return failed


def _to_folder(options: argparse.Namespace, run: Path, media: Sequence[Path]) -> int:
    """Write files as answers come; return how many recordings gave none."""
    from mmemo.checkpoint import fingerprint
    from pipelines.prediction.many import Question, predict_many
    from pipelines.prediction.output_folder import PredictionFolder
    from pipelines.progress import MOVIE, READING, RecordingsBar, bar

    made_by = f"{fingerprint(run)} {options.decoder}"
    folder = PredictionFolder(options.out, options.form or ["jsonl"], made_by, media)
    waiting = [file for file in media if not folder.has(file)]
    movies = folder.movies(waiting)
    question = Question(run, options.decoder, read_device(options), movies)
    failed = 0
    with bar("reading", len(waiting)) as shown:
        counted = RecordingsBar(shown, MOVIE if movies else READING)
        outcomes = predict_many(
            question, waiting, jobs=options.jobs, progress_of=counted.progress_of
        )
        for file, predictions, error in outcomes:
            if predictions is not None:
                folder.write(file, predictions)
            failed += _tell_failure(file, predictions, error)
            counted.count()
    kept = len(media) - len(waiting)
    print(f"{folder.out}: {len(waiting) - failed} read, {kept} were there, {failed} failed")
    return failed


def _tell_failure(file: Path, predictions: "Sequence[Prediction] | None", error: str) -> bool:
    """Say on stderr why a recording gave no answer, if it gave none."""
    if predictions is None:
        print(f"mmemo: {error}", file=sys.stderr)
    elif all(prediction.labels is None for prediction in predictions):
        print(f"mmemo: {file}: nothing to read emotions from", file=sys.stderr)
    else:
        return False
    return True


def _print(media: Path, predictions: Sequence["Prediction"], as_json: bool, *, first: bool) -> None:
    from pipelines.prediction.exports.json_lines import to_json_lines
    from pipelines.prediction.exports.screen_text import prediction_text

    if as_json:
        print(to_json_lines(predictions).decode(), end="", flush=True)
    else:
        print(("" if first else "\n") + prediction_text(media, predictions), flush=True)
