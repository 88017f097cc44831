"""What only the text has: pretrained encoders, learned words and clip length."""
