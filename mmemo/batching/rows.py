"""From a clip's features to the arrays of a batch: word-aligned, or each at its own rate.

Training and prediction share this code, so that they cannot differ.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mmemo.batching.batch import ClipArrays
from mmemo.batching.pooling import pool, windows
from mmemo.config import DataConfig
from mmemo.features import ClipFeatures, Features, rows_of_words
from mmemo.labels import annotated


def arrange(clip: ClipFeatures, options: DataConfig, *, reads_words: bool = False) -> ClipArrays:
    """Bring a clip's modalities onto rows.

    - ``alignment="word"``: one row for each row of the text (words and pauses); audio and visual
      are pooled onto it. A clip without text gets windows of ``window_s`` seconds instead.
    - ``alignment="frames"``: text as it is, audio and visual pooled to steps of ``frame_s``.

    Rows beyond ``max_rows`` are cut off. Modalities with no valid row at all are left out.

    With ``reads_words`` the text has one row for each word, and no columns: the model computes
    them from the words.
    """
    if reads_words:
        clip = _with_words_for_vectors(clip)
    if options.alignment == "word":
        features = _onto(clip.features, _word_times(clip, options.window_s), options)
    else:
        features = _at_own_rate(clip.features, options)
    words = _words_of_rows(clip)
    features = {m: _head(f, options.max_rows) for m, f in features.items() if f.valid.any()}
    intensities = clip.clip.intensities
    return ClipArrays(
        id=clip.clip.id,
        values={m: f.values for m, f in features.items()},
        masks={m: f.valid for m, f in features.items()},
        labels=None if intensities is None else annotated(intensities),
        video=f"{clip.clip.dataset}/{clip.clip.video_id}",
        dataset=clip.clip.dataset,
        start_s=clip.clip.start,
        seconds=math.nan if clip.seconds is None else clip.seconds,
        words=words[: options.max_rows] if "text" in features else (),
        degrees=_degrees(clip),
    )


def row_times(
    clip: ClipFeatures, options: DataConfig, modality: str, *, reads_words: bool = False
) -> NDArray[np.float64]:
    """Return start and end of each row that ``arrange`` makes of ``modality``: (T, 2) seconds."""
    if reads_words:
        clip = _with_words_for_vectors(clip)
    if options.alignment == "word":
        return _word_times(clip, options.window_s)[: options.max_rows]
    return _at_own_rate(clip.features, options)[modality].times[: options.max_rows]


def row_width(modality: str, columns: int, options: DataConfig) -> int:
    """Return the width of the rows that ``arrange`` makes of a modality with so many columns."""
    return 2 * columns if modality != "text" and options.pooling == "mean_sd" else columns


def _degrees(clip: ClipFeatures) -> NDArray[np.float32] | None:
    """Return the intensities and the sentiment, (K + 1,); None if there are no labels."""
    if clip.clip.intensities is None:
        return None
    sentiment = math.nan if clip.clip.sentiment is None else clip.clip.sentiment
    return np.array([*clip.clip.intensities, sentiment], dtype=np.float32)


def _words_of_rows(clip: ClipFeatures) -> tuple[str, ...]:
    """Return the token of each row of the text; empty where they are not known.

    Features of other programs and stores of earlier versions have no tokens. Their rows are the
    clip's words if there are as many.
    """
    text = clip.features.get("text")
    if text is None or text.tokens:
        return () if text is None else text.tokens
    texts = tuple(word.text.strip() for word in clip.clip.words or ())
    return texts if len(texts) == len(text) else ()


def _with_words_for_vectors(clip: ClipFeatures) -> ClipFeatures:
    """Replace the text's rows by rows without columns, one per word; a pause is not valid."""
    others = {m: features for m, features in clip.features.items() if m != "text"}
    if not clip.clip.words:
        return replace(clip, features=others)
    rows = rows_of_words(clip.clip.words)
    return replace(clip, features={"text": rows, **others})


def _word_times(clip: ClipFeatures, window_s: float) -> NDArray[np.float64]:
    text = clip.features.get("text")
    if text is not None and len(text):
        return text.times
    if clip.clip.words:
        return np.array([(word.start, word.end) for word in clip.clip.words])
    return windows(_duration_s(clip.features), window_s)


def _duration_s(features: Mapping[str, Features]) -> float:
    return max((float(f.times[:, 1].max()) for f in features.values() if len(f)), default=0.0)


def _onto(
    features: Mapping[str, Features], times: NDArray[np.float64], options: DataConfig
) -> dict[str, Features]:
    spread = options.pooling == "mean_sd"
    return {
        m: f if m == "text" and len(f) else pool(f, times, spread=spread and m != "text")
        for m, f in features.items()
    }


def _at_own_rate(features: Mapping[str, Features], options: DataConfig) -> dict[str, Features]:
    steps = windows(_duration_s(features), options.frame_s)
    spread = options.pooling == "mean_sd"
    return {m: f if m == "text" else pool(f, steps, spread=spread) for m, f in features.items()}


def _head(features: Features, rows: int) -> Features:
    return features if len(features) <= rows else features.select(np.arange(rows))
