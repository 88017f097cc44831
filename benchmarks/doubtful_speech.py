"""Cost and gain of limits on doubtful speech: ``python -m benchmarks.doubtful_speech REFERENCE``.

REFERENCE is a folder with ``data/ravdess``, ``data/grid``, ``data/facet_pairs`` and
``data/mosei_text`` (English), and ``data/nemo`` (Polish). A stretch is used if the mean
log-probability of its words reaches the limit (``extractors.text.unread.DOUBTFUL_LOGPROB``). For
each limit, prints

- English words of the reference that are recognised rightly, and recordings that have any word;
- other words, which nobody says in the mixture, and Polish recordings that become English words;

and how many voices of at least 1 s are passed over (``extractors.text.voices``). RAVDESS is also
shown degraded (telephone, codecs, noise, rooms), since doubt and bad sound go together. Every n-th
recording of RAVDESS and nEMO is taken (``--every``). In the mixture a Polish sentence stands
between two English ones.

Each source is read without and with the second look at doubtful voices
(``extractors.text.second_look``).
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.words_accuracy import VIDEOS, grid_words, plain, segments
from extractors.base import SAMPLE_RATE_HZ, Sound
from extractors.media import read_sound
from extractors.sound import at_16_khz
from extractors.text.alignment.matching import match
from extractors.text.recogniser import Recogniser
from extractors.text.transcripts.english import reason_not_english
from extractors.text.unread import DOUBTFUL_LOGPROB, REPETITIVE, is_wordless, mean_logprob
from extractors.text.voices import Wordless
from mmemo.arrays import Floats32
from pipelines.default_model.degrade import write_degraded
from pipelines.progress import track

LIMITS = (-1.0, -0.9, -0.8, -0.7, -0.6)
RAVDESS_SENTENCES = {"01": "kids are talking by the door", "02": "dogs are sitting by the door"}


@dataclass(frozen=True)
class Stretch:
    """A segment that the other limits let pass."""

    logprob: float
    words: tuple[str, ...]


@dataclass(frozen=True)
class Recording:
    """The stretches of a recording, and its words if it is English."""

    stretches: tuple[Stretch, ...]
    truth: tuple[str, ...] = ()
    passed_over: int = 0

    def used(self, limit: float) -> list[str]:
        """Return the words that are used with a limit."""
        words = [w for part in self.stretches if part.logprob >= limit for w in part.words]
        return [] if reason_not_english(words) else words

    def right(self, limit: float) -> int:
        """Return the number of words of the reference that are recognised."""
        truth, words = plain(self.truth), plain(self.used(limit))
        pairs = match(truth, words)
        return sum(at is not None and w == words[at] for w, at in zip(truth, pairs, strict=True))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reference", type=Path)
    parser.add_argument("--every", type=int, default=12, help="take every n-th recording")
    options = parser.parse_args()
    data, step = options.reference / "data", options.every
    recogniser = Recogniser()
    sources = {
        "RAVDESS": ravdess(data, step),
        "RAVDESS, degraded": ravdess(data, step, degrade=True),
        "GRID": ((read_sound(f), grid_words(f)) for f in sorted((data / "grid").glob("*.mpg"))),
        "CMU-MOSEI": mosei(data),
        "RAVDESS with nEMO": mixture(data, step),
        "nEMO (Polish)": ((read_sound(f), ()) for f in every(data / "nemo", step)),
    }
    for name, sounds in sources.items():
        recordings = [
            [heard(recogniser, sound, truth, second_look=look) for look in (False, True)]
            for sound, truth in track(list(sounds), name)
        ]
        for kind, looks in zip(("", ", second look"), zip(*recordings, strict=True), strict=True):
            show(f"{name}{kind}", looks)


def show(name: str, recordings: Sequence[Recording]) -> None:
    """Print one line per limit."""
    words = sum(len(plain(recording.truth)) for recording in recordings)
    passed_over = sum(recording.passed_over for recording in recordings)
    print(f"\n{name}: {len(recordings)} recordings, {words} words, {passed_over} passed over")
    for limit in LIMITS:
        with_words = sum(bool(recording.used(limit)) for recording in recordings)
        right = sum(recording.right(limit) for recording in recordings)
        others = sum(len(plain(recording.used(limit))) for recording in recordings) - right
        now = "  (as used)" if limit == DOUBTFUL_LOGPROB else ""
        print(
            f"  limit {limit:4.1f}: with words {with_words:4d}, right words {right:5d}, "
            f"others {others:5d}{now}"
        )


def heard(
    recogniser: Recogniser, sound: Sound, truth: Sequence[str], *, second_look: bool
) -> Recording:
    """Recognise a recording, keeping what the limit alone decides."""
    heard = recogniser.segments(sound, second_look=second_look)
    parts = [segment for _, parts in heard for segment in parts]
    stretches = tuple(
        Stretch(mean_logprob(segment), tuple(word.word for word in segment.words))
        for segment in parts
        if segment.compression_ratio <= REPETITIVE and not is_wordless(segment)
    )
    passed_over = sum(isinstance(part, Wordless) and part.passed_over for part in parts)
    return Recording(stretches, tuple(truth), passed_over)


def ravdess(
    data: Path, step: int, *, degrade: bool = False
) -> Iterator[tuple[Sound, Sequence[str]]]:
    """Yield sounds with their sentences, which the names of the files state."""
    files = list(every(data / "ravdess", step))
    with TemporaryDirectory() as folder:
        copies = write_degraded(files, Path(folder), seed=0) if degrade else {}
        for file in files:
            sentence = RAVDESS_SENTENCES[file.stem.split("-")[4]]
            yield read_sound(copies.get(file, file)), sentence.split()


def mixture(data: Path, step: int) -> Iterator[tuple[Sound, Sequence[str]]]:
    """Yield a sentence of RAVDESS, one of nEMO and one of RAVDESS, equally loud."""
    english = [(level(sound), words) for sound, words in ravdess(data, step)]
    polish = [level(read_sound(file)) for file in every(data / "nemo", step)]
    pause = np.zeros(SAMPLE_RATE_HZ // 2, np.float32)
    for (before, first), foreign, (after, last) in zip(english, polish, english[1:], strict=False):
        samples = np.concatenate([before, pause, foreign, pause, after])
        yield Sound(samples, SAMPLE_RATE_HZ), [*first, *last]


def level(sound: Sound) -> Floats32:
    """Return the samples at 16 kHz, of one power."""
    samples = at_16_khz(sound).samples
    return np.asarray(samples * (0.05 / np.sqrt(np.mean(samples**2))), np.float32)


def mosei(data: Path) -> Iterator[tuple[Sound, Sequence[str]]]:
    """Yield the labelled segments of the videos, each cut out alone."""
    for video in VIDEOS:
        for part in segments(data, video):
            path = data / "facet_pairs" / f"v{video}.mp4"
            yield read_sound(path, start=part.start_s, end=part.end_s), part.words


def every(folder: Path, step: int) -> Iterator[Path]:
    """Yield every n-th sound file of a folder."""
    return islice(sorted(folder.glob("*.flac")), 0, None, step)


if __name__ == "__main__":
    main()
