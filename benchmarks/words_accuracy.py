"""Accuracy of recognised and aligned words: ``python -m benchmarks.words_accuracy REFERENCE``.

REFERENCE is a folder with ``data/facet_pairs`` (videos of CMU-MOSEI), ``data/mosei_text`` (their
segments' transcripts), ``data/grid`` and ``data/ravdess``. Prints

- the word error rate of recognised words in the labelled segments of the videos, when the whole
  video is recognised (as ``mmemo predict`` does) and when each segment is recognised alone;
- the distance of word starts between forced alignment and recognition, for words that both have;
- the distance of word starts from the truth, on synthesised sentences with known word times: by
  cross-attention, and by the phone models;
- how well the sound fits correct words and replaced ones;
- the share of the transcripts' tokens that have a vector.

Normalisation: lower case; punctuation is dropped; hyphens separate words; apostrophes stay; figures
are read out (1990: nineteen ninety); ``sp``, the mark of a pause, is not a word; fillers (um, uh)
count as words on both sides. An error is an inserted, missing or replaced word.
"""

import argparse
import csv
import gzip
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from extractors.base import SAMPLE_RATE_HZ, Sound
from extractors.media import read_sound
from extractors.text.alignment.matching import match
from extractors.text.alignment.spoken import spoken_form
from extractors.text.recogniser import Recogniser
from extractors.text.tokens import tokenize
from mmemo.assets.resolve import resolve
from mmemo.assets.vectors import read_words
from mmemo.features import PAUSE, Word

VIDEOS = ("-3nNcZdcdvU", "-571d8cVauQ")
TRANSCRIPTS = ("train", "valid")

SENTENCES = (
    "the committee decided to postpone the decision until next thursday",
    "i really wanted to tell you about the movie we saw last night",
    "there are many reasons why people choose to live in the city",
    "she opened the window and looked at the beautiful garden",
    "nobody knows exactly what happened on that cold winter evening",
    "you should always remember to bring your own water bottle",
    "the company reported a significant increase in quarterly profits",
    "my brother plays the guitar every single afternoon after school",
    "it is important for teachers to understand their obligations",
    "we walked along the river and talked about our plans for summer",
)
VOICES = (("en-us", 50), ("en-us+f2", 60), ("en-us+m3", 40))
NOISE = 0.01

GRID_WORDS = {
    "b": "bin", "l": "lay", "p": "place", "s": "set", "g": "green", "r": "red", "w": "white",
    "a": "at", "i": "in", "n": "now", "z": "zero",
}  # fmt: skip
GRID_COLOURS = {**GRID_WORDS, "b": "blue"}
GRID_PLACES = {**GRID_WORDS, "b": "by", "w": "with"}
GRID_ENDS = {"a": "again", "n": "now", "p": "please", "s": "soon"}


@dataclass(frozen=True)
class Segment:
    """A labelled stretch of a video and its transcript."""

    start_s: float
    end_s: float
    words: tuple[str, ...]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reference", type=Path)
    data = parser.parse_args().reference / "data"
    recogniser = Recogniser()
    coverage(data)
    known_times(recogniser)
    videos(recogniser, data)
    grid(recogniser, data)


