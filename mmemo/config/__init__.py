"""Every option of a run, in one frozen object that is read, overridden, checked and saved."""

from mmemo.config.run_options import Config, DataConfig, FeatureConfig, ModelConfig, TrainConfig

__all__ = ["Config", "DataConfig", "FeatureConfig", "ModelConfig", "TrainConfig"]
