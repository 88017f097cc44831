"""Read emotions from video: what things are, and the model.

Importing this package loads neither torch nor any extractor.
"""

from mmemo.errors import MmemoError
from mmemo.features import Clip, ClipFeatures, Features, Word
from mmemo.labels import EMOTIONS

__all__ = ["EMOTIONS", "Clip", "ClipFeatures", "Features", "MmemoError", "Word"]
__version__ = "0.1.0"
