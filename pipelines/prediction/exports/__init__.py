"""Predictions in the formats of other tools, one file per format.

Each exporter is a function from the predictions of one recording to the bytes of a file.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from mmemo.prediction import Prediction
from pipelines.prediction.exports.elan import to_elan
from pipelines.prediction.exports.json_lines import to_json_lines
from pipelines.prediction.exports.subtitles import to_srt, to_webvtt
from pipelines.prediction.exports.tables import to_csv, to_parquet
from pipelines.prediction.exports.textgrid import to_textgrid

EXPORTS: dict[str, Callable[[Sequence[Prediction]], bytes]] = {
    "jsonl": to_json_lines,
    "csv": to_csv,
    "parquet": to_parquet,
    "vtt": to_webvtt,
    "srt": to_srt,
    "eaf": to_elan,
    "TextGrid": to_textgrid,
}
"""File name suffix -> its exporter."""


def export(
    form: str,
    predictions: Sequence[Prediction],
    *,
    folder: Path | None = None,
    duration_s: float = 0.0,
) -> bytes:
    """Return predictions in a form, with what the form says about its place and the recording.

    Args:
        form: a key of ``EXPORTS``.
        predictions: of one recording, in order of time.
        folder: where the file will lie; None beside the recording.
        duration_s: length of the recording; 0 if it is unknown.
    """
    if form == "eaf":
        return to_elan(predictions, folder)
    if form == "TextGrid":
        return to_textgrid(predictions, duration_s)
    return EXPORTS[form](predictions)


MOVIE = "mp4"
"""The format that needs the recording itself: see ``pipelines.movies.answers``."""

__all__ = ["EXPORTS", "MOVIE", "export"]
