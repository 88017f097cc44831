"""A folder of predictions: one file per recording and form, and a list of finished recordings.

    OUT/talk.csv, OUT/talk.vtt ...   the predictions, each file written whole or not at all
    OUT/talk.wav.csv ...             those of talk.wav beside talk.mp4
    OUT/overview.html                one line for each recording, with links to its files
    OUT/predictions.csv, .parquet    the tables of all recordings as one
    OUT/.predicted.jsonl             one line per recording: its file, the model and the forms

A recording is not read again if it is listed with the same file, model and forms. Lines are only
appended to the list, so that several processes may write to one folder; the last line about a
recording counts.
"""

import csv
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mmemo.datasets.clips import media_in
from mmemo.disk.space import stop_if_full
from mmemo.errors import ConfigError, DataError
from mmemo.files import write_atomically
from mmemo.prediction import Prediction
from pipelines.outputs import make_folder
from pipelines.prediction.exports import MOVIE, export
from pipelines.prediction.exports.joined import JOINED
from pipelines.prediction.overview import OVERVIEW_FILE, build_overview, overview_entry

LIST_FILE = ".predicted.jsonl"
_OVERVIEW = "overview"
ALL = "predictions"
"""Name of the tables of all recordings; a recording of this name keeps its ending in its files."""
OLD_LIST_FILE = "predicted.jsonl"
"""The name of the list in folders of earlier versions."""


def media_files(paths: Sequence[Path]) -> list[Path]:
    """Return the media files among ``paths``, and those in folders among them, by name.

    Raises:
        DataError: a folder contains none.
    """
    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        inside = media_in(path.iterdir(), path)
        if not inside:
            raise DataError(f"{path}: expected video or sound files in it; there are none")
        files += inside
    return files


