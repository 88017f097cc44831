"""From speech or a transcript to timed words and their vectors."""
