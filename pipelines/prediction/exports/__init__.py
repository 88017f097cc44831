"""Predictions in the formats of other tools, one file per format.

Each exporter is a function from the predictions of one recording to the bytes of a file.
"""

from collections.abc import Callable, Sequence

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

MOVIE = "mp4"
"""The format that needs the recording itself: see ``pipelines.movies.answers``."""

__all__ = ["EXPORTS", "MOVIE"]
