"""What can be downloaded of a recording."""

from pipelines.prediction.exports import EXPORTS
from pipelines.serving.storage import ANSWERS, PAGE_FILE

PAGE_FORM = "html"
"""The page with the recording in it."""
MOVIE_FORM = "mp4"
"""The recording with the answers drawn beside it."""
FORM_NAMES = {
    PAGE_FORM: "Page with the recording",
    MOVIE_FORM: "Video with the answers",
    "csv": "CSV",
    "jsonl": "JSON lines",
    "parquet": "Parquet",
    "vtt": "WebVTT",
    "srt": "SubRip",
    "eaf": "ELAN",
    "TextGrid": "Praat",
}
"""Form -> what it is called, in the order in which they are offered."""

assert set(FORM_NAMES) == {PAGE_FORM, MOVIE_FORM, *EXPORTS}


def file_of(form: str) -> str:
    """Name the file in a job's folder that holds a form."""
    return PAGE_FILE if form == PAGE_FORM else f"{ANSWERS}.{form}"
