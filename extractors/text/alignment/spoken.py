"""Spoken forms of written words: figures, signs, initials and joined words.

A transcript says "$5" or "1990", a voice says "five dollars" or "nineteen ninety", and a
pronouncing dictionary knows only the latter. Only the time matters here, not the style: of
several ways to read a figure, the most common in speech is chosen.
"""

import re
import unicodedata

from extractors.text.patterns import ANNOTATION, APOSTROPHES

_SIGNS = {
    "&": "and",
    "@": "at",
    "%": "percent",
    "+": "plus",
    "=": "equals",
    "#": "number",
}
_MONEY = {
    "$": "dollars",
    "\u00a3": "pounds",
    "\u20ac": "euros",
    "\u00a5": "yen",
}
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_SCALES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip
_MAX_DIGITS = 12
_PIECE = re.compile(
    r"\d+(?:[.,:]\d+)*(?:st|nd|rd|th|s)?(?![a-z])|\d+|[^\W\d_]+(?:'[^\W\d_]+)*'?|\S"
)
_INITIALS = re.compile(r"(?:[^\W\d_]\.){2,}|[A-Z]{2,5}s?$")
_VOWEL = re.compile(r"[AEIOUY]")


def spoken_form(text: str) -> tuple[str, ...]:
    """Return how a written word is read aloud, in lower-case words of letters and apostrophes.

    Example:
        >>> spoken_form("low-budget"), spoken_form("$5"), spoken_form("1990"), spoken_form("U.S.")
        (('low', 'budget'), ('five', 'dollars'), ('nineteen', 'ninety'), ('u', 's'))

    Returns:
        The words; none for text that is not read aloud (dashes, annotations in brackets).
    """
    text = ANNOTATION.sub(" ", text.translate(APOSTROPHES))
    text = unicodedata.normalize("NFKD", text)
    text = "".join(c for c in text if not unicodedata.combining(c))
    core = text.strip(" \t\"'.,;:!?()[]{}<>-*")
    if _spelled(text, core):
        return tuple(letter.lower() for letter in core.rstrip("s") if letter.isalpha())
    words: list[str] = []
    money: list[str] = []
    for piece in _PIECE.findall(core.lower()):
        if piece in _MONEY:
            money.append(_MONEY[piece])
        elif piece[0].isdigit():
            words += _figure(piece)
            words += money
            money.clear()
        elif piece in _SIGNS:
            words.append(_SIGNS[piece])
        elif any(c.isalpha() for c in piece):
            words.append(piece.strip("'") or piece)
    return tuple(words + money)


def _spelled(text: str, core: str) -> bool:
    """Return whether it is spelled out (U.S., FBI, PTA), unlike words in capitals (NASA, STOP)."""
    if re.match(r"(?:[^\W\d_]\.){2,}", text.strip(" \"'([")):
        return True
    return bool(_INITIALS.match(core)) and (
        not _VOWEL.search(core.rstrip("s")) or len(core.rstrip("s")) < 4
    )


def _figure(text: str) -> list[str]:
    digits = re.match(r"[\d.,:]+", text)
    assert digits is not None
    number, suffix = digits.group().strip(".,:"), text[digits.end() :]
    words: list[str] = []
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", number):
        number = number.replace(",", "")
    parts = re.split(r"[.,:]", number)
    if len(parts) == 2 and ":" not in number:
        words = [*_whole(parts[0]), "point", *(_ONES[int(d)] for d in parts[1])]
    else:
        for part in parts:
            words += _whole(part)
    if suffix in ("st", "nd", "rd", "th"):
        words[-1] = _ordinal(words[-1])
    elif suffix == "s":
        words[-1] = words[-1][:-1] + "ies" if words[-1].endswith("y") else words[-1] + "s"
    return words


def _whole(digits: str) -> list[str]:
    """Read a whole number: years in pairs; long numbers and a leading 0 digit by digit."""
    if len(digits) > _MAX_DIGITS or (digits.startswith("0") and len(digits) > 1):
        return [_ONES[int(d)] for d in digits]
    number = int(digits)
    if len(digits) == 4 and number % 1000 >= 10 and not 2000 <= number < 2010:
        high, low = divmod(number, 100)
        if low == 0:
            return [*_cardinal(high), "hundred"]
        return [*_cardinal(high), *(["oh"] if low < 10 else []), *_cardinal(low)]
    return _cardinal(number)


def _cardinal(number: int) -> list[str]:
    if number < 20:
        return [_ONES[number]]
    if number < 100:
        tens, ones = divmod(number, 10)
        return [_TENS[tens - 2], *([_ONES[ones]] if ones else [])]
    if number >= 10**12:
        return [_ONES[int(d)] for d in str(number)]
    size, name = next(scale for scale in _SCALES if number >= scale[0])
    many, rest = divmod(number, size)
    return [*_cardinal(many), name, *(_cardinal(rest) if rest else [])]


def _ordinal(word: str) -> str:
    if word in _ORDINALS:
        return _ORDINALS[word]
    return word[:-1] + "ieth" if word.endswith("y") else word + "th"
