"""COVAREP-style voice analysis: the single stages, and the extractor that combines them.

Columns and frame grid are those of COVAREP; every method is written from its paper.
"""

from extractors.covarep.creak.detector import CreakDetector, load_detector, with_changes
from extractors.covarep.creak.measures import creak_inputs
from extractors.covarep.envelope import (
    envelope_orders,
    fill_below_pitch,
    mel_cepstrum,
    true_envelope,
)
from extractors.covarep.extractor import CovarepExtractor
from extractors.covarep.gci import glottal_closures, mean_based_signal, voiced_closures
from extractors.covarep.glottal import PulseShape, pulse_shape
from extractors.covarep.iaif import GlottalFlow, glottal_flow, pulse_periods
from extractors.covarep.lf_model import lf_spectrum, lf_waveform
from extractors.covarep.phase import phase_distortion, phase_features
from extractors.covarep.pitch import Pitch, srh_pitch
from extractors.covarep.polarity import speech_polarity
from extractors.covarep.rd import estimate_rd, minimum_phase
from extractors.covarep.residual import lp_residual
from extractors.covarep.sinusoids import Harmonics, analyse_harmonics
from extractors.covarep.wavelets import maxima_dispersion, peak_slope

__all__ = [
    "CovarepExtractor",
    "CreakDetector",
    "GlottalFlow",
    "Harmonics",
    "Pitch",
    "PulseShape",
    "analyse_harmonics",
    "creak_inputs",
    "envelope_orders",
    "estimate_rd",
    "fill_below_pitch",
    "glottal_closures",
    "glottal_flow",
    "lf_spectrum",
    "lf_waveform",
    "load_detector",
    "lp_residual",
    "maxima_dispersion",
    "mean_based_signal",
    "mel_cepstrum",
    "minimum_phase",
    "peak_slope",
    "phase_distortion",
    "phase_features",
    "pulse_periods",
    "pulse_shape",
    "speech_polarity",
    "srh_pitch",
    "true_envelope",
    "voiced_closures",
    "with_changes",
]
