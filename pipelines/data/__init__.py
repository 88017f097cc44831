"""Data sets: extract features, load them for training, convert between forms."""