class PredictionFolder:
    """Writes predictions and knows which recordings are finished.

    Args:
        out: the folder, created if necessary.
        forms: names among ``EXPORTS``, or ``MOVIE``.
        made_by: identifies the model and its decoder.
        media: all recordings that will be written, to find names that collide.

    Raises:
        ConfigError: two recordings of one name would be written to one file, or ``out`` contains
            the recordings (subtitles beside a video are read as its transcript).
    """

    def __init__(
        self, out: Path, forms: Sequence[str], made_by: str, media: Sequence[Path]
    ) -> None:
        self.out, self.forms, self.made_by = out, tuple(forms), made_by
        self._names: dict[Path, str] = {}
        for file in media:
            if file.parent.resolve() == out.resolve():
                raise ConfigError(
                    f"--out {out}: expected another folder than that of the recordings; "
                    "a file beside a video is read as its transcript"
                )
            self._name(file)
        make_folder(self.out)
        self._done = self._read()

    def _name(self, media: Path) -> None:
        """Name a recording's files: by its stem, or by its full name if that is in use."""
        if media in self._names:
            return
        used = {name: file for file, name in self._names.items()}
        name = media.stem if media.stem not in {*used, ALL} else media.name
        if name in used:
            raise ConfigError(
                f"{media}: would be written to the same file as {used[name]}; "
                "use another --out for one of them"
            )
        self._names[media] = name

    def has(self, media: Path) -> bool:
        """Return whether a recording is finished: listed, unchanged since, and its files exist."""
        try:
            described = self._describe(media)
        except OSError:
            return False
        written = all(self._file(media, form).is_file() for form in self.forms)
        listed = {**self._done.get(str(media.resolve()), {})}
        listed.pop(_OVERVIEW, None)
        return written and listed == described

    def movies(self, media: Sequence[Path]) -> dict[Path, Path]:
        """Return recording -> its movie with predictions drawn; empty without the form ``MOVIE``.

        The process that reads a recording writes its movie too, before the recording is listed.
        """
        return {file: self._file(file, MOVIE) for file in media} if MOVIE in self.forms else {}

    def write(
        self, media: Path, predictions: Sequence[Prediction], duration_s: float = 0.0
    ) -> None:
        """Write a recording's predictions in every form but a movie, then list it as finished.

        Args:
            media: the recording.
            predictions: of it.
            duration_s: its length; 0 if it is unknown.
        """
        described = self._describe(media)
        for form in self.forms:
            if form != MOVIE:
                content = export(form, predictions, folder=self.out, duration_s=duration_s)
                write_atomically(self._file(media, form), content)
        entry = {**described, _OVERVIEW: overview_entry(predictions, duration_s)}
        self._done[str(media.resolve())] = entry
        self._append(json.dumps({"media": str(media.resolve()), **entry}))

    def write_joined(self, failures: Mapping[Path, str]) -> None:
        """Write the tables of this call's recordings as one; of a single one there is no other.

        Args:
            failures: recording -> why it could not be read.

        Raises:
            DataError: one cannot be written.
        """
        read = [media for media in self._names if media not in failures and self.has(media)]
        for form, join in JOINED.items():
            if form not in self.forms or len(self._names) == 1:
                continue
            file = self.out / f"{ALL}.{form}"
            try:
                join({self._title(media): self._file(media, form) for media in read}, file)
            except (OSError, ValueError, TypeError, csv.Error) as error:
                stop_if_full(error, file)
                raise DataError(
                    f"{file}: expected to join the tables of {len(read)} recordings there; got "
                    f"{' '.join(str(error).split())}. Delete the table that was changed, run again"
                ) from None

    def write_overview(self, failures: Mapping[Path, str]) -> None:
        """Write ``overview.html`` about the recordings of this call.

        Args:
            failures: recording -> why it could not be read.

        Raises:
            DataError: it cannot be written.
        """
        read = [media for media in self._names if media not in failures and self.has(media)]
        forms = {media: [self._file(media, form).name for form in self.forms] for media in read}
        content = build_overview(
            {self._title(m): self._done[str(m.resolve())].get(_OVERVIEW) for m in read},
            {self._title(media): names for media, names in forms.items()},
            {self._title(media): reason for media, reason in failures.items()},
        )
        file = self.out / OVERVIEW_FILE
        try:
            write_atomically(file, content)
        except OSError as error:
            stop_if_full(error, file)
            reason = error.strerror or str(error)
            raise DataError(f"{file}: expected to write the overview there ({reason})") from None

    def _title(self, media: Path) -> str:
        """Return a recording's name, with its path where two have the same."""
        same = sum(other.name == media.name for other in self._names)
        return media.name if same == 1 else str(media)

    def _append(self, line: str) -> None:
        """Append a line to the list in one piece, after a line that an interrupt cut short."""
        with open(self.out / LIST_FILE, "ab+", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 1, 0))
            cut_short = size > 0 and file.read(1) != b"\n"
            file.write(f"{chr(10) * cut_short}{line}\n".encode())

    def _file(self, media: Path, form: str) -> Path:
        return self.out / f"{self._names[media]}.{form}"

    def _describe(self, media: Path) -> dict[str, Any]:
        stat = media.stat()
        return {
            "size": stat.st_size,
            "changed_ns": stat.st_mtime_ns,
            "made_by": self.made_by,
            "forms": list(self.forms),
        }

    def _read(self) -> dict[str, dict[str, Any]]:
        """Return the recordings that are listed; a line that is cut short is left out."""
        done: dict[str, dict[str, Any]] = {}
        for name in (OLD_LIST_FILE, LIST_FILE):
            try:
                lines = (self.out / name).read_text(encoding="utf-8").splitlines()
            except FileNotFoundError:
                continue
            except (OSError, ValueError) as error:
                raise DataError(
                    f"{self.out / name}: unreadable ({error}); delete it to start over"
                ) from None
            for line in lines:
                with suppress(ValueError, KeyError, AttributeError, TypeError):
                    entry = json.loads(line)
                    done[entry.pop("media")] = entry
        return done
