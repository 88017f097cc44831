"""Train a model: epochs, checkpoints, several seeds, search over options."""
