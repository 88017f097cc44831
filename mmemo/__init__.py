"""Read emotions from video: what things are, and the model.

    import mmemo

    model = mmemo.load()
    for utterance in model.predict("talk.mp4"):
        print(utterance.start, utterance.labels, utterance.text)

Importing this package loads neither torch nor any extractor.
"""

from mmemo.api import EmotionReader, load
from mmemo.errors import MmemoError
from mmemo.features import Clip, ClipFeatures, Features, Word
from mmemo.labels import EMOTIONS
from mmemo.prediction import Prediction
from mmemo.prediction_table import Predictions
from mmemo.reasons import Reasons

__all__ = [
    "EMOTIONS",
    "Clip",
    "ClipFeatures",
    "EmotionReader",
    "Features",
    "MmemoError",
    "Prediction",
    "Predictions",
    "Reasons",
    "Word",
    "load",
]
__version__ = "0.1.0"
