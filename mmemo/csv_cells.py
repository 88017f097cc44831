"""Text in cells of CSV that a spreadsheet would take for a formula and run.

Words of a transcript and names of files come from strangers: ``=HYPERLINK(...)`` in a cell sends
what is in others to an address. An apostrophe before it shows the text, as OWASP advises ("CSV
Injection"). Our own tables are read back without it.
"""

from typing import Any

_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r")
_QUOTE = "'"


def without_formula(cell: Any) -> Any:
    """Return a cell's text with an apostrophe before a formula; numbers as they are."""
    return _QUOTE + cell if isinstance(cell, str) and _is_formula(cell) else cell


def as_written(cell: str) -> str:
    """Return the text that ``without_formula`` was called with."""
    return cell[1:] if cell.startswith(_QUOTE) and _is_formula(cell) else cell


def _is_formula(cell: str) -> bool:
    """Return whether text is a formula, perhaps behind apostrophes, which must come back too."""
    return cell.lstrip(_QUOTE).startswith(_BEGINNINGS)
