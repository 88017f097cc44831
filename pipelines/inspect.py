"""``mmemo inspect``: a video of a recording with its measurements, to look at.

The recording is decoded twice. First everything is measured, since action units are relative to the
whole clip. Then each frame is drawn and written in turn, so that memory holds numbers only.
"""

import bisect
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from extractors.base import Frame, Sound
from extractors.clip import NOT_REQUESTED, ClipExtractor
from extractors.facet.action_units import ACTION_UNITS, EMOTIONS
from extractors.facet.extractor import POSE
from extractors.facet.tracker import Face, FaceTracker
from extractors.media import MediaInfo, probe, read_sound
from extractors.text.pauses import without_pauses
from extractors.text.utterances import Utterance, split_utterances
from mmemo.arrays import Floats32, Image
from mmemo.config import FeatureConfig
from mmemo.features import MODALITIES, Clip, ClipFeatures, Features, Word
from pipelines.movies import drawing
from pipelines.movies.replay import fps_of, frame_scale, frame_size, replay
from pipelines.movies.writer import Movie
from pipelines.outputs import check_output
from pipelines.progress import bar, extractor_progress, reading_bar
from pipelines.workers.threads import THREADS

if TYPE_CHECKING:
    from mmemo.prediction import Prediction
    from pipelines.api import EmotionReader
    from pipelines.prediction.recording import Recording

logger = logging.getLogger(__name__)

VISUAL_FPS = 30.0
LOUDNESS_STEP_S = 0.02
MAX_FACES = 4
SAME_POSE_DEG = 3.0
"""A face is the measured one if its pose differs from the measured pose by at most this."""

SOON_S = 1.0
"""The words of an utterance appear this long before it begins."""

_SHOWN = (*EMOTIONS, *ACTION_UNITS)


@dataclass(frozen=True, eq=False)
class Measured:
    """The measurements that are drawn beside the frames.

    Attributes:
        info: properties of the file.
        clip: words and features.
        utterances: pieces of the recording, with their words.
        loudness_db: (N,) below full scale, one per ``LOUDNESS_STEP_S``; empty without sound.
        pitch: (M, 2) time in seconds and frequency in Hz, voiced frames only.
        predictions: one per utterance; empty without a model.
    """

    info: MediaInfo
    clip: ClipFeatures
    utterances: tuple[Utterance, ...]
    loudness_db: Floats32
    pitch: Floats32
    predictions: "tuple[Prediction, ...]"


def inspect(
    media: Path, out: Path, *, reader: "EmotionReader | None" = None, threads: int = THREADS
) -> Measured:
    """Measure a recording and write a video of it with the measurements.

    Args:
        media: a video or sound file; a transcript beside it is used.
        out: an MP4 file, which is replaced only when the new one is complete.
        reader: a model whose answers are shown too.
        threads: threads for the face networks and the recogniser.

    Returns:
        The measurements.

    Raises:
        ClipError: ``media`` cannot be read, or ``out`` not written.
        ConfigError: ``out`` is ``media``, or in a folder that does not exist.
    """
    check_output(out, media)
    measured = measure(media, reader=reader, threads=threads)
    canvas = _Canvas(measured)
    info = measured.info
    fps = fps_of(info)
    with (
        bar("drawing", round(info.duration_s * fps) or None) as progress,
        Movie(out, *canvas.size, fps, sound=info.has_sound) as movie,
    ):
        for item in replay(info):
            if isinstance(item, Sound):
                movie.play(item)
            else:
                movie.show(canvas.draw(item), item.time_s)
                progress.advance()
    return measured


