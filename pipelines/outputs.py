"""Whether an answer can be written where it is wanted, asked before the work and not after."""

from pathlib import Path

from mmemo.errors import ConfigError


def check_output(out: Path, media: Path, *, asked_by: str = "out") -> None:
    """Refuse a file that cannot be written or must not be.

    Args:
        out: what will be written.
        media: the recording that it is about.
        asked_by: what to call the option in an error.

    Raises:
        ConfigError: ``out`` is the recording itself, a folder, or in a folder that is not there.
    """
    if out.resolve() == media.resolve():
        raise ConfigError(f"{asked_by} {out}: expected another file than the recording")
    if out.is_dir():
        raise ConfigError(f"{asked_by} {out}: expected a file to write; this is a folder")
    if not out.parent.is_dir():
        raise ConfigError(f"{asked_by} {out}: expected a folder {out.parent}; there is none")
