"""From the features of clips to the padded tensors that the model reads."""
