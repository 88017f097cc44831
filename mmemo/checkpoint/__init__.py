"""A trained model on disk: it rebuilds itself and refuses input it was not trained for."""

from mmemo.checkpoint.checkpoint_files import (
    DESCRIPTION_FILE,
    ENCODER_FOLDER,
    FORMAT,
    WEIGHTS_FILE,
    fingerprint,
    load_checkpoint,
    part_checks,
    save_checkpoint,
)
from mmemo.checkpoint.parts import FOLDER_SUFFIXES
from mmemo.checkpoint.trained_model import Checkpoint, Inputs, PartialReading, TrainedOn

__all__ = [
    "DESCRIPTION_FILE",
    "ENCODER_FOLDER",
    "FOLDER_SUFFIXES",
    "FORMAT",
    "WEIGHTS_FILE",
    "Checkpoint",
    "Inputs",
    "PartialReading",
    "TrainedOn",
    "fingerprint",
    "load_checkpoint",
    "part_checks",
    "save_checkpoint",
]
