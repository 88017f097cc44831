"""The ``mmemo`` command: its parser, its output and its exit codes.

Results go to stdout, everything else to stderr. Exit codes: 0 done; 1 the input or the environment
is at fault (one line on stderr); 2 wrong usage; 3 some clips could not be read; 130 interrupted.
Each command imports the heavy packages it needs itself, so that help is quick.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from pipelines.interrupts import run_interruptibly
from pipelines.workers.threads import fix_threads

EXAMPLES = """examples:
  mmemo predict talk.mp4
  mmemo features my_clips --out data/features
  mmemo train --config pipelines/configs/sample.toml --data data/features --out runs/mine
  mmemo evaluate runs/mine --data data/features
  mmemo predict talk.mp4 --run runs/mine
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code.

    Without ``arguments`` it is the program: it reads the command line, and an interrupt ends the
    process. Otherwise an interrupt is raised as usual.
    """
    if arguments is None:
        fix_threads()
        _replace_what_the_screen_lacks()
        return run_interruptibly(lambda: main(sys.argv[1:]))
    # All but the standard library is imported late: an interrupt may come meanwhile.
    from mmemo.errors import MmemoError
    from pipelines.commands.options import EXIT_INPUT

    try:
        options = _parser().parse_args(arguments)
        _log_to_stderr(options.quiet, options.verbose)
        code: int = options.run_command(options)
        sys.stdout.flush()
        return code
    except MmemoError as error:
        print(f"mmemo: {error}", file=sys.stderr)
        return EXIT_INPUT
    except BrokenPipeError:
        # The reader (head, less) has closed the pipe; keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        print(f"mmemo: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
        return EXIT_INPUT


def _replace_what_the_screen_lacks() -> None:
    """Print a replacement for a character that the terminal's encoding cannot represent.

    Standard error escapes such characters already.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _log_to_stderr(quiet: bool, verbose: bool) -> None:
    level = logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr, force=True)
    for package in ("mmemo", "extractors", "pipelines"):
        logging.getLogger(package).setLevel(level)


def _parser() -> argparse.ArgumentParser:
    from mmemo import __version__
    from pipelines.commands import (
        agreement,
        columns,
        completion,
        data,
        doctor,
        evaluate,
        features,
        inspect,
        predict,
        report,
        score,
        search,
        serve,
        train,
    )
    from pipelines.commands.options import Parser

    parser = Parser(
        prog="mmemo",
        description="Read emotions from video: words, voice and face in, a set of emotions out.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mmemo {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (
        predict,
        report,
        serve,
        inspect,
        features,
        columns,
        train,
        search,
        evaluate,
        score,
        agreement,
        data,
        doctor,
        completion,
    ):
        command.add(commands)
    parser.set_defaults(parser=parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
