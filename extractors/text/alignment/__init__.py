"""When each word was said: forced alignment of known words to sound."""

from extractors.text.alignment.aligner import Aligner

__all__ = ["Aligner"]
