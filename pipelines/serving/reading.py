"""Reads one recording and writes its report, its predictions in every form, and a thumbnail."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cv2

from extractors.media import MediaInfo, probe, read_frames
from mmemo.api import Decoder
from mmemo.checkpoint import load_checkpoint
from mmemo.errors import ClipError
from mmemo.features import CHANNEL_NAMES
from mmemo.files import utf8, write_atomically
from pipelines.api import EmotionReader
from pipelines.movies.answers import write_annotated
from pipelines.prediction.exports import EXPORTS, export
from pipelines.prediction.left_out import modalities_left_out
from pipelines.progress import DRAWING, EXPLANATION, FACE, VOICE, WORDS, OnProgress
from pipelines.serving.job import OnStage, Stage
from pipelines.serving.storage import (
    FORM_NAMES,
    MOVIE_FORM,
    PAGE_FORM,
    REPORT_FILE,
    THUMBNAIL_FILE,
    file_of,
)
from pipelines.serving.task import Task
from pipelines.video_report import Player, VideoReport, build_page, embed
from pipelines.video_report.content import STAGES as REPORT_STAGES
from pipelines.video_report.player import playable_as

logger = logging.getLogger(__name__)

REPORT_STAGE_OF: dict[str, Stage] = dict(
    zip(REPORT_STAGES, ("check", "emotions", "emotions"), strict=True)
)
STAGE_OF: dict[str, Stage] = {
    FACE: "face", VOICE: "voice", WORDS: "words", EXPLANATION: "emotions", DRAWING: "page"
}  # fmt: skip
HOME = ("All recordings", "/")

THUMBNAIL_SIDE = 240
THUMBNAIL_AT = 1 / 3
"""Its position in the recording, as a share: beginnings are often black."""
THUMBNAIL_QUALITY = 80


class JobReader:
    """Reads recordings and writes their results, with a model that is loaded once.

    Args:
        run: the trained model's folder.
        decoder: how a label set is chosen, one of ``mmemo.inference.DECODERS``.
        device: where the model runs.
        without: names of the channels to leave out.

    Raises:
        CheckpointError: there is no usable model in ``run``.
        ConfigError: ``without`` names what it does not read, or all that it reads.
    """

    def __init__(
        self, run: Path, decoder: Decoder, device: str, without: Sequence[str] = ()
    ) -> None:
        self._decoder = decoder
        self._reader = EmotionReader(load_checkpoint(run, device))
        self._without = modalities_left_out(without, self._reader.modalities, asked_by="--without")

    def about(self) -> dict[str, Any]:
        """Return the description of the model for the page."""
        return {
            "labels": list(self._reader.labels),
            "dataset": self._reader.dataset,
            "demonstration": self._reader.demonstration,
            "without": [name for m, name in CHANNEL_NAMES.items() if m in self._without],
        }

    def read(self, task: Task, on_stage: OnStage) -> dict[str, Any]:
        """Read a recording, write the results beside it, and return a summary.

        Raises:
            MmemoError: the recording or its transcript cannot be read.
            OSError: the results cannot be written.
        """
        on_stage("check", None)
        info = probe(task.media)
        if info.duration_s > task.limit_s:
            raise ClipError(
                f"{task.name}: expected at most {task.limit_s / 60:g} minutes; "
                f"it has {info.duration_s / 60:.1f}"
            )
        write_thumbnail(task.media, info, task.media.with_name(THUMBNAIL_FILE))

        def on_progress(stage: str, share: float) -> None:
            on_stage(STAGE_OF[stage], share)

        report = self._reader.report_content(
            task.media,
            decoder=self._decoder,
            without=self._without,
            on_stage=lambda stage: on_stage(REPORT_STAGE_OF[stage], None),
            on_progress=on_progress,
        )
        self._reader.forget()
        on_stage("page", None)
        report = _named(report, task.name)
        media_type = playable_as(task.media)
        _write(report, task, info, served=media_type is not None)
        _draw(report, task, on_progress)
        return {**_summary(report), "media_type": media_type}


def _named(report: VideoReport, name: str) -> VideoReport:
    """Return the report with the user's name of the recording."""
    predictions = [replace(prediction, video=name) for prediction in report.predictions]
    return replace(report, name=name, predictions=predictions)


def _write(report: VideoReport, task: Task, info: MediaInfo, *, served: bool) -> None:
    folder = task.media.parent
    for form in EXPORTS:
        content = export(form, report.predictions, duration_s=report.duration_s)
        _write_file(folder / file_of(form), content)
    whole = _embedded(task)
    _write_file(folder / file_of(PAGE_FORM), utf8(build_page(report, whole)))
    kind = "video" if info.has_picture else "audio"
    player = Player(kind, "recording") if served else whole
    links = [(name, f"files/{form}") for form, name in FORM_NAMES.items()]
    page = build_page(report, player, downloads=links, home=HOME)
    _write_file(folder / REPORT_FILE, utf8(page))


def _draw(report: VideoReport, task: Task, on_progress: OnProgress) -> None:
    """Write the recording with predictions drawn on it; the other results do not depend on it."""
    out = task.media.parent / file_of(MOVIE_FORM)
    try:
        write_annotated(task.media, report.predictions, out, on_progress=on_progress)
    except ClipError as error:
        logger.warning("%s: no video with the answers (%s)", task.media, error)


def _write_file(path: Path, content: bytes) -> None:
    write_atomically(path, content, durable=False)


def _embedded(task: Task) -> Player:
    """Return a player with the recording embedded, or of the user's own file if it is too large."""
    player = embed(task.media, task.media.parent)
    if player.kind == "none":
        return replace(player, note=player.note.replace(task.media.name, task.name))
    if player.source.startswith("data:"):
        return player
    note = f"Played from {task.name}, which is not part of this page: keep them together."
    return Player(player.kind, "./" + quote(task.name), note)


def _summary(report: VideoReport) -> dict[str, Any]:
    read = [prediction for prediction in report.predictions if prediction.labels is not None]
    counts = Counter(label for prediction in read for label in prediction.labels or ())
    return {
        "duration_s": round(report.duration_s, 2),
        "utterances": len(report.predictions),
        "read": len(read),
        "words": sum(len(prediction.words) for prediction in report.predictions),
        "found": dict(counts.most_common()),
        "absent": dict(report.absent),
    }


def write_thumbnail(media: Path, info: MediaInfo, path: Path) -> None:
    """Write a JPEG of the recording, unless it has no picture that can be decoded."""
    if not info.has_picture:
        return
    try:
        frames = read_frames(media, start=info.duration_s * THUMBNAIL_AT, max_side=THUMBNAIL_SIDE)
        image = next(frames).image
    except (ClipError, StopIteration):
        return
    options = [cv2.IMWRITE_JPEG_QUALITY, THUMBNAIL_QUALITY]
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    write_atomically(path, encoded.tobytes(), durable=False)
