"""Timed words from speech or a transcript, and their vectors."""
