"""Split words the way the text that GloVe was counted on was split.

The 6B vectors were counted on text cut by the Stanford tokenizer and lower-cased (Pennington,
Socher and Manning, "GloVe", EMNLP 2014, section 4.2). It follows the Penn Treebank convention
(MacIntyre, "Treebank tokenization", 1995): ``it's`` is ``it 's``, ``don't`` is ``do n't``,
``can't`` is ``ca n't``; ``parents'`` is ``parents '``. A transcript that keeps such words whole
loses three words in a hundred. Hyphenated words stay whole in that convention.

Punctuation is not spoken, so it is dropped, except for signs that are read aloud.
"""

import re
import unicodedata
from collections.abc import Container

_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u201b\u2032\u02bc\u00b4`\uff07", "'"))
_DASHES = re.compile(r"[\u2012-\u2015\u2212]|--+|\.{2,}|\u2026")
_ANNOTATION = re.compile(r"\{[^{}]*\}|\[[^\[\]]*\]|<[^<>]*>")
_SPOKEN_SIGNS = "$\u00a3\u20ac\u00a5%&@"
_SIGN = re.compile(rf"([{_SPOKEN_SIGNS}])")
_OUTER = re.compile(r"^(?:[^\w']|_)+|(?:[^\w'.]|_)+$")
_CLITIC = re.compile(r"(.*[^\W_])('(?:s|re|ve|ll|d|m)|(?<=.)n't)$", re.IGNORECASE)
_CLITICS = frozenset(("'s", "'re", "'ve", "'ll", "'d", "'m", "n't"))
_CLIPPED = frozenset(("'em", "'cause", "'til", "'n'", "'tis", "'twas", "'bout", "'round", "'n"))
_DECADE = re.compile(r"'\d0s$")
_INITIALS = re.compile(r"(?:[^\W\d_]\.){2,}$")
_ABBREVIATIONS = frozenset(
    ("mr.", "mrs.", "ms.", "dr.", "prof.", "st.", "jr.", "sr.", "vs.", "inc.", "co.", "corp.")
)
_JOINTS = re.compile(r"[\W_]+")
_NUMBER = re.compile(r"\d[\d.,:/]*$")
_LONGEST = 100
"""Longer than any word; such a chunk is kept whole, as one unknown token."""


def tokenize(text: str, known: Container[str] | None = None, *, lower: bool = True) -> list[str]:
    """Split a word, or several, into tokens.

    Args:
        text: as written in a transcript.
        known: the vectors' vocabulary. With it, a token that is not known is looked for in other
            forms: lower-cased, without its final period or accents, and at last cut at its
            hyphens and other joints, if all that yields a known token.
        lower: whether the vocabulary is in lower case.

    Returns:
        The tokens; none if there is nothing but punctuation or an annotation such as ``{lg}``
        (laughter), ``[noise]``.

    Example:
        >>> tokenize("They've said it's John's, didn't they?")
        ['they', "'ve", 'said', 'it', "'s", 'john', "'s", 'did', "n't", 'they']
    """
    text = unicodedata.normalize("NFC", text).translate(_APOSTROPHES)
    text = _DASHES.sub(" ", _ANNOTATION.sub(" ", text))
    if lower:
        text = text.lower()
    tokens = []
    for chunk in text.split():
        if len(chunk) > _LONGEST:
            tokens.append(chunk)
            continue
        for part in _signs_apart(chunk, known):
            for token in _clitics_apart(_bare(part)):
                tokens += [token] if known is None else _known_form(token, known)
    return tokens


def _signs_apart(chunk: str, known: Container[str] | None) -> list[str]:
    """Set ``$5`` and ``20%`` apart into sign and number; keep known names such as ``at&t``."""
    core = _OUTER.sub("", chunk).rstrip(".")
    if known is not None and core and _SIGN.search(core) and core in known:
        return [core]
    return [part for part in _SIGN.split(chunk) if part]


def _bare(part: str) -> str:
    """Take off punctuation around a word, but not what belongs to it."""
    if part in _SPOKEN_SIGNS:
        return part
    part = _OUTER.sub("", part)
    folded = part.lower()
    if folded in _CLITICS | _CLIPPED | _ABBREVIATIONS or _INITIALS.match(part):
        return part
    part = part.rstrip(".")
    folded = part.lower()
    if part.startswith("'"):
        if folded.rstrip("'") in _CLIPPED or _DECADE.match(part):
            return part.rstrip("'")
        return _OUTER.sub("", part.strip("'")).rstrip(".")
    if part.endswith("'") and folded[-2:-1] not in ("s", "n"):
        part = part.rstrip("'")
    return _OUTER.sub("", part)


def _clitics_apart(word: str) -> list[str]:
    """``wouldn't've`` -> would n't 've; ``parents'`` -> parents '; ``y'all`` -> y' all."""
    if not word:
        return []
    if word.lower() == "y'all":
        return [word[:2], word[2:]]
    tail: list[str] = []
    if word.endswith("s'") or word.endswith("S'"):
        return [*_clitics_apart(word[:-1]), "'"]
    while word.lower() not in _CLITICS and (found := _CLITIC.match(word)):
        word, clitic = found.groups()
        tail.insert(0, clitic)
    return [word, *tail]


def _known_form(token: str, known: Container[str]) -> list[str]:
    """Find a form of the token that has a vector; the token itself if there is none."""
    bare = token.strip("'.")
    decomposed = unicodedata.normalize("NFKD", bare)
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    for form in (token, token.lower(), bare, bare.lower(), plain, plain.lower()):
        if form in known:
            return [form]
    parts = [part for part in _JOINTS.split(token) if part]
    if len(parts) > 1 and not _NUMBER.match(token):
        forms = [form for part in parts for form in _known_form(part, known)]
        if any(form in known for form in forms):
            return forms
    return [token]
