"""COVAREP-style voice analysis: each stage alone, and the extractor that joins them.

Columns and frame grid are COVAREP's; every method is written from its paper.
"""

from extractors.covarep.envelope import envelope_orders, mel_cepstrum, true_envelope
from extractors.covarep.features import CovarepExtractor
from extractors.covarep.pitch import Pitch, srh_pitch
from extractors.covarep.polarity import speech_polarity
from extractors.covarep.residual import lp_residual
from extractors.covarep.sinusoids import Harmonics, analyse_harmonics

__all__ = [
    "CovarepExtractor",
    "Harmonics",
    "Pitch",
    "analyse_harmonics",
    "envelope_orders",
    "lp_residual",
    "mel_cepstrum",
    "speech_polarity",
    "srh_pitch",
    "true_envelope",
]
