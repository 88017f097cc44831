"""Weights and word vectors: where they come from, their checksums, and the cache."""
