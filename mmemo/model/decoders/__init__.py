"""From encoded rows to a probability for each set of labels."""
