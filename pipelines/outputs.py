"""Checks of output paths before the work starts."""

from pathlib import Path

from mmemo.errors import ConfigError


def check_output(out: Path, media: Path, *, asked_by: str = "out") -> None:
    """Check that an output file can be written and is not the recording.

    Args:
        out: the output file.
        media: the recording.
        asked_by: name of the option in errors.

    Raises:
        ConfigError: ``out`` is the recording, a folder, or in a folder that does not exist.
    """
    if out.resolve() == media.resolve():
        raise ConfigError(f"{asked_by} {out}: expected another file than the recording")
    if out.is_dir():
        raise ConfigError(f"{asked_by} {out}: expected a file to write; this is a folder")
    if not out.parent.is_dir():
        raise ConfigError(f"{asked_by} {out}: expected a folder {out.parent}; there is none")
