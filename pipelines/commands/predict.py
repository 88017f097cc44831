"""``mmemo predict``: read the emotions of videos."""

import argparse
import sys
from collections.abc import Iterator, Sequence
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
    add_without,
    positive,
    read_run,
)

if TYPE_CHECKING:
    from mmemo.prediction import Prediction
    from pipelines.commands.options import Commands
    from pipelines.prediction.output_folder import PredictionFolder
    from pipelines.prediction.request import Result

FORMS = ("jsonl", "csv", "parquet", "vtt", "srt", "eaf", "TextGrid", "mp4")
TEXT_FORMS = tuple(form for form in FORMS if form not in ("parquet", "mp4"))


def add(commands: "Commands") -> None:
    """Add the command and its options."""
    command = add_command(
        commands,
        "predict",
        _run,
        "read the emotions of videos",
        "Split a video into utterances and print for each one its emotions, the probability of "
        "each emotion, and how far it falls when words, voice or face are hidden. It reads "
        "expressed emotion, as annotators would name it, not what a person feels.",
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
    add_without(command)
    command.add_argument(
        "--json", action="store_true", help="print one JSON object per utterance and line"
    )
    command.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="write files instead; recordings that are done in DIR are not read again; - writes "
        "one form to standard output",
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
        "answers drawn on it",
    )
    command.add_argument("--jobs", type=positive, default=1, metavar="N", help="processes")
    add_device(command)


def _run(options: argparse.Namespace) -> int:
    from pipelines.outputs import goes_to_stdout
    from pipelines.prediction.output_folder import media_files

    run = read_run(options)
    media = media_files(options.video)
    if options.out is None:
        if options.form:
            raise ConfigError("--format: expected --out DIR with it; without it, text is printed")
        failed = _to_screen(options, run, media)
    elif goes_to_stdout(options.out):
        failed = _to_stdout(options, run, media)
    else:
        failed = _to_folder(options, run, media)
    if failed == len(media) == 1:
        return EXIT_INPUT
    return EXIT_PARTLY if failed else 0


def _to_screen(options: argparse.Namespace, run: Path, media: Sequence[Path]) -> int:
    """Print results as they come; return how many recordings failed."""
    failed = 0
    for number, result in enumerate(_results(options, run, media)):
        if result.predictions is not None:
            _print(result.recording, result.predictions, options.json, first=number == 0)
        failed += _warn_failure(result)
    return failed


def _to_stdout(options: argparse.Namespace, run: Path, media: Sequence[Path]) -> int:
    """Write results in one form to standard output; return how many recordings failed."""
    from pipelines.outputs import STDOUT, write_output
    from pipelines.prediction.exports import export

    form, *others = dict.fromkeys(options.form or ["jsonl"])
    if others or form not in TEXT_FORMS:
        raise ConfigError(
            f"--out {options.out}: expected one --format of {', '.join(TEXT_FORMS)}; "
            f"got {' '.join(options.form)}"
        )
    if form != "jsonl" and len(media) > 1:
        raise ConfigError(
            f"--out {options.out}: expected one recording with --format {form}; got {len(media)}; "
            "use --out DIR"
        )
    failed = 0
    for result in _results(options, run, media):
        if result.predictions is not None:
            content = export(form, result.predictions, folder=Path(), duration_s=result.duration_s)
            write_output(STDOUT, content)
        failed += _warn_failure(result)
    return failed


def _results(options: argparse.Namespace, run: Path, media: Sequence[Path]) -> "Iterator[Result]":
    """Yield results as they come, with a bar per recording."""
    from pipelines.prediction.many import predict_many
    from pipelines.prediction.request import Request
    from pipelines.progress import reading_bar

    request = Request(run, options.decoder, options.device, without=options.without)
    return predict_many(
        request, media, jobs=options.jobs, progress_of=lambda file: reading_bar(file.name)
    )


def _to_folder(options: argparse.Namespace, run: Path, media: Sequence[Path]) -> int:
    """Write files as results come; return how many recordings failed."""
    from mmemo.checkpoint import fingerprint
    from pipelines.prediction.many import predict_many
    from pipelines.prediction.output_folder import PredictionFolder
    from pipelines.prediction.request import Request
    from pipelines.progress import MOVIE, READING, RecordingsBar, bar

    made_by = " ".join([fingerprint(run), options.decoder, *_without(options)])
    folder = PredictionFolder(options.out, options.form or ["jsonl"], made_by, media)
    waiting = [file for file in media if not folder.has(file)]
    movies = folder.movies(waiting)
    request = Request(run, options.decoder, options.device, movies, options.without)
    failed, failures = 0, {}
    with bar("reading", len(waiting)) as shown:
        recordings = RecordingsBar(shown, MOVIE if movies else READING)
        progress_of = recordings.progress_of
        for result in predict_many(request, waiting, jobs=options.jobs, progress_of=progress_of):
            outcome = write_result(result, folder)
            failed += _warn_failure(outcome)
            if outcome.predictions is None:
                failures[outcome.recording] = outcome.error
            recordings.count()
    folder.write_joined(failures)
    folder.write_overview(failures)
    done = len(media) - len(waiting)
    print(f"{folder.out}: {len(waiting) - failed} read, {done} were there, {failed} failed")
    return failed


def write_result(result: "Result", folder: "PredictionFolder") -> "Result":
    """Write a result; where its files cannot be written, return that as its failure."""
    from mmemo.disk.space import stop_if_full
    from pipelines.prediction.request import Result

    if result.predictions is None:
        return result
    try:
        folder.write(result.recording, result.predictions, result.duration_s)
        return result
    except OSError as error:
        stop_if_full(error, folder.out)
        reason = f"expected to write its answers to {folder.out} ({error.strerror or error})"
        return Result(result.recording, None, f"{result.recording}: {reason}")


def _without(options: argparse.Namespace) -> list[str]:
    """Identify what is left out of the answers."""
    return [f"without {name}" for name in sorted(set(options.without))]


def _warn_failure(result: "Result") -> bool:
    """Print on stderr why a recording has no emotions; return whether it has none."""
    if result.predictions is None:
        print(f"mmemo: {result.error}", file=sys.stderr)
    elif all(prediction.labels is None for prediction in result.predictions):
        print(f"mmemo: {result.recording}: nothing to read emotions from", file=sys.stderr)
    else:
        return False
    return True


def _print(media: Path, predictions: Sequence["Prediction"], as_json: bool, *, first: bool) -> None:
    from pipelines.outputs import STDOUT, write_output
    from pipelines.prediction.exports.json_lines import to_json_lines
    from pipelines.prediction.exports.screen_text import prediction_text

    if as_json:
        # Bytes, because JSON is UTF-8 whatever the terminal is.
        write_output(STDOUT, to_json_lines(predictions))
    else:
        print(("" if first else "\n") + prediction_text(media, predictions), flush=True)
