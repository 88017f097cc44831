"""The ``mmemo`` command: what may be asked, and how answers and errors leave the program.

Results go to stdout, everything else to stderr. Exit codes: 0 all done; 1 the input or the
environment is at fault (one line says how); 2 wrong usage; 3 some clips could not be read;
130 interrupted. Heavy packages are imported by the commands that need them, so that help is quick.
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmemo import __version__
from mmemo.errors import ConfigError, MmemoError

if TYPE_CHECKING:
    from mmemo.config import Config

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

EXIT_INPUT, EXIT_PARTLY, EXIT_INTERRUPTED = 1, 3, 130
DEFAULT_CONFIG = Path(__file__).parent / "configs" / "sample.toml"
DEFAULT_RUN = Path("runs/sample")
DECODERS = ("jaccard", "hamming", "map", "threshold")

EXAMPLES = """examples:
  mmemo features my_clips --out data/features
  mmemo train --config pipelines/configs/sample.toml --data data/features --out runs/mine
  mmemo evaluate runs/mine --data data/features
  mmemo predict talk.mp4 --run runs/mine
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    # Must be set before torch loads: threads that spin while they wait slow each other down.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    options = _parser().parse_args(arguments)
    _log_to_stderr(options.quiet, options.verbose)
    try:
        code: int = options.run_command(options)
        sys.stdout.flush()
        return code
    except MmemoError as error:
        print(f"mmemo: {error}", file=sys.stderr)
        return EXIT_INPUT
    except KeyboardInterrupt:
        print("mmemo: interrupted; run the same command again to go on", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has seen enough; keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        print(f"mmemo: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
        return EXIT_INPUT


def _features(options: argparse.Namespace) -> int:
    from mmemo.datasets.source import read_source
    from pipelines.extract import FAILURES_FILE, extract

    config = _config(options)
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
        f"{options.out}: {result.done} clips extracted, {result.kept} were there already, "
        f"{len(result.failures)} failed"
    )
    for failure in result.failures:
        print(f"mmemo: {failure.media}: {failure.error}", file=sys.stderr)
    if result.failures:
        print(f"mmemo: failed clips are listed in {options.out / FAILURES_FILE}", file=sys.stderr)
    return EXIT_PARTLY if result.failures else 0


def _train(options: argparse.Namespace) -> int:
    from pipelines.data import load_data
    from pipelines.train import finished, train

    config = _config(options)
    if finished(options.out) and not options.force:
        raise ConfigError(
            f"{options.out}: holds a finished run; choose another --out, or --force to replace it"
        )
    dataset = load_data(options.data, config.features)
    checkpoint = train(config, dataset, options.out, _device(options.device))
    figures = ", ".join(f"{name} {value:.3f}" for name, value in checkpoint.valid.items())
    print(f"{options.out}: trained; on the validation clips: {figures}")
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from mmemo.checkpoint import load_checkpoint
    from pipelines.data import load_data
    from pipelines.evaluate import choose_split, evaluate
    from pipelines.results_table import results_table

    checkpoint = load_checkpoint(options.run_dir, _device(options.device))
    unknown = set(options.without) - set(checkpoint.inputs)
    if unknown:
        raise ConfigError(
            f"--without: expected modalities of the model ({', '.join(checkpoint.inputs)}); "
            f"got {', '.join(sorted(unknown))}"
        )
    dataset = load_data(options.data, checkpoint.config.features)
    split, clips = choose_split(dataset, options.split)
    report = evaluate(checkpoint, clips, without=options.without)
    about = {
        "dataset": dataset.name,
        "split": split,
        "demonstration": dataset.demonstration,
        "without": sorted(options.without),
        "model": str(options.run_dir),
    }
    if options.json:
        print(json.dumps({**report, **about}))
    else:
        title = f"{options.run_dir} on {dataset.name}, {split}"
        if options.without:
            title += f", without {' and '.join(sorted(options.without))}"
        print(results_table(report, title=title, demonstration=dataset.demonstration))
    return 0


def _predict(options: argparse.Namespace) -> int:
    from mmemo.checkpoint import load_checkpoint
    from pipelines.predict import predict
    from pipelines.prediction_text import prediction_text

    checkpoint = load_checkpoint(options.run, _device(options.device))
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


def _config(options: argparse.Namespace) -> "Config":
    from mmemo.config import Config

    return Config.load(options.config, options.set)


def _device(name: str) -> str:
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"--device {name}: not available ({reason}); try auto") from None
    return name


