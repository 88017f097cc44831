"""Extract the features of one clip: decode it once, find its words, measure each modality."""

import hashlib
import json
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from extractors.base import SAMPLE_RATE_HZ, Extractor, Frame, Sound, SoundExtractor
from extractors.column_sets import side_by_side
from extractors.covarep import CovarepExtractor
from extractors.facet.expression_extractor import ExpressionExtractor
from extractors.facet.extractor import FacetExtractor
from extractors.facet.face_extractor import FaceExtractor
from extractors.facet.shots import ShotDetector
from extractors.file_hash import file_sha256
from extractors.media import Decoder
from extractors.speech import SpeechExtractor
from extractors.text.clip_words import WordFinder, timed_words, transcript_path, untimed_words
from extractors.text.glove import GloveExtractor
from extractors.text.pauses import with_pauses, without_pauses
from extractors.text.transcripts.english import reason_not_english
from extractors.text.unread import summary
from mmemo.config import FeatureConfig
from mmemo.errors import FeatureError
from mmemo.features import (
    MODALITIES,
    Clip,
    ClipFeatures,
    Features,
    Unread,
    Word,
    rows_of_words,
)

logger = logging.getLogger(__name__)

NOT_REQUESTED = "not asked for (features.modalities)"
LEFT_OUT = "left out"
NO_SPEECH_FOUND = "no speech found"

OnProgress = Callable[[str, float], None]
"""Called with the modality in progress and how many seconds of the clip are measured."""


