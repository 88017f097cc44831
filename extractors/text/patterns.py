"""Characters and patterns of transcripts that several parsers share."""

import re

APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u201b\u2032\u02bc\u00b4`\uff07", "'"))
"""Maps every typographic apostrophe to the plain one."""

ANNOTATION = re.compile(r"\{[^{}]*\}|\[[^\[\]]*\]|<[^<>]*>")
"""An annotation in brackets, such as ``{lg}`` (laughter) or ``[noise]``."""

HAS_WORD = re.compile(r"[^\W_]")
"""Matches a text with at least one letter or digit."""

BLANKS = r"[^\S\n]*"
"""Blanks within a line. ``\\s*`` at the start of a line would read all blank lines that follow, for
each of them again: the time would grow with the square of their number."""
