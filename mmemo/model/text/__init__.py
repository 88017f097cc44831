"""The parts of the model for text alone: pretrained encoders, common words, clip length."""
