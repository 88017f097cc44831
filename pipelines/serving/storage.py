"""The files of recordings and their results: one folder per job, named by its random id.

Users' file names are displayed and offered for saving, but never used as paths.
"""

import json
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from extractors.text.transcripts import SUFFIXES
from mmemo.datasets.clips import MEDIA_SUFFIXES
from mmemo.disk.locks import lock_folder
from mmemo.errors import ConfigError
from mmemo.files import write_atomically
from pipelines.prediction.exports import EXPORTS
from pipelines.serving.job import Job

logger = logging.getLogger(__name__)

JOB_FILE, REPORT_FILE, PAGE_FILE, ANSWERS = "job.json", "report.html", "page.html", "answers"
THUMBNAIL_FILE = "thumbnail.jpg"
LOCK_FILE = "serve.lock"
_TEMPORARY = "mmemo-serve-"
"""How names of temporary folders begin."""
_ID = re.compile(r"[0-9a-f]{32}")
MAX_NAME_LENGTH = 120
UNNAMED = "recording"

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
"""Form -> its name on the page, in the order of display."""

assert set(FORM_NAMES) == {PAGE_FORM, MOVIE_FORM, *EXPORTS}


def clean(name: str) -> str:
    """Return a file name that can be displayed and offered for saving: one line, no folders."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(c for c in base if c.isprintable()).strip().lstrip(".").strip()
    if len(shown) > MAX_NAME_LENGTH:
        suffix = PurePosixPath(shown).suffix[:MAX_NAME_LENGTH]
        shown = shown[: MAX_NAME_LENGTH - len(suffix)] + suffix
    return shown or UNNAMED


def stem(name: str) -> str:
    """Return a clean name without its suffix."""
    return PurePosixPath(name).stem


def media_suffix(name: str) -> str:
    """Return the suffix of a recording if it is known, otherwise ""; decoders check the content."""
    suffix = PurePosixPath(name).suffix.lower()
    return suffix if suffix in MEDIA_SUFFIXES else ""


def transcript_suffix(name: str) -> str | None:
    """Return the suffix of a transcript's name; None if it is unknown."""
    lowered = name.lower()
    return next((suffix for suffix in SUFFIXES if lowered.endswith(suffix.lower())), None)


def file_of(form: str) -> str:
    """Return the name of the file with a form in a job's folder."""
    return PAGE_FILE if form == PAGE_FORM else f"{ANSWERS}.{form}"


class Storage:
    """The folders of all jobs.

        ROOT/ID/ID.mp4           as uploaded; ID.vtt: its transcript
        ROOT/ID/report.html      the page to serve, which plays ID.mp4
        ROOT/ID/page.html        the page for download, with the recording in it
        ROOT/ID/answers.csv ...  one file per form
        ROOT/ID/thumbnail.jpg    a thumbnail of it
        ROOT/ID/job.json         its final state, written last

    Users' file names are in ``job.json`` only.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, job: Job) -> Path:
        """Return a job's folder."""
        return self.root / job.id

    def media(self, job: Job) -> Path:
        """Return the recording's file."""
        return self.folder(job) / f"{job.id}{media_suffix(job.name)}"

    def transcript(self, job: Job) -> Path:
        """Return the transcript's file, which ``find_transcript`` finds beside the recording."""
        suffix = transcript_suffix(job.transcript)
        return self.folder(job) / f"{job.id}{suffix or SUFFIXES[-1]}"

    def thumbnail(self, job: Job) -> Path:
        """Return the thumbnail of a recording, which exists only if it has a picture."""
        return self.folder(job) / THUMBNAIL_FILE

    def create(self, job: Job) -> None:
        """Create a job's folder."""
        self.folder(job).mkdir(mode=0o700)

    def empty(self, job: Job) -> None:
        """Remove all files of a failed or cancelled job."""
        for path in self.folder(job).glob("*"):
            if path.is_dir():  # an unfinished file of a killed worker
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def remember(self, job: Job) -> None:
        """Write a job's final state, for the next server."""
        write_atomically(self.folder(job) / JOB_FILE, json.dumps(job.to_json()).encode())

    def remove(self, job: Job) -> None:
        """Remove a job's folder and its files."""
        shutil.rmtree(self.folder(job), ignore_errors=True)

    def free_bytes(self) -> int:
        """Return the free space of the disk."""
        return shutil.disk_usage(self.root).free

    def recall(self) -> list[Job]:
        """Return the finished jobs of an earlier server; its unfinished ones are removed."""
        jobs = []
        for folder in sorted(self.root.iterdir()):
            if not _ID.fullmatch(folder.name) or folder.is_symlink() or not folder.is_dir():
                continue
            try:
                job = Job.from_json(json.loads((folder / JOB_FILE).read_bytes()))
                if job.id != folder.name:
                    raise ValueError(f"expected the id {folder.name}")
                jobs.append(job)
            except FileNotFoundError:
                shutil.rmtree(folder, ignore_errors=True)
            except (KeyError, TypeError, ValueError) as error:
                logger.warning("%s: not read (%s); nothing is changed", folder / JOB_FILE, error)
        return sorted(jobs, key=lambda job: job.created)


@contextmanager
def open_storage(folder: Path | None) -> Iterator[Storage]:
    """Yield the storage in a folder, or in a temporary one that is removed at the end.

    Temporary folders of servers that were killed are removed first.

    Raises:
        ConfigError: another server uses the folder.
        OSError: the folder cannot be created or written.
    """
    if folder is None:
        if os.name != "nt":  # without locks, a folder in use looks like any other
            _remove_abandoned()
        with tempfile.TemporaryDirectory(prefix=_TEMPORARY, ignore_cleanup_errors=True) as made:
            busy = ConfigError(f"{made}: expected a folder that no other server uses")
            with lock_folder(Path(made), busy, LOCK_FILE):
                yield Storage(Path(made))
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    busy = ConfigError(f"--folder {folder}: expected a folder that no other server uses")
    with lock_folder(folder, busy, LOCK_FILE):
        yield Storage(folder.resolve())


def _remove_abandoned() -> None:
    """Remove temporary folders of this user that no living server has locked.

    A folder without its lock file is one that another server is making at this moment, or one of
    an earlier version; it stays.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{_TEMPORARY}*"):
        busy = ConfigError(f"{folder}: in use")
        with suppress(ConfigError, OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            if not (folder / LOCK_FILE).is_file():
                continue
            with lock_folder(folder, busy, LOCK_FILE):
                logger.info("removing %s of a server that was killed", folder)
                shutil.rmtree(folder, ignore_errors=True)
