"""Readers for untrusted files: they are read as data and never executed."""
