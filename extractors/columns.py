"""The meaning and unit of every feature column.

``extractors.covarep``, ``extractors.facet`` and ``extractors.text.glove`` name the methods;
docs/covarep.md and docs/facet.md say how close they come to the originals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from extractors.covarep.extractor import NAMES as AUDIO_NAMES
from extractors.facet.action_units import ACTION_UNITS, EMOTIONS
from extractors.facet.expression import EXPRESSION_NAMES, EXPRESSIONS
from extractors.facet.extractor import POSE
from extractors.speech.extractor import column_names

ACTION_UNIT_NAMES: Mapping[str, str] = {
    "AU1": "inner brow raiser",
    "AU2": "outer brow raiser",
    "AU4": "brow lowerer",
    "AU5": "upper lid raiser",
    "AU6": "cheek raiser",
    "AU7": "lid tightener",
    "AU9": "nose wrinkler",
    "AU10": "upper lip raiser",
    "AU12": "lip corner puller",
    "AU14": "dimpler",
    "AU15": "lip corner depressor",
    "AU17": "chin raiser",
    "AU18": "lip pucker",
    "AU20": "lip stretcher",
    "AU23": "lip tightener",
    "AU24": "lip pressor",
    "AU25": "lips part",
    "AU26": "jaw drop",
    "AU28": "lip suck",
    "AU43": "eyes closed",
}
"""Names in the Facial Action Coding System (Ekman and Friesen, 1978)."""


@dataclass(frozen=True)
class Column:
    """One column of a modality.

    Attributes:
        name: as in ``Features.names``.
        unit: of its numbers; "" if they have none.
        meaning: what it measures.
    """

    name: str
    unit: str
    meaning: str


_EVIDENCE = "log10 odds"

_VOICE: Mapping[str, tuple[str, str]] = {
    "F0": ("Hz", "pitch; in unvoiced rows a guess, see VUV"),
    "VUV": ("0 or 1", "whether the voice sounds (1) or not (0)"),
    "NAQ": ("", "normalised amplitude quotient of the glottal pulse: low pressed, high breathy"),
    "QOQ": ("", "quasi-open quotient: share of the period with the flow above half its peak"),
    "H1H2": ("dB", "first harmonic of the glottal flow over the second: high is breathy"),
    "PSP": ("", "parabolic spectral parameter: curvature of the pulse's spectrum at its low end"),
    "MDQ": ("", "maxima dispersion quotient, shares of a period: low tense, high breathy"),
    "peakSlope": ("decades/octave", "slope of wavelet peaks: about -0.5 breathy, 0 tense"),
    "Rd": ("", "shape of the glottal pulse (LF model), 0.3 pressed to 2.5 lax"),
    "Rd_conf": ("0 to 1", "confidence of Rd"),
    "creak": ("0 to 1", "probability of a creaky voice"),
}
_SERIES: Mapping[str, tuple[str, str]] = {
    "MCEP": ("", "mel-cepstral coefficient {} of the vocal tract (0 is loudness)"),
    "HMPDM": ("rad", "mean phase distortion, band {} from below"),
    "HMPDD": ("", "mel-cepstral coefficient {} of the spread of phase distortion"),
}


def audio_columns() -> list[Column]:
    """List the audio columns in their order."""
    return [_audio(name) for name in AUDIO_NAMES]


def _audio(name: str) -> Column:
    if name in _VOICE:
        return Column(name, *_VOICE[name])
    series, _, number = name.partition("_")
    unit, meaning = _SERIES[series]
    return Column(name, unit, meaning.format(number))


_HEAD: Mapping[str, str] = {
    "Pitch": "of the head; above 0 it looks up",
    "Yaw": "of the head; above 0 it turns towards the picture's right",
    "Roll": "of the head; above 0 it leans clockwise in the picture",
}


def visual_columns() -> list[Column]:
    """List the visual columns in their order."""
    return [
        *(Column(name, _EVIDENCE, f"evidence of {_emotion(name)}") for name in EMOTIONS),
        *(
            Column(name, _EVIDENCE, f"evidence of {ACTION_UNIT_NAMES[name]}")
            for name in ACTION_UNITS
        ),
        *(Column(name, "degrees", _HEAD[name]) for name in POSE),
    ]


def _emotion(name: str) -> str:
    return "no emotion (FACET's Baseline)" if name == "Baseline" else f"{name.lower()} in the face"


def text_columns(dimension: int = 50) -> list[Column]:
    """List the text columns in their order, for vectors of ``dimension`` numbers."""
    return [
        Column(f"glove_{d}", "", f"number {d} of the word's vector; alone it means nothing")
        for d in range(dimension)
    ]


def speech_columns(width: int = 384) -> list[Column]:
    """List the columns of the recogniser's encoder, for one with ``width`` states."""
    return [
        Column(name, "", f"state {d} of the recogniser's encoder; alone it means nothing")
        for d, name in enumerate(column_names(width))
    ]


def expression_columns() -> list[Column]:
    """List the expression columns in their order."""
    return [
        Column(name, _EVIDENCE, f"the face looks {expression}, absolutely")
        for name, expression in zip(EXPRESSION_NAMES, EXPRESSIONS, strict=True)
    ]


COLUMNS: Mapping[str, Sequence[Column]] = {
    "text": text_columns(),
    "audio": audio_columns(),
    "visual": visual_columns(),
    "speech": speech_columns(),
    "expression": expression_columns(),
}
"""Modality, or further set of columns of one (``features.audio``, ``features.visual``) -> its
columns, in order."""

ROWS: Mapping[str, str] = {
    "text": "one row per word, or part of one (do n't), and per pause; not valid without a vector",
    "audio": "100 rows per second, each centred on a frame; not valid in silence",
    "visual": "one row per measured video frame (features.visual_fps); not valid without a face",
    "speech": "50 rows per second; not valid without speech",
    "expression": "rows as of visual",
}
"""Modality, or further set of columns -> description of its rows."""
