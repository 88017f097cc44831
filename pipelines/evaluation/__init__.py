"""Evaluation of answers of any system: read, matched with the truth, and scored."""