def videos(recogniser: Recogniser, data: Path) -> None:
    """Print error rates and agreement on the labelled segments."""
    errors = dict.fromkeys(("whole video", "segment alone"), 0)
    total, apart, rough_apart = 0, Apart(), Apart()
    fits: dict[str, list[float]] = {"right": [], "replaced": []}
    for name in VIDEOS:
        path = data / "facet_pairs" / f"v{name}.mp4"
        sound = read_sound(path)
        rough = recogniser.hear_roughly(sound).words
        recognised = recogniser(sound)
        for segment in segments(data, name):
            in_segment = within(recognised, segment)
            cut = read_sound(path, start=segment.start_s, end=segment.end_s)
            alone = recogniser(cut)
            total += len(plain(segment.words))
            errors["whole video"] += word_errors(segment.words, [w.text for w in in_segment])
            errors["segment alone"] += word_errors(segment.words, [w.text for w in alone])
            cut = Sound(cut.samples, cut.sample_rate)
            placed = recogniser.align(segment.words, cut)
            apart.add(placed, in_segment)
            rough_apart.add(placed, within(rough, segment))
            wrong = replaced(segment.words)
            fits["right"] += [w.confidence or 0.0 for w in placed]
            fits["replaced"] += [
                w.confidence or 0.0
                for w, before in zip(recogniser.align(wrong, cut), segment.words, strict=True)
                if w.text != before
            ]
    print(f"\nLabelled segments of {len(VIDEOS)} videos, {total} words")
    for way, count in errors.items():
        print(f"  word error rate, {way:<16}{100 * count / total:6.1f} %  ({count} errors)")
    apart.show("aligned transcript - recognised words")
    rough_apart.show("aligned transcript - cross-attention's times")
    for kind, values in fits.items():
        sure = 100 * np.mean(np.array(values) >= 0.5)
        print(f"  confidence at least .5, {kind} words{sure:6.1f} %  (of {len(values)})")


def grid(recogniser: Recogniser, data: Path) -> None:
    """Print error rate and agreement on GRID, whose file names are the transcripts."""
    wrong = total = 0
    apart = Apart()
    for path in sorted((data / "grid").glob("*.mpg")):
        sound, words = read_sound(path), grid_words(path)
        recognised = recogniser(sound)
        wrong += word_errors(words, [word.text for word in recognised])
        total += len(words)
        apart.add(recogniser.align(words, sound), recognised)
    print(f"\nGRID, {total} words of six-word commands that no language model expects")
    print(f"  word error rate{100 * wrong / total:24.1f} %")
    apart.show("aligned transcript - recognised words")


def known_times(recogniser: Recogniser) -> None:
    """Print errors of word starts where the truth is known."""
    from pipelines.sample.espeak import Espeak

    espeak, rng = Espeak(), np.random.default_rng(0)
    rough, exact, placed = Apart(), Apart(), Apart()
    for voice, pitch in VOICES:
        for sentence in SENTENCES:
            words = tuple(sentence.split())
            speech = espeak.say(words, voice=voice, pitch=pitch, pitch_range=50, rate_wpm=160)
            sound = at_16_khz(speech.samples, speech.sample_rate, rng)
            truth = [Word(w.text, w.start + 0.5, w.end + 0.5) for w in speech.words]
            rough.add(recogniser.hear_roughly(sound).words, truth)
            exact.add(recogniser(sound), truth)
            placed.add(recogniser.align(words, sound), truth)
    print(f"\nSynthesised speech, {len(VOICES) * len(SENTENCES)} sentences: distance to the truth")
    rough.show("recognised, cross-attention less its mean lag")
    exact.show("recognised, phone models")
    placed.show("transcript, phone models")


def coverage(data: Path) -> None:
    """Print how many tokens of the transcripts have a vector."""
    vocabulary = frozenset(read_words(resolve("glove-6b-50d")))
    tokens: Counter[str] = Counter()
    for row in rows(data):
        for word in row["text"].split():
            if word != PAUSE:
                tokens.update(tokenize(word, vocabulary))
    missing = Counter({token: n for token, n in tokens.items() if token not in vocabulary})
    share = 1 - missing.total() / tokens.total()
    print(f"CMU-MOSEI transcripts, {tokens.total()} tokens (without pauses)")
    print(f"  have a vector in glove-6b-50d{100 * share:10.3f} %")
    print("  most frequent without:", ", ".join(f"{t} ({n})" for t, n in missing.most_common(8)))


