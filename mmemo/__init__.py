"""Read emotions from video: the data types and the model.

    import mmemo

    model = mmemo.load()
    for utterance in model.predict("talk.mp4"):
        print(utterance.start, utterance.labels, utterance.text)

Importing this package loads neither torch nor any extractor.
"""

from typing import TYPE_CHECKING, Any

from mmemo.api import load, reader_class
from mmemo.errors import MmemoError
from mmemo.features import Clip, ClipFeatures, Features, Word
from mmemo.labels import EMOTIONS
from mmemo.prediction import Explanation, Prediction, Predictions

if TYPE_CHECKING:
    from mmemo.api import EmotionReader
else:

    def __getattr__(name: str) -> Any:
        """Import ``EmotionReader``, which needs torch, at its first use."""
        if name == "EmotionReader":
            return reader_class()
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "EMOTIONS",
    "Clip",
    "ClipFeatures",
    "EmotionReader",
    "Explanation",
    "Features",
    "MmemoError",
    "Prediction",
    "Predictions",
    "Word",
    "load",
]
__version__ = "0.1.0"
