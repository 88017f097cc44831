"""``python -m pipelines.default_model``: make the checkpoint that comes with the package."""

import argparse
import logging
import sys
from pathlib import Path

from mmemo.assets.shipped import find_model
from mmemo.config import Config
from mmemo.errors import MmemoError
from pipelines.default_model.build import DEFAULT_CONFIG, Sources, build


def main() -> int:
    """Build the model; an interrupted run resumes."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.default_model", description=__doc__)
    for name, description in (
        ("mosei", "train.csv.gz and valid.csv.gz: CMU-MOSEI's words and labels"),
        ("faces", "FER2013: train.zip"),
        ("out", "for the checkpoint"),
    ):
        parser.add_argument(f"--{name}", type=Path, required=True, metavar="DIR", help=description)
    parser.add_argument(
        "--voices",
        type=Path,
        nargs="+",
        required=True,
        metavar="DIR",
        help="labelled voices: RAVDESS's files, or a table of files, emotions and speakers",
    )
    parser.add_argument(
        "--words",
        metavar="RUN",
        help="a trained model, or default, that has the weights for words (default: train one)",
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=Path("runs/default-build"),
        metavar="DIR",
        help="for intermediate results (default: %(default)s)",
    )
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="extracting processes")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        config = Config.load(options.config, options.set)
        words = find_model(options.words) if options.words else None
        sources = Sources(options.mosei, options.voices, options.faces)
        checkpoint = build(
            sources, options.work, options.out, config, words=words, jobs=options.jobs
        )
    except MmemoError as error:
        print(f"default model: {error}", file=sys.stderr)
        return 1
    figures = ", ".join(f"{name} {value:.3f}" for name, value in checkpoint.valid.items())
    print(f"{options.out}: {figures}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
