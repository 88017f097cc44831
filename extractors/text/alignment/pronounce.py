"""Guess the pronunciation of a word that is in no dictionary, well enough to align it.

English spelling is mapped to the 39 phones of the CMU dictionary (ARPAbet without stress), by the
longest matching group of letters. An aligner needs only the approximate length and quality of
each sound.
"""

import re

_GROUPS = {
    # Consonants.
    "tch": "CH", "sch": "S K", "dge": "JH", "ght": "T", "igh": "AY", "sh": "SH", "ch": "CH",
    "th": "TH", "ph": "F", "wh": "W", "gh": "G", "ck": "K", "ng": "NG", "qu": "K W", "kn": "N",
    "wr": "R", "ps": "P S", "rh": "R", "sc": "S K", "zh": "ZH", "dj": "JH",
    "bb": "B", "cc": "K", "dd": "D", "ff": "F", "gg": "G", "kk": "K", "ll": "L", "mm": "M",
    "nn": "N", "pp": "P", "rr": "R", "ss": "S", "tt": "T", "vv": "V", "zz": "Z",
    "b": "B", "c": "K", "d": "D", "f": "F", "g": "G", "h": "HH", "j": "JH", "k": "K", "l": "L",
    "m": "M", "n": "N", "p": "P", "q": "K", "r": "R", "s": "S", "t": "T", "v": "V", "w": "W",
    "x": "K S", "z": "Z",
    # Endings and groups with a sound of their own.
    "tion": "SH AH N", "sion": "ZH AH N", "cious": "SH AH S", "tious": "SH AH S",
    "cial": "SH AH L", "tial": "SH AH L", "ture": "CH ER", "sure": "ZH ER",
    "ough": "AO", "augh": "AO", "eigh": "EY", "ious": "IY AH S", "eous": "IY AH S",
    # Vowels.
    "eau": "OW", "ai": "EY", "ay": "EY", "au": "AO", "aw": "AO", "ea": "IY", "ee": "IY",
    "ei": "EY", "eu": "Y UW", "ew": "Y UW", "ey": "IY", "ie": "IY", "oa": "OW", "oe": "OW",
    "oi": "OY", "oo": "UW", "ou": "AW", "ow": "OW", "oy": "OY", "ue": "UW", "ui": "UW",
    "uy": "AY", "ar": "AA R", "er": "ER", "ir": "ER", "or": "AO R", "ur": "ER", "yr": "ER",
    "aar": "AA R", "air": "EH R", "are": "EH R", "ear": "IH R", "eer": "IH R", "our": "AW R",
    "oor": "AO R", "al": "AE L", "all": "AO L", "alk": "AO K", "old": "OW L D", "ind": "AY N D",
    "a": "AE", "e": "EH", "i": "IH", "o": "AA", "u": "AH", "y": "IH",
}  # fmt: skip
_LONGEST = max(map(len, _GROUPS))
_LETTER_NAMES = {
    "a": "EY", "b": "B IY", "c": "S IY", "d": "D IY", "e": "IY", "f": "EH F", "g": "JH IY",
    "h": "EY CH", "i": "AY", "j": "JH EY", "k": "K EY", "l": "EH L", "m": "EH M", "n": "EH N",
    "o": "OW", "p": "P IY", "q": "K Y UW", "r": "AA R", "s": "EH S", "t": "T IY", "u": "Y UW",
    "v": "V IY", "w": "D AH B AH L Y UW", "x": "EH K S", "y": "W AY", "z": "Z IY",
}  # fmt: skip
_LONG = {"a": "EY", "e": "IY", "i": "AY", "o": "OW", "u": "UW", "y": "AY"}
_VOICELESS = ("P", "T", "K", "F", "TH")
_SIBILANT = ("S", "Z", "SH", "ZH", "CH", "JH")
_VOWELS = frozenset("aeiouy")
_CLITICS = {"'ll": "AH L", "'re": "ER", "'ve": "AH V", "'d": "D", "'m": "M", "n't": "AH N T"}
_MAX_LETTERS = 60


def pronounce(word: str) -> list[str]:
    """Guess the phones of a word.

    Args:
        word: lower case; only its letters a to z and apostrophes count.

    Returns:
        At least one phone, unless the word has no such letter.

    Example:
        >>> pronounce("zorblax"), pronounce("glitz's")
        (['Z', 'AO', 'R', 'B', 'L', 'AE', 'K', 'S'], ['G', 'L', 'IH', 'T', 'Z', 'IH', 'Z'])
    """
    word = re.sub(r"[^a-z']", "", word)[:_MAX_LETTERS]
    for clitic, sound in _CLITICS.items():
        if word.endswith(clitic) and len(word) > len(clitic):
            return [*pronounce(word[: -len(clitic)]), *sound.split()]
    if word.endswith("'s") and len(word) > 2:
        return _with_s(pronounce(word[:-2]))
    word = word.replace("'", "")
    if len(word) == 1 or (word and not _VOWELS & set(word)):
        return [phone for letter in word for phone in _LETTER_NAMES[letter].split()]
    return _read(word)


def _with_s(phones: list[str]) -> list[str]:
    if not phones or phones[-1] in _SIBILANT:
        return [*phones, "IH", "Z"]
    return [*phones, "S" if phones[-1] in _VOICELESS else "Z"]


def _read(word: str) -> list[str]:
    phones: list[str] = []
    at = 0
    while at < len(word):
        length, sound = _next(word, at)
        phones += sound.split()
        at += length
    return phones


def _next(word: str, at: int) -> tuple[int, str]:
    """Return the length of the next group of letters, and its phones."""
    rest = word[at:]
    if at and rest == "e":
        return 1, ""
    if at and rest in ("es", "ed") and word[at - 1] not in _VOWELS:
        return 2, _ending(word[:at], rest)
    if rest[0] == "y" and (at == 0 and rest[1:2] in _VOWELS):
        return 1, "Y"
    if rest == "y":
        return 1, "IY" if at > 2 else "AY"
    if rest[0] in "cg" and rest[1:2] in ("e", "i", "y") and not rest.startswith("ge", 1):
        return 1, "S" if rest[0] == "c" else "JH"
    if rest[0] in _LONG and re.match(r"[aeiouy][bcdfgjklmnpstvz]e(s?)$", rest):
        return 1, _LONG[rest[0]]
    for length in range(min(_LONGEST, len(rest)), 1, -1):
        if rest[:length] in _GROUPS:
            return length, _GROUPS[rest[:length]]
    if rest == "o":
        return 1, "OW"
    if rest == "a" and at:
        return 1, "AH"
    if rest == "i":
        return 1, "IY"
    return 1, _GROUPS[rest[0]]


def _ending(before: str, ending: str) -> str:
    if ending == "es":
        return "IH Z" if before.endswith(("s", "z", "x", "h", "c", "g")) else "Z"
    if before.endswith(("t", "d")):
        return "IH D"
    return "T" if before.endswith(("p", "k", "f", "s", "x", "h", "c")) else "D"
