"""``mmemo evaluate``: score a model on labelled clips."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmemo.errors import ConfigError
from pipelines.commands.evaluation_output import add_evaluation_output, show_evaluation
from pipelines.commands.options import add_command, add_data, add_device, find_run, read_device

if TYPE_CHECKING:
    from pipelines.commands.options import Commands


def add(commands: "Commands") -> None:
    """Add the command and its options."""
    command = add_command(
        commands,
        "evaluate",
        _run,
        "score a model on labelled clips",
        "Score a trained model with every metric of the field and its confidence interval, beside "
        "the scores of constant answers and of the label frequencies.",
    )
    command.add_argument(
        "run_dir",
        metavar="RUN",
        help="a folder made by `mmemo train`, hf://OWNER/NAME of the Hugging Face hub, or default, "
        "the model that comes with mmemo",
    )
    add_data(command)
    command.add_argument(
        "--split",
        choices=("train", "valid", "test", "all"),
        help="which clips to score (default: test if there are any, else valid, else those "
        "without a split; never train)",
    )
    command.add_argument(
        "--without",
        nargs="+",
        action="extend",
        default=[],
        metavar="MODALITY",
        help="hide modalities from the model: text, audio, visual",
    )
    command.add_argument(
        "--against",
        type=Path,
        metavar="FILE",
        help="compare with these predictions about the same clips (see `mmemo score`)",
    )
    command.add_argument(
        "--gaps",
        action="store_true",
        help="also score it with 10 to 70 %% of the words, the voice and the face of each clip "
        "missing, which reads them up to 17 more times",
    )
    command.add_argument(
        "--predictions",
        type=Path,
        metavar="FILE",
        help="write the predictions: .npz, .json or .csv; - for CSV on standard output",
    )
    add_evaluation_output(command)
    add_device(command)


def _run(options: argparse.Namespace) -> int:
    from mmemo.checkpoint import load_checkpoint
    from pipelines.data.load import load_data
    from pipelines.evaluation.build import build_evaluation
    from pipelines.evaluation.evaluate import answer, check_readable, choose_split
    from pipelines.evaluation.gaps import gap_scores
    from pipelines.evaluation.sheets.files import read_sheet, write_predictions
    from pipelines.evaluation.sheets.sheet import answers_of

    if options.gaps and options.without:
        raise ConfigError("--gaps: expected no --without beside it; that hides whole modalities")
    checkpoint = load_checkpoint(find_run(options.run_dir), read_device(options))
    unknown = set(options.without) - set(checkpoint.inputs)
    if unknown:
        raise ConfigError(
            f"--without: expected modalities of the model ({', '.join(checkpoint.inputs)}); "
            f"got {', '.join(sorted(unknown))}"
        )
    dataset = load_data(options.data, checkpoint.config, checkpoint.labels)
    split, clips = choose_split(dataset, options.split)
    check_readable(checkpoint, clips, without=options.without, where=str(options.run_dir))
    gold, answers = answer(checkpoint, clips, without=options.without, where=str(options.run_dir))
    against = None
    if options.against:
        against = answers_of(read_sheet(options.against, gold.labels), gold)
    if options.predictions:
        write_predictions(options.predictions, gold, answers)
    evaluation = build_evaluation(
        gold, answers, set_counts=checkpoint.trained_on.set_counts, against=against
    )
    if options.gaps:
        evaluation["gaps"] = gap_scores(checkpoint, clips)
    about: dict[str, object] = {
        "dataset": dataset.name,
        "split": split,
        "demonstration": dataset.demonstration,
        "without": sorted(options.without),
        "model": str(options.run_dir),
    }
    title = f"{options.run_dir} on {dataset.name}, {split}"
    if options.without:
        title += f", without {' and '.join(sorted(options.without))}"
    show_evaluation(options, evaluation, about, title)
    return 0
