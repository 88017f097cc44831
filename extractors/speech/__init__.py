"""What a speech recogniser's encoder hears in a voice, as columns beside COVAREP's."""

from extractors.speech.extractor import SpeechExtractor

__all__ = ["SpeechExtractor"]
