"""Tokenize words as the training text of GloVe was tokenized.

The 6B vectors were trained on lower-cased text of the Stanford tokenizer (Pennington, Socher and
Manning, "GloVe", EMNLP 2014, section 4.2). It follows the Penn Treebank convention
(MacIntyre, "Treebank tokenization", 1995): ``it's`` is ``it 's``, ``don't`` is ``do n't``,
``can't`` is ``ca n't``; ``parents'`` is ``parents '``. A transcript with such words whole
loses three words in a hundred. Hyphenated words stay whole in that convention.

Punctuation is not spoken, so it is dropped, except for signs that are read aloud.
"""

import re
import unicodedata
from collections.abc import Container

from extractors.text.patterns import ANNOTATION, APOSTROPHES

_DASHES = re.compile(r"[\u2012-\u2015\u2212]|--+|\.{2,}|\u2026")
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
"""Longer than any word; such a chunk becomes one unknown token."""


def tokenize(
    text: str, vocabulary: Container[str] | None = None, *, lower: bool = True
) -> list[str]:
    """Split a word, or several, into tokens.

    Args:
        text: as written in a transcript.
        vocabulary: of the vectors. With it, an unknown token is looked up in other forms:
            lower-cased, without its final period or accents, and finally split at its hyphens and
            other joints, if that gives a known token.
        lower: whether the vocabulary is in lower case.

    Returns:
        The tokens; none if there is nothing but punctuation or an annotation such as ``{lg}``
        (laughter), ``[noise]``.

    Example:
        >>> tokenize("They've said it's John's, didn't they?")
        ['they', "'ve", 'said', 'it', "'s", 'john', "'s", 'did', "n't", 'they']
    """
    text = unicodedata.normalize("NFC", text).translate(APOSTROPHES)
    text = _DASHES.sub(" ", ANNOTATION.sub(" ", text))
    if lower:
        text = text.lower()
    tokens = []
    for chunk in text.split():
        if len(chunk) > _LONGEST:
            tokens.append(chunk)
            continue
        for part in _split_signs(chunk, vocabulary):
            for token in _split_clitics(_bare(part)):
                tokens += [token] if vocabulary is None else _known_form(token, vocabulary)
    return tokens


def _split_signs(chunk: str, vocabulary: Container[str] | None) -> list[str]:
    """Split ``$5`` and ``20%`` into sign and number; keep known names such as ``at&t``."""
    core = _OUTER.sub("", chunk).rstrip(".")
    if vocabulary is not None and core and _SIGN.search(core) and core in vocabulary:
        return [core]
    return [part for part in _SIGN.split(chunk) if part]


def _bare(part: str) -> str:
    """Remove punctuation around a word, but not what belongs to it."""
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


def _split_clitics(word: str) -> list[str]:
    """``wouldn't've`` -> would n't 've; ``parents'`` -> parents '; ``y'all`` -> y' all."""
    if not word:
        return []
    if word.lower() == "y'all":
        return [word[:2], word[2:]]
    tail: list[str] = []
    if word.endswith("s'") or word.endswith("S'"):
        return [*_split_clitics(word[:-1]), "'"]
    while word.lower() not in _CLITICS and (match := _CLITIC.match(word)):
        word, clitic = match.groups()
        tail.insert(0, clitic)
    return [word, *tail]


def _known_form(token: str, vocabulary: Container[str]) -> list[str]:
    """Return a form of the token that has a vector, or the token itself."""
    bare = token.strip("'.")
    decomposed = unicodedata.normalize("NFKD", bare)
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    for form in (token, token.lower(), bare, bare.lower(), plain, plain.lower()):
        if form in vocabulary:
            return [form]
    parts = [part for part in _JOINTS.split(token) if part]
    if len(parts) > 1 and not _NUMBER.match(token):
        forms = [form for part in parts for form in _known_form(part, vocabulary)]
        if any(form in vocabulary for form in forms):
            return forms
    return [token]