def measure(
    media: Path, *, reader: "EmotionReader | None" = None, threads: int = THREADS
) -> Measured:
    """Return the measurements of a recording; arguments and errors as for ``inspect``."""
    info = probe(media)
    predictions: tuple[Prediction, ...] = ()
    recording: Recording | None = None
    options = FeatureConfig() if reader is None else reader.checkpoint.config.features
    if reader is not None:
        with reading_bar(media.name) as on_progress:
            recording = reader.read(media, on_progress)
        predictions = tuple(reader.predict(media))
    with reading_bar(media.name) as on_progress:
        extractor = _extractor(options, recording, threads)
        extractor.on_progress = extractor_progress(on_progress, info.duration_s)
        features, cuts = _extract(media, extractor, recording)
    for modality, reason in features.absent.items():
        logger.info("%s: no %s: %s", media, modality, reason)
    pieces = split_utterances(features.clip.words or (), info.duration_s, cuts=cuts)
    loudness = _loudness(read_sound(media)) if info.has_sound else np.zeros(0, np.float32)
    pitch = _pitch(features.features.get("audio"))
    return Measured(info, features, tuple(pieces), loudness, pitch, predictions)


def _extractor(
    options: FeatureConfig, recording: "Recording | None", threads: int
) -> ClipExtractor:
    """Return an extractor of the modalities that a model did not measure, and of more frames."""
    measured = set() if recording is None else _measured_modalities(recording)
    missing = tuple(m for m in MODALITIES if m not in measured)
    missing_options = options.model_copy(update={"visual_fps": VISUAL_FPS, "modalities": missing})
    return ClipExtractor(missing_options, threads=threads)


def _measured_modalities(recording: "Recording") -> set[str]:
    """Return the modalities that need not be measured again; frames are, at a higher rate."""
    whole = recording.whole
    absent = {m for m, reason in whole.absent.items() if reason != NOT_REQUESTED}
    return {*whole.features, *absent} - {"visual"}


def _extract(
    media: Path, extractor: ClipExtractor, recording: "Recording | None"
) -> tuple[ClipFeatures, tuple[float, ...]]:
    """Measure the remaining modalities and join them with those that a model has measured."""
    clip = Clip(media.name, media.name, media=media)
    if recording is None:
        return extractor.with_cuts(clip)
    whole, measured = recording.whole, _measured_modalities(recording)
    if "text" in measured:
        clip = replace(clip, words=without_pauses(whole.clip.words or ()))
    remaining, cuts = extractor.with_cuts(clip)
    features = {m: values for m, values in whole.features.items() if m in measured}
    absent = {m: reason for m, reason in whole.absent.items() if m in measured}
    absent |= {m: reason for m, reason in remaining.absent.items() if m not in measured}
    return ClipFeatures(remaining.clip, {**remaining.features, **features}, absent), cuts