def _log_to_stderr(quiet: bool, verbose: bool) -> None:
    level = logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr, force=True)
    for package in ("mmemo", "extractors", "pipelines"):
        logging.getLogger(package).setLevel(level)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mmemo",
        description="Read emotions from video: words, voice and face in, a set of emotions out.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mmemo {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_features(commands)
    _add_train(commands)
    _add_evaluate(commands)
    _add_predict(commands)
    return parser


def _add_features(commands: "Commands") -> None:
    command = _command(
        commands,
        "features",
        _features,
        "make the features of a folder of clips",
        "Measure words, voice and face of every clip and store them. A run that was stopped goes "
        "on where it was. DATA is a folder with labels.csv (columns: media, and optionally id, "
        "video_id, split, start, end and the six emotions), a folder of media files, or a single "
        "media file. A transcript beside a video (.json, .vtt, .srt, .TextGrid with the same name) "
        "is used; otherwise the words are recognised (English).",
    )
    command.add_argument("data", metavar="DATA", type=Path, help="folder of clips, or a media file")
    command.add_argument("--out", required=True, type=Path, metavar="DIR", help="where to store")
    _add_config(command)
    command.add_argument(
        "--jobs", type=_positive, default=os.cpu_count() or 1, metavar="N", help="processes"
    )
    command.add_argument("--force", action="store_true", help="extract again what is there")


def _add_train(commands: "Commands") -> None:
    command = _command(
        commands,
        "train",
        _train,
        "fit a model to features",
        "Fit a model on the clips of the split 'train', choosing epoch and thresholds on 'valid'. "
        "A run that was stopped goes on after its last finished epoch.",
    )
    _add_config(command)
    _add_data(command)
    command.add_argument("--out", required=True, type=Path, metavar="RUN_DIR", help="for the model")
    command.add_argument("--force", action="store_true", help="replace a finished run")
    _add_device(command)


def _add_evaluate(commands: "Commands") -> None:
    command = _command(
        commands,
        "evaluate",
        _evaluate,
        "score a model on labelled clips",
        "Score a trained model beside the constant baselines, with every metric of the field.",
    )
    command.add_argument("run_dir", metavar="RUN_DIR", type=Path, help="made by `mmemo train`")
    _add_data(command)
    command.add_argument(
        "--split",
        choices=("train", "valid", "test", "all"),
        help="which clips to score (default: test if there are any, else all)",
    )
    command.add_argument(
        "--without",
        nargs="+",
        action="extend",
        default=[],
        metavar="MODALITY",
        help="hide modalities from the model: text, audio, visual",
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")
    _add_device(command)


def _add_predict(commands: "Commands") -> None:
    command = _command(
        commands,
        "predict",
        _predict,
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
    _add_device(command)


def _command(
    commands: "Commands", name: str, run: object, summary: str, description: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=summary, description=description)
    command.set_defaults(run_command=run)
    command.add_argument("--quiet", action="store_true", help="warnings and errors only")
    command.add_argument("--verbose", action="store_true", help="tell more")
    return command


def _add_config(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--config",
        type=Path,
        default=DEFAULT_CONFIG,
        metavar="FILE",
        help="options in TOML (default: those of the sample corpus)",
    )
    command.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="override options, such as train.epochs=5 model.decoder=binary",
    )


def _add_data(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data",
        nargs="+",
        action="extend",
        required=True,
        type=Path,
        metavar="PATH",
        help="feature stores, or tables of transcribed segments (.csv, .csv.gz)",
    )


def _add_device(command: argparse.ArgumentParser) -> None:
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 ...")


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more; got {value}")
    return value


if __name__ == "__main__":
    sys.exit(main())
