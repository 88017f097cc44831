"""The command that makes the sample corpus: 200 clips with planted emotions, in a minute or two.

    python -m pipelines.sample.corpus FOLDER [--clips 200] [--seed 7] [--jobs 2]

Every step, from video to results table, can then be run on a fresh machine without any data set.
Scores on it show that the program works and say nothing about real emotion. ``build`` documents
the files that it writes.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from pipelines.interrupts import run_interruptibly


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the corpus and return the exit code; see ``pipelines.cli.main`` for interrupts."""
    if arguments is None:
        return run_interruptibly(lambda: main(sys.argv[1:]))
    # All but the standard library is imported late: an interrupt may come meanwhile.
    from mmemo.errors import MmemoError
    from pipelines.progress import bar
    from pipelines.sample.build import build

    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        with bar("making the sample corpus", options.clips) as shown:
            build(
                options.folder,
                clips=options.clips,
                seed=options.seed,
                jobs=options.jobs,
                progress=lambda done, total: shown.advance_to(done),
            )
    except MmemoError as error:
        print(f"mmemo: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"mmemo: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
        return 1
    print(f"{options.folder}: {options.clips} clips")
    return 0


def _parser() -> argparse.ArgumentParser:
    from pipelines.sample.build import DEFAULT_CLIPS, DEFAULT_SEED

    parser = argparse.ArgumentParser(
        prog="python -m pipelines.sample.corpus",
        description="Make the synthetic sample corpus, or its missing clips.",
    )
    parser.add_argument("folder", type=Path, help="where to put it")
    parser.add_argument("--clips", type=int, default=DEFAULT_CLIPS, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="(%(default)s)")
    parser.add_argument("--jobs", type=int, default=None, help="processes (one per core)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
