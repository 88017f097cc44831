"""Readers for files from strangers, which are read as data and never run."""
