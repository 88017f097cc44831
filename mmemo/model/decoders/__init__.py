"""From what the encoders saw to a probability for each set of labels."""
