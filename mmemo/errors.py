"""Errors of input and environment: messages name what was expected, what came and the remedy."""


class MmemoError(Exception):
    """Base of all errors that are caused by the input or the environment, not by a bug."""

    def __str__(self) -> str:
        """Return the message in one printable line, whatever names a broken file put into it."""
        return "".join(c if c.isprintable() else "?" for c in super().__str__())


class ClipError(MmemoError):
    """A media file cannot be read, or is not of the format that it claims."""


class TranscriptError(MmemoError):
    """A transcript cannot be read, or its times are inconsistent."""


class FeatureError(MmemoError):
    """Features are malformed, or are not those that the receiver expects."""


class DataError(MmemoError):
    """A data set (folder, table, store) is missing, incomplete or inconsistent."""


class ConfigError(MmemoError):
    """An option is unknown, of the wrong type, or out of range."""


class CheckpointError(MmemoError):
    """A trained model cannot be loaded, or does not fit the input."""


class AssetError(MmemoError):
    """Weights or vectors are missing and could not be fetched, or are corrupt."""
