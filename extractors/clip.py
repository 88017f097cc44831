"""One clip in, its words and up to three modalities out: the extractors in their order."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from extractors.base import Frame, Sound
from extractors.covarep import CovarepExtractor
from extractors.facet.extractor import FacetExtractor
from extractors.facet.shots import ShotDetector
from extractors.media import Decoder, read_sound
from extractors.text.glove import GloveExtractor
from extractors.text.pauses import with_pauses, without_pauses
from extractors.text.recogniser import Recogniser
from extractors.text.transcripts import find_transcript, read_transcript, read_untimed
from extractors.text.transcripts.english import doubt_english
from extractors.text.transcripts.plain import split_words
from mmemo.config import FeatureConfig
from mmemo.errors import ClipError, FeatureError
from mmemo.features import Clip, ClipFeatures, Features, Word, rows_of_words

logger = logging.getLogger(__name__)

SAMPLE_RATE = 16_000
NOT_ASKED = "not asked for (features.modalities)"

OnProgress = Callable[[str, float], None]
"""Told the modality that is being measured, and how many seconds of the clip are done of it."""


class ClipExtractor:
    """Make the features of clips, one after the other. Weights are loaded at first need.

    Args:
        options: which vectors, frame rate and recogniser.
        threads: how many threads the face graphs and the recogniser may use.
        vectors: whether words get their vectors; else text has rows without columns, for models
            that read the words themselves.
        on_progress: told how far a clip is, also from the thread that decodes.
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
        self._last_file: tuple[object, tuple[Word, ...]] | None = None

    @cached_property
    def text(self) -> GloveExtractor:
        """Words to vectors."""
        return GloveExtractor.from_name(self.options.vectors)

    @cached_property
    def audio(self) -> CovarepExtractor:
        """Sound to COVAREP-style columns."""
        return CovarepExtractor()

    @cached_property
    def visual(self) -> FacetExtractor:
        """Frames to Facet-style columns."""
        return FacetExtractor(threads=self.threads)

    @cached_property
    def recogniser(self) -> Recogniser:
        """Sound to words, where there is no transcript."""
        return Recogniser(self.options.recogniser, threads=self.threads)

    def key(self, clip: Clip) -> str:
        """Name all that a clip's features depend on: its bytes, its cut, words, extractors."""
        transcript = _transcript_of(clip)
        parts = [
            self.fingerprints,
            self.options.visual_fps,
            None if clip.media is None else _digest(clip.media),
            None if transcript is None else _digest(transcript),
            clip.start,
            clip.end,
            None if clip.words is None else [(w.text, w.start, w.end) for w in clip.words],
            clip.transcript,
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @cached_property
    def fingerprints(self) -> list[str]:
        """Fingerprints of everything that may take part."""
        asked = self.options.modalities
        parts = [getattr(self, modality).fingerprint() for modality in asked]
        return [*parts, self.recogniser.fingerprint()] if "text" in asked else parts

    def __call__(self, clip: Clip) -> ClipFeatures:
        """Extract one clip.

        A modality that is not there (no sound, no face, no word) is named as absent with its
        reason; that is no error.

        Raises:
            ClipError: the media file cannot be read, or ends before the clip starts.
            TranscriptError: the transcript beside it is broken.
        """
        return self.with_cuts(clip)[0]

    def with_cuts(self, clip: Clip) -> tuple[ClipFeatures, tuple[float, ...]]:
        """Extract one clip, and say when its picture cuts to another, seconds in the clip.

        Without the visual modality nobody looks, and there are no cuts. Errors as when called.
        """
        features: dict[str, Features] = {}
        absent: dict[str, str] = {}
        cuts: list[float] = []
        words = _given_words(clip)
        if clip.media is None:
            absent |= dict.fromkeys(("audio", "visual"), "there is no media file")
        else:
            sound = self._look_and_listen(clip, features, absent, cuts)
            if words is None and "text" in self.options.modalities:
                words = self._words_in(sound, features, absent, clip)
        if words and clip.media is not None:
            words = with_pauses(words, ClipFeatures(clip, features).seconds)
        if "text" not in self.options.modalities:
            absent["text"] = NOT_ASKED
        elif words:
            found = self.text(words) if self.vectors else rows_of_words(words)
            otherwise = "no word has a vector" if self.vectors else "there are pauses only"
            _keep("text", found, otherwise, features, absent)
            self._tell_unknown(words, clip)
        else:
            absent["text"] = "no words in the transcript" if words == () else "no speech found"
        return ClipFeatures(replace(clip, words=words or ()), features, absent), tuple(cuts)

    def _look_and_listen(
        self,
        clip: Clip,
        features: dict[str, Features],
        absent: dict[str, str],
        cuts: list[float],
    ) -> Sound | None:
        """Decode once: pictures are measured as they come, the sound is kept for what follows."""
        assert clip.media is not None
        with Decoder(
            clip.media,
            sample_rate=SAMPLE_RATE,
            fps=self.options.visual_fps,
            start=clip.start,
            end=clip.end,
        ) as decoder:
            if "visual" not in self.options.modalities:
                absent["visual"] = NOT_ASKED
            elif decoder.has_picture:
                frames = _noting_cuts(_from_clip_start(decoder.frames(), clip.start), cuts)
                frames = self._telling(frames)
                try:
                    found = self.visual(frames, sound=lambda: _sound_of(decoder, clip))
                    _keep("visual", found, "no face found", features, absent)
                except FeatureError as error:
                    absent["visual"] = str(error)
            else:
                absent["visual"] = "the file has no picture"
            sound = _sound_of(decoder, clip)
        if sound is None or not len(sound.samples):
            absent["audio"] = "the file has no sound"
            return None
        if "audio" not in self.options.modalities:
            absent["audio"] = NOT_ASKED
            return sound
        try:
            found = self.audio(sound, progress=self._told("audio", sound))
            _keep("audio", found, "silence", features, absent)
        except FeatureError as error:
            absent["audio"] = str(error)
        return sound

    def _telling(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        for frame in frames:
            self.on_progress("visual", frame.time_s)
            yield frame

    def _told(self, modality: str, sound: Sound) -> Callable[[float], None]:
        """Say that a modality has begun, and give what turns shares of a sound into seconds."""
        self.on_progress(modality, 0.0)
        return lambda share: self.on_progress(modality, share * sound.duration_s)

    def _words_in(
        self,
        sound: Sound | None,
        features: dict[str, Features],
        absent: dict[str, str],
        clip: Clip,
    ) -> tuple[Word, ...] | None:
        """Find the words of a transcript without times in the sound, or recognise what is said."""
        self.on_progress("text", 0.0)
        texts = _untimed(clip)
        if texts is not None and not _is_part(clip, _transcript_of(clip)):
            if sound is None:
                seconds = max((f.times[-1, 1] for f in features.values()), default=0.0)
                sound = Sound(np.zeros(int(seconds * SAMPLE_RATE), np.float32), SAMPLE_RATE)
            return self.recogniser.align(texts, sound)
        if texts is not None:
            return _between(self._found_in_file(clip, texts), clip)
        if sound is None or absent.get("audio") not in (None, NOT_ASKED):
            return None
        words = self.recogniser(sound, progress=self._told("text", sound))
        logger.debug("%s: recognised %d words", clip.id, len(words))
        return words or None

    def _found_in_file(self, clip: Clip, texts: Sequence[str]) -> tuple[Word, ...]:
        """Find a recording's transcript in all of its sound; its clips come one after another."""
        assert clip.media is not None
        key = (_digest(clip.media), tuple(texts))
        if self._last_file is None or self._last_file[0] != key:
            words = self.recogniser.align(texts, read_sound(clip.media, SAMPLE_RATE))
            self._last_file = (key, words)
        return self._last_file[1]

    def _tell_unknown(self, words: Sequence[Word], clip: Clip) -> None:
        """Say which words no vector stands for, and what looks like another language."""
        spoken = without_pauses(words)
        if self.vectors:
            self._tell_without_vector([word.text for word in spoken], clip)
        doubt = doubt_english([word.text for word in spoken])
        if doubt:
            logger.warning("%s: expected English words, the only ones known; %s", clip.id, doubt)

    def _tell_without_vector(self, texts: Sequence[str], clip: Clip) -> None:
        missing, tokens = self.text.missing(texts)
        if missing:
            logger.info(
                "%s: %d of %d tokens have no vector: %s",
                clip.id,
                missing.total(),
                tokens,
                ", ".join(token for token, _ in missing.most_common(10)),
            )


def _keep(
    modality: str,
    found: Features,
    otherwise: str,
    features: dict[str, Features],
    absent: dict[str, str],
) -> None:
    """File a modality under what there is, or under what is absent if no row is valid."""
    if found.valid.any():
        features[modality] = found
    else:
        absent[modality] = otherwise


def _from_clip_start(frames: Iterator[Frame], start: float) -> Iterator[Frame]:
    return (replace(frame, time_s=frame.time_s - start) for frame in frames)


def _transcript_of(clip: Clip) -> Path | None:
    if clip.words is not None or clip.transcript is not None or clip.media is None:
        return None
    return find_transcript(clip.media)


def _sound_of(decoder: Decoder, clip: Clip) -> Sound | None:
    """Take the sound, reading on to the end of the clip; times from the clip's start."""
    sound = decoder.sound()
    return None if sound is None else replace(sound, start_s=sound.start_s - clip.start)


def _noting_cuts(frames: Iterator[Frame], cuts: list[float]) -> Iterator[Frame]:
    shots = ShotDetector()
    for frame in frames:
        if shots.is_cut(frame.image):
            cuts.append(frame.time_s)
        yield frame


def _given_words(clip: Clip) -> tuple[Word, ...] | None:
    """Take the clip's own words, or cut its stretch out of the transcript beside the file."""
    transcript = _transcript_of(clip)
    if transcript is None or read_untimed(transcript) is not None:
        return clip.words
    return _between(read_transcript(transcript), clip)


def _untimed(clip: Clip) -> tuple[str, ...] | None:
    """Take the words of a transcript without times: the clip's own, or that beside the file."""
    if clip.transcript is not None:
        return split_words(clip.transcript)
    transcript = _transcript_of(clip)
    return None if transcript is None else read_untimed(transcript)


def _is_part(clip: Clip, transcript: Path | None) -> bool:
    """Tell whether a transcript file covers more than the clip, which is cut out of a recording."""
    return transcript is not None and (clip.start > 0 or clip.end is not None)


def _between(words: Sequence[Word], clip: Clip) -> tuple[Word, ...]:
    end = float("inf") if clip.end is None else clip.end
    return tuple(
        replace(word, start=max(word.start - clip.start, 0.0), end=word.end - clip.start)
        for word in words
        if clip.start <= (word.start + word.end) / 2 < end
    )


def _digest(path: Path) -> str:
    try:
        stat = path.stat()
        return _digest_of(path, stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise ClipError(f"{path}: expected a readable file ({error.strerror or error})") from None


@lru_cache(maxsize=4096)
def _digest_of(path: Path, size: int, changed_ns: int) -> str:
    """Hash a file's bytes; size and time only tell whether the last hash still holds."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
