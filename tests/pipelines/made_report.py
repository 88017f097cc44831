"""A report of a made-up recording, without a model, for tests of the page."""

from dataclasses import replace

import numpy as np

from extractors.facet.expression import EXPRESSIONS
from mmemo.features import Word
from mmemo.labels import EMOTIONS
from mmemo.prediction import Explanation, Prediction
from pipelines.video_report import VideoReport
from pipelines.video_report.stability import Bands
from pipelines.video_report.tracks import Tracks

MODALITIES = ("text", "audio", "visual")
THRESHOLD = 0.4
EVIL = "</script><img src=x onerror=alert(1)><!--"


def made_utterance(number, rng, words, length_s=4.0):
    start = 0.5 + length_s * number
    step = (length_s - 0.5) / max(len(words), 1)
    probs = rng.beta(0.9, 1.4, len(EMOTIONS))
    effects = {label: rng.normal(0, 0.6, len(MODALITIES)) for label in EMOTIONS}
    return Prediction(
        video="talk.mp4",
        start=start,
        end=start + length_s - 0.4,
        words=tuple(
            Word(text, start + step * n, start + step * (n + 1), confidence=None if n else 0.3)
            for n, text in enumerate(words)
        ),
        labels=tuple(e for e, p in zip(EMOTIONS, probs, strict=True) if p >= THRESHOLD),
        probs=dict(zip(EMOTIONS, map(float, probs), strict=True)),
        effects={
            e: dict(zip(MODALITIES, map(float, row), strict=True)) for e, row in effects.items()
        },
        absent={},
        demonstration=True,
        reliability="possible",
        thresholds=dict.fromkeys(EMOTIONS, THRESHOLD),
        base_rates=dict.fromkeys(EMOTIONS, 0.2),
    )


def made_explanation(prediction, rng):
    size = (len(EMOTIONS), len(prediction.words))
    effects = {m: rng.normal(0, 0.3, size) for m in MODALITIES}
    return Explanation(
        EMOTIONS,
        MODALITIES,
        marginals=np.array(list(prediction.probs.values())),
        modality_weights=np.full((len(EMOTIONS), len(MODALITIES)), 1 / 3),
        modality_effects=np.array([list(row.values()) for row in prediction.effects.values()]),
        row_weights={},
        row_effects={},
        prediction=prediction,
        word_effects=effects,
    )


def made_report(utterances=6, seed=0):
    """Make a report: one utterance has markup as words, the last but one has nothing to read."""
    rng = np.random.default_rng(seed)
    sentence = "I never thought that this would work but look at it now".split()
    predictions = [made_utterance(n, rng, sentence[: 5 + n % 8]) for n in range(utterances)]
    predictions[1] = made_utterance(1, rng, ["well", EVIL, "&amp;"])
    predictions[-2] = replace(
        predictions[-2], words=(), labels=None, probs=None, effects=None,
        absent={"text": "no words here", "audio": "silence here", "visual": "no face here"},
    )  # fmt: skip
    duration_s = predictions[-1].end + 0.5
    probs = np.array(
        [list((p.probs or dict.fromkeys(EMOTIONS, 0.5)).values()) for p in predictions]
    )
    width = rng.uniform(0.02, 0.15, probs.shape)
    low, high = np.clip(probs - width, 0.001, 1), np.clip(probs + width, 0, 0.999)
    low[0], high[0] = np.nan, np.nan
    steps = round(duration_s / 0.1)
    times = np.arange(steps) * 0.1
    units = {f"AU{n}": np.sin(times / 2 + n) * 2 - 0.5 for n in (1, 4, 6, 12, 17, 25)}
    for values in units.values():
        values[40:60] = np.nan
    looks = rng.normal(0, 2, (len(EXPRESSIONS), steps)).cumsum(axis=1) / 4
    looks = np.exp(looks - looks.max(axis=0))
    looks /= looks.sum(axis=0)
    looks[:, 40:60] = np.nan
    voiced = np.where(np.sin(2 * times) > -0.4, 140 + 40 * np.sin(times), np.nan)
    return VideoReport(
        name="talk <b>&.mp4",
        duration_s=duration_s,
        labels=EMOTIONS,
        modalities=MODALITIES,
        predictions=predictions,
        bands=Bands(low, high),
        explanations=[None if p.labels is None else made_explanation(p, rng) for p in predictions],
        tracks=Tracks(
            0.1,
            voiced,
            -30 + 20 * np.sin(times),
            dict(zip(EXPRESSIONS, looks, strict=True)),
            units,
        ),
        absent={},
        dataset="made-up talk",
        demonstration=True,
    )