class Apart:
    """Distances between the starts of words that two sources share."""

    def __init__(self) -> None:
        self.distances_s: list[float] = []
        self.missed = 0

    def add(self, words: Sequence[Word], others: Sequence[Word]) -> None:
        """Pair words by their text, in order; words of only one source count as missed."""
        ours, theirs = starts(words), starts(others)
        pairs = match([text for text, _ in ours], [text for text, _ in theirs])
        for (text, start_s), at in zip(ours, pairs, strict=True):
            if at is None or text != theirs[at][0]:
                self.missed += 1
            elif start_s is not None and (other_s := theirs[at][1]) is not None:
                self.distances_s.append(start_s - other_s)

    def show(self, title: str) -> None:
        """Print one line."""
        apart = np.array(self.distances_s)
        print(
            f"  {title:<47}median {1000 * np.median(apart):+5.0f} ms, within "
            + ", ".join(f"{ms} ms {100 * np.mean(np.abs(apart) <= ms / 1000):5.1f} %"
                        for ms in (50, 100, 200))
            + f"  ({len(apart)} words, {self.missed} not in both)"
        )  # fmt: skip


def starts(words: Sequence[Word]) -> list[tuple[str, float | None]]:
    """List the spoken words; of a written word of several, only the first has a start."""
    return [
        (part, None if n else word.start)
        for word in words
        for n, part in enumerate(spoken_form(word.text))
    ]


def plain(words: Sequence[str]) -> list[str]:
    """Normalise as described above."""
    return [part for word in words for part in spoken_form(word)]


def word_errors(words: Sequence[str], recognised: Sequence[str]) -> int:
    """Count insertions, deletions and substitutions."""
    a, b = plain(words), plain(recognised)
    pairs = match(a, b)
    same = sum(at is not None and word == b[at] for word, at in zip(a, pairs, strict=True))
    paired = sum(at is not None for at in pairs)
    return (paired - same) + (len(a) - paired) + (len(b) - paired)


def within(words: Sequence[Word], segment: Segment) -> list[Word]:
    """Return the words whose middle lies in a segment, with times from its start."""
    return [
        Word(w.text, w.start - segment.start_s, w.end - segment.start_s, w.confidence)
        for w in words
        if segment.start_s <= (w.start + w.end) / 2 < segment.end_s
    ]


def replaced(words: Sequence[str]) -> list[str]:
    """Replace every fifth word by another one of the text."""
    return [
        words[(n + len(words) // 2) % len(words)] if n % 5 == 2 else word
        for n, word in enumerate(words)
    ]


def rows(data: Path) -> Iterator[dict[str, str]]:
    """Read all transcribed segments."""
    for split in TRANSCRIPTS:
        with gzip.open(data / "mosei_text" / f"{split}.csv.gz", "rt", encoding="utf-8") as file:
            yield from csv.DictReader(file)


def segments(data: Path, video: str) -> list[Segment]:
    """Read the labelled segments of one video."""
    return [
        Segment(
            float(row["start"]),
            float(row["end"]),
            tuple(word for word in row["text"].split() if word != PAUSE),
        )
        for row in rows(data)
        if row["video_id"] == video
    ]


def grid_words(path: Path) -> list[str]:
    """Return the command that a file's name encodes: bbaf2n is "bin blue at f two now"."""
    code = path.stem.split("_")[-1]
    digit = "zero" if code[4] == "z" else spoken_form(code[4])[0]
    return [
        GRID_WORDS[code[0]],
        GRID_COLOURS[code[1]],
        GRID_PLACES[code[2]],
        code[3],
        digit,
        GRID_ENDS[code[5]],
    ]


def at_16_khz(samples: np.ndarray, rate: int, rng: np.random.Generator) -> Sound:
    """Resample, add half a second of silence on both sides, and noise everywhere."""
    common = math.gcd(SAMPLE_RATE_HZ, rate)
    own = np.pad(resample_poly(samples, SAMPLE_RATE_HZ // common, rate // common), 8000)
    return Sound((own + NOISE * rng.standard_normal(len(own))).astype(np.float32), SAMPLE_RATE_HZ)


if __name__ == "__main__":
    main()
