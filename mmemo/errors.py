"""The errors a user may meet. Every message says what was expected, what came, and what to do."""


class MmemoError(Exception):
    """Base of all errors that are the input's or the environment's fault, not a bug."""

    def __str__(self) -> str:
        """Give the message in one printable line, whatever names a broken file brought into it."""
        return "".join(c if c.isprintable() else "?" for c in super().__str__())


class ClipError(MmemoError):
    """A media file cannot be read, or is not what it claims to be."""


class TranscriptError(MmemoError):
    """A transcript cannot be read, or its times make no sense."""


class FeatureError(MmemoError):
    """Features are malformed, or are not those that the receiver was made for."""


class DataError(MmemoError):
    """A data set (folder, table, store) is missing, incomplete or inconsistent."""


class ConfigError(MmemoError):
    """An option is unknown, of the wrong type, or out of range."""


class CheckpointError(MmemoError):
    """A trained model cannot be loaded, or does not fit the input."""


class AssetError(MmemoError):
    """Weights or vectors are missing and could not be fetched, or their bytes are wrong."""