class ClipExtractor:
    """Extract the features of clips, one after another. Weights are loaded at first need.

    Args:
        options: which modalities, word vectors, frame rate and recogniser.
        threads: how many threads the face networks and the recogniser may use.
        vectors: whether words get their vectors; else text has rows without columns, for models
            that read the words themselves.
        on_progress: called as a clip is measured, also from the thread that decodes.
    """

    def __init__(
        self,
        options: FeatureConfig,
        threads: int = 1,
        *,
        vectors: bool = True,
        on_progress: OnProgress = lambda modality, seconds: None,
    ) -> None:
        self.options, self.threads, self.vectors = options, threads, vectors
        self.on_progress = on_progress
        self._word_finder = WordFinder(options.recogniser, threads)

    @cached_property
    def glove(self) -> GloveExtractor:
        """Word vectors."""
        return GloveExtractor.from_name(self.options.vectors)

    @cached_property
    def covarep(self) -> CovarepExtractor:
        """COVAREP-style columns of the sound."""
        return CovarepExtractor()

    @cached_property
    def speech(self) -> SpeechExtractor:
        """States of the recogniser's encoder."""
        return SpeechExtractor(self.options.recogniser, threads=self.threads)

    @cached_property
    def faces(self) -> FaceExtractor:
        """Columns of the frames: one pass over the faces measures all sets."""
        if "facet" not in self.options.visual:
            return ExpressionExtractor(threads=self.threads)
        with_expressions = "expression" in self.options.visual
        return FacetExtractor(threads=self.threads, with_expressions=with_expressions)

    def column_sets(self, modality: str) -> Mapping[str, Extractor[Any]]:
        """Name the extractors of a modality, in the order of their columns."""
        if modality == "text":
            return {"glove": self.glove}
        if modality == "audio":
            return {name: getattr(self, name) for name in self.options.audio}
        return {"+".join(self.options.visual): self.faces}

    @cached_property
    def fingerprints(self) -> list[str]:
        """Fingerprints of every extractor that may take part."""
        fingerprints = [
            extractor.fingerprint()
            for modality in self.options.modalities
            for extractor in self.column_sets(modality).values()
        ]
        if "text" in self.options.modalities:
            fingerprints.append(self._word_finder.fingerprint())
        return fingerprints

    def key(self, clip: Clip) -> str:
        """Hash everything a clip's features depend on: bytes, start, end, words, extractors."""
        transcript = transcript_path(clip)
        parts = [
            self.fingerprints,
            self.options.visual_fps,
            None if clip.media is None else file_sha256(clip.media),
            None if transcript is None else file_sha256(transcript),
            clip.start,
            clip.end,
            None if clip.words is None else [(w.text, w.start, w.end) for w in clip.words],
            clip.transcript,
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def __call__(self, clip: Clip) -> ClipFeatures:
        """Extract one clip.

        A modality without content (no sound, no face, no words) is listed in ``absent`` with the
        reason; it is not an error.

        Raises:
            ClipError: the media file cannot be read, or ends before the clip starts.
            TranscriptError: the transcript beside it is broken.
        """
        return self.with_cuts(clip)[0]

    def with_cuts(
        self, clip: Clip, without: Collection[str] = ()
    ) -> tuple[ClipFeatures, tuple[float, ...]]:
        """Extract one clip, and the times of its camera cuts, in seconds from the clip's start.

        Cuts are only detected when the visual modality is extracted. Errors as when called.

        Args:
            clip: the clip.
            without: modalities that are not measured. Words with times still stand in the clip.
        """
        extraction = _Extraction(
            skipped={
                m: LEFT_OUT if m in self.options.modalities else NOT_REQUESTED
                for m in MODALITIES
                if m in without or m not in self.options.modalities
            }
        )
        words = timed_words(clip)
        if clip.media is None:
            extraction.absent |= dict.fromkeys(("audio", "visual"), "there is no media file")
        else:
            sound = self._extract_media(clip, extraction)
            if words is None and "text" not in extraction.skipped:
                words = self._find_words(clip, sound, extraction)
            if words:
                words = with_pauses(words, ClipFeatures(clip, extraction.features).seconds)
        self._extract_text(clip, words, extraction)
        clip = replace(clip, words=words or ())
        absent = extraction.absent | extraction.skipped
        result = ClipFeatures(clip, extraction.features, absent, extraction.unread)
        return result, tuple(extraction.cuts_s)

    def _extract_media(self, clip: Clip, extraction: "_Extraction") -> Sound | None:
        """Decode once: frames are measured as they come, then the sound, which is returned."""
        assert clip.media is not None
        with Decoder(
            clip.media,
            sample_rate=SAMPLE_RATE_HZ,
            fps=self.options.visual_fps,
            start=clip.start,
            end=clip.end,
        ) as decoder:
            self._extract_visual(clip, decoder, extraction)
            sound = _read_sound(decoder, clip)
        if sound is None or not len(sound.samples):
            extraction.absent["audio"] = "the file has no sound"
            return None
        self._extract_audio(sound, extraction)
        return sound

    def _extract_visual(self, clip: Clip, decoder: Decoder, extraction: "_Extraction") -> None:
        if "visual" in extraction.skipped:
            return
        if not decoder.has_picture:
            extraction.absent["visual"] = "the file has no picture"
        else:
            frames = self._reporting(_with_cuts(_read_frames(decoder, clip), extraction.cuts_s))
            try:
                features = self.faces(frames, sound=lambda: _read_sound(decoder, clip))
                extraction.add("visual", features, reason_if_empty="no face found")
            except FeatureError as error:
                extraction.absent["visual"] = str(error)

    def _extract_audio(self, sound: Sound, extraction: "_Extraction") -> None:
        if "audio" in extraction.skipped:
            return
        try:
            features = side_by_side(self._measure_sound(sound))
            extraction.add("audio", features, reason_if_empty=self._silence)
        except FeatureError as error:
            extraction.absent["audio"] = str(error)

    def _measure_sound(self, sound: Sound) -> list[Features]:
        """Measure each set of audio columns; each has an equal part of the progress."""
        report = self._progress_of("audio", sound)
        extractors: list[SoundExtractor] = [getattr(self, name) for name in self.options.audio]

        def progress_of(done: int) -> Callable[[float], None]:
            return lambda share: report((done + share) / len(extractors))

        return [
            measure(sound, progress=progress_of(done)) for done, measure in enumerate(extractors)
        ]

    @property
    def _silence(self) -> str:
        return "no speech in the sound" if "speech" in self.options.audio else "silence"

    def _extract_text(
        self, clip: Clip, words: tuple[Word, ...] | None, extraction: "_Extraction"
    ) -> None:
        if "text" in extraction.skipped:
            return
        if not words:
            reason = extraction.unheard if words is None else "no words in the transcript"
            extraction.absent["text"] = reason
        else:
            if self.vectors:
                extraction.add("text", self.glove(words), reason_if_empty="no word has a vector")
            else:
                features = rows_of_words(words)
                extraction.add("text", features, reason_if_empty="there are pauses only")
            self._warn_unknown_words(clip, words)

    def _find_words(
        self, clip: Clip, sound: Sound | None, extraction: "_Extraction"
    ) -> tuple[Word, ...] | None:
        """Find the words of a transcript without times in the sound, or recognise them."""
        self.on_progress("text", 0.0)
        texts = untimed_words(clip)
        if texts is not None:
            if sound is None:
                sound = Sound(np.zeros(extraction.n_samples, np.float32), SAMPLE_RATE_HZ)
            return self._word_finder.align(clip, texts, sound)
        if sound is None:
            return None
        hearing = self._word_finder.hear(sound, self._progress_of("text", sound))
        logger.debug("%s: recognised %d words", clip.id, len(hearing.words))
        if hearing.unread:
            logger.warning("%s: %s", clip.id, summary(hearing.unread))
        extraction.unheard = hearing.reason or NO_SPEECH_FOUND
        extraction.unread = hearing.unread
        return hearing.words or None

    def _reporting(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """Report progress with each frame."""
        for frame in frames:
            self.on_progress("visual", frame.time_s)
            yield frame

    def _progress_of(self, modality: str, sound: Sound) -> Callable[[float], None]:
        """Report that a modality begins; return a callback for the finished share, 0 to 1."""
        self.on_progress(modality, 0.0)
        return lambda share: self.on_progress(modality, share * sound.duration_s)

    def _warn_unknown_words(self, clip: Clip, words: Sequence[Word]) -> None:
        """Log words without a vector, and warn of text that does not look English."""
        texts = [word.text for word in without_pauses(words)]
        if self.vectors:
            missing, n_tokens = self.glove.missing(texts)
            if missing:
                logger.info(
                    "%s: %d of %d tokens have no vector: %s",
                    clip.id,
                    missing.total(),
                    n_tokens,
                    ", ".join(token for token, _ in missing.most_common(10)),
                )
        reason = reason_not_english(texts)
        if reason:
            logger.warning("%s: expected English words, the only ones known; %s", clip.id, reason)


@dataclass
class _Extraction:
    """The results for one clip so far.

    Attributes:
        features: modality -> its features.
        absent: modality -> the reason why it has none.
        skipped: modality -> the reason why it is not measured.
        cuts_s: times of camera cuts, seconds from the clip's start.
        unheard: why no words are recognised, if there are none.
        unread: what was heard and not read.
    """

    features: dict[str, Features] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    cuts_s: list[float] = field(default_factory=list)
    unheard: str = NO_SPEECH_FOUND
    unread: tuple[Unread, ...] = ()

    def add(self, modality: str, features: Features, *, reason_if_empty: str) -> None:
        """Store features; without a valid row, the modality is absent for the given reason."""
        if features.valid.any():
            self.features[modality] = features
        else:
            self.absent[modality] = reason_if_empty

    @property
    def n_samples(self) -> int:
        """Samples of a sound that is as long as the features so far."""
        ends = (features.times[-1, 1] for features in self.features.values())
        return int(max(ends, default=0.0) * SAMPLE_RATE_HZ)


def _read_frames(decoder: Decoder, clip: Clip) -> Iterator[Frame]:
    """Yield the clip's frames with times from its start."""
    return (replace(frame, time_s=frame.time_s - clip.start) for frame in decoder.frames())


def _read_sound(decoder: Decoder, clip: Clip) -> Sound | None:
    """Read on to the clip's end and return its sound, with times from its start."""
    sound = decoder.sound()
    return None if sound is None else replace(sound, start_s=sound.start_s - clip.start)


def _with_cuts(frames: Iterator[Frame], cuts_s: list[float]) -> Iterator[Frame]:
    """Append the times of camera cuts to ``cuts_s`` as the frames pass."""
    shots = ShotDetector()
    for frame in frames:
        if shots.is_cut(frame.image):
            cuts_s.append(frame.time_s)
        yield frame