def _loudness(sound: Sound) -> Floats32:
    step = round(LOUDNESS_STEP_S * sound.sample_rate)
    whole = sound.samples[: len(sound.samples) // step * step].reshape(-1, step)
    power = np.maximum(np.mean(np.square(whole), axis=1), 1e-9)
    return (10 * np.log10(power)).astype(np.float32)


def _pitch(audio: Features | None) -> Floats32:
    if audio is None:
        return np.zeros((0, 2), np.float32)
    f0, voiced = (audio.values[:, audio.names.index(name)] for name in ("F0", "VUV"))
    rows = (voiced > 0) & audio.valid & (f0 > 0)
    return np.column_stack([audio.times.mean(axis=1)[rows], f0[rows]]).astype(np.float32)


class _Canvas:
    """Draws the frames of the video, one after the other."""

    def __init__(self, measured: Measured) -> None:
        self._measured = measured
        info = measured.info
        self._scale, self._frame_size = frame_scale(info), frame_size(info)
        self.size = (
            self._frame_size[0] + drawing.PANEL_WIDTH,
            self._frame_size[1]
            + drawing.HEADER_HEIGHT
            + drawing.STRIP_HEIGHT
            + drawing.WORDS_HEIGHT,
        )
        self._tracker = FaceTracker(max_faces=MAX_FACES) if info.has_picture else None
        self._words = without_pauses(measured.clip.clip.words or ())
        self._visual = measured.clip.features.get("visual")

    def draw(self, frame: Frame) -> Image:
        """Return the whole frame, RGB."""
        width, height = self._frame_size
        top = drawing.HEADER_HEIGHT
        canvas = np.full((self.size[1], self.size[0], 3), drawing.BACK, np.uint8)
        row = self._row(frame.time_s)
        view: Image = np.asarray(
            cv2.resize(frame.image, self._frame_size, interpolation=cv2.INTER_LINEAR), np.uint8
        )
        self._draw_faces(view, frame, row)
        canvas[top : top + height, :width] = view
        panel = canvas[top : top + height, width:]
        values = None if row is None else [row[name] for name in _SHOWN if name in row]
        drawing.draw_bars(panel, values if values and len(values) == len(_SHOWN) else None)
        strip = canvas[top + height : top + height + drawing.STRIP_HEIGHT]
        drawing.draw_strip(
            strip,
            frame.time_s,
            self._measured.loudness_db,
            self._measured.pitch,
            self._words,
            step_s=LOUDNESS_STEP_S,
        )
        drawing.draw_words(
            canvas[-drawing.WORDS_HEIGHT :], self._words_at(frame.time_s), frame.time_s
        )
        self._draw_header(canvas, frame.time_s, row)
        return canvas

    def _row(self, time_s: float) -> dict[str, float] | None:
        """Return column name -> value at a time; None where there is no face."""
        visual = self._visual
        if visual is None:
            return None
        at = int(np.searchsorted(visual.times[:, 0], time_s + 1e-6, side="right")) - 1
        if at < 0 or not visual.valid[at]:
            return None
        return dict(zip(visual.names, visual.values[at].tolist(), strict=True))

    def _draw_faces(self, view: Image, frame: Frame, row: dict[str, float] | None) -> None:
        if self._tracker is None:
            drawing.write(view, "no picture", (12, 24), drawing.DIM, 0.6)
            return
        faces = self._tracker.track(frame.image)
        own = _measured_face(faces, row)
        for face in faces:
            drawing.draw_face(view, face, self._scale, measured=face is own)
        if row is None:
            drawing.write(view, "no face", (12, 24), drawing.ALARM, 0.7)

    def _words_at(self, time_s: float) -> Sequence[Word]:
        """Return the words of the utterance at a time, or of one that begins soon after."""
        pieces = self._measured.utterances
        at = bisect.bisect_right(pieces, time_s, key=lambda piece: piece.end)
        if at == len(pieces) or pieces[at].start - SOON_S > time_s:
            return ()
        piece = pieces[at]
        return [
            Word(w.text, w.start + piece.start, w.end + piece.start)
            for w in without_pauses(piece.words)
        ]

    def _draw_header(self, canvas: Image, time_s: float, row: dict[str, float] | None) -> None:
        text = f"{int(time_s // 60):02}:{time_s % 60:05.2f}"
        x = drawing.write(canvas, text, (10, 18), drawing.TEXT, 0.5) + 16
        if row is not None:
            pose = "  ".join(f"{name} {row[name]:+.0f}" for name in POSE if name in row)
            x = drawing.write(canvas, pose, (x, 18), drawing.DIM, 0.4) + 16
        for answer in self._measured.predictions:
            if answer.start <= time_s < answer.end and answer.probs is not None:
                best = sorted(answer.probs.items(), key=lambda item: -item[1])[:3]
                for label, prob in best:
                    chosen = label in (answer.labels or ())
                    colour = drawing.MARK if chosen else drawing.DIM
                    x = drawing.write(canvas, f"{label} {prob:.2f}", (x, 18), colour, 0.4) + 10


def _measured_face(faces: Sequence[Face], row: dict[str, float] | None) -> Face | None:
    """Return the face that the columns belong to, by its pose."""
    if row is None or not faces:
        return None
    names = [name for name in POSE if name in row]

    def difference_deg(face: Face) -> float:
        angles = {"Pitch": face.pose.pitch, "Yaw": face.pose.yaw, "Roll": face.pose.roll}
        return max((abs(angles[name] - row[name]) for name in names), default=0.0)

    best = min(faces, key=difference_deg)
    return best if len(faces) == 1 or difference_deg(best) <= SAME_POSE_DEG else None
