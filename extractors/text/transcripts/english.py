"""Detect text that is not English, before its words silently have no vectors."""

import re
import unicodedata
from collections.abc import Sequence

_FUNCTION_WORDS = frozenset(
    "the of and to a in that is was it for on with as i you he she we they be are this have from "
    "not at by but what all were when your can there use an each which do how if will up about "
    "out then them so some would make like him has had her my me just know its it's i'm don't or "
    "no one people because very really want think that's yeah um uh okay well now our their who "
    "been more than only here get go".split()
)
MIN_WORDS = 20
MIN_SHARE = 0.15
"""In CMU-MOSEI's segments the median share is a half, and one in a thousand is below 0.19. French,
German or Spanish have one in twenty ("me", "no", "as", "in", "was")."""

MIN_LATIN = 0.5


def reason_not_english(texts: Sequence[str]) -> str | None:
    """Return why words are probably not English; None if they may be.

    A text of fewer than 20 words is judged by its letters only.
    """
    letters = [c for text in texts for c in text if c.isalpha()]
    if letters:
        latin = sum(c.isascii() or "LATIN" in unicodedata.name(c, "") for c in letters)
        if latin < MIN_LATIN * len(letters):
            return f"{100 * (1 - latin / len(letters)):.0f} % of its letters are not Latin"
    words = [re.sub(r"[^\w']", "", text.replace("\u2019", "'").lower()) for text in texts]
    words = [word for word in words if word and word != "sp"]
    if len(words) < MIN_WORDS:
        return None
    share = sum(word in _FUNCTION_WORDS for word in words) / len(words)
    if share < MIN_SHARE:
        return f"only {100 * share:.0f} % of its words are common English ones (usually half are)"
    return None
