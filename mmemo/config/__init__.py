"""Every option of a run, in one frozen object that is read, overridden, checked and saved."""

from mmemo.config.model_options import (
    ContextOptions,
    DecoderOptions,
    EncoderOptions,
    ModelConfig,
    PretrainedOptions,
    TextOptions,
)
from mmemo.config.run_options import Config, DataConfig, FeatureConfig, TrainConfig

__all__ = [
    "Config",
    "ContextOptions",
    "DataConfig",
    "DecoderOptions",
    "EncoderOptions",
    "FeatureConfig",
    "ModelConfig",
    "PretrainedOptions",
    "TextOptions",
    "TrainConfig",
]
