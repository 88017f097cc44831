"""Forced alignment of known words to sound."""

from extractors.text.alignment.aligner import Aligner

__all__ = ["Aligner"]
