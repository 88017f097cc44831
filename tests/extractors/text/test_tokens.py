"""Tokens: split as in GloVe's corpus, so that the words of real transcripts have vectors."""

import csv
import gzip
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.text.tokens import tokenize

CASES = {
    # Treebank contractions.
    "it's": "it 's",
    "don't": "do n't",
    "can't": "ca n't",
    "won't": "wo n't",
    "they've we're I'll he'd I'm": "they 've we 're i 'll he 'd i 'm",
    "wouldn't've": "would n't 've",
    "let's": "let 's",
    "gonna wanna cannot": "gonna wanna cannot",
    "y'all": "y' all",
    "John's parents' parents": "john 's parents ' parents",
    "n't 's": "n't 's",
    # Apostrophes that belong to the word.
    "o'clock O'Brien ma'am 'em 'cause 'til '80s": "o'clock o'brien ma'am 'em 'cause 'til '80s",
    # Quotation marks, curly or straight.
    "'yes' \u201cno\u201d \u2018maybe\u2019": "yes no maybe",
    "don\u2019t": "do n't",
    # Punctuation is dropped; the signs that are read aloud stay.
    "Well, (really)!": "well really",
    "go... wait\u2026 so -- no\u2014yes": "go wait so no yes",
    "$5.50 and 20%": "$ 5.50 and 20 %",
    "R & B": "r & b",
    # Abbreviations keep their points, the ends of sentences do not.
    "Mr. Smith of the U.S. left at 5 p.m.": "mr. smith of the u.s. left at 5 p.m.",
    "1,000 people in 1990.": "1,000 people in 1990",
    "a well-known e-mail": "a well-known e-mail",
    "caf\u00e9": "caf\u00e9",
    "cafe\u0301": "caf\u00e9",
    # Nothing is spoken.
    "{lg} [noise] <laugh> - _ ... '": "",
    "": "",
    "sp": "sp",
}


@pytest.mark.parametrize(("text", "tokens"), CASES.items())
def test_known_splits(text, tokens):
    assert tokenize(text) == tokens.split()


VOCABULARY = frozenset(
    ("state", "of", "the", "art", "cafe", "Paris", "paris", "goin", "at&t", "mrs")
)


@pytest.mark.parametrize(
    ("text", "lower", "tokens"),
    [
        ("state-of-the-art", True, "state of the art"),
        ("caf\u00e9", True, "cafe"),
        ("goin'", True, "goin"),
        ("AT&T", True, "at&t"),
        ("Paris", True, "paris"),
        ("Paris", False, "Paris"),
        ("The Mrs.", False, "the mrs"),
        # Words without a vector in any form stay whole, and so do numbers.
        ("zig-zag", True, "zig-zag"),
        ("1,234,567", True, "1,234,567"),
    ],
)
def test_forms_in_the_vocabulary(text, lower, tokens):
    assert tokenize(text, VOCABULARY, lower=lower) == tokens.split()


ANYTHING = st.text() | st.text(st.sampled_from("abs'n't.,-&$%{}[]<>_19 \u2019\u2026"), max_size=30)


@given(ANYTHING)
def test_tokens_of_anything(text):
    tokens = tokenize(text)
    for token in tokens:
        assert token
        assert token == token.lower()
        assert not any(c.isspace() for c in token)
    # Every letter and digit outside annotations is in exactly one token.
    if not set("{}[]<>") & set(text) and all(len(chunk) <= 100 for chunk in text.split()):
        joined = "".join(tokenize(text))
        assert Counter(filter(str.isascii, filter(str.isalnum, joined))) == Counter(
            filter(str.isascii, filter(str.isalnum, text.lower()))
        )


@given(ANYTHING, ANYTHING)
def test_words_are_split_independently(one, other):
    if set("{}[]<>") & set(one + other):
        return
    assert tokenize(f"{one} {other}") == tokenize(one) + tokenize(other)


@given(st.lists(ANYTHING, max_size=5).map(frozenset), ANYTHING)
def test_a_vocabulary_never_loses_a_word_that_it_contains(vocabulary, text):
    plain = tokenize(text)
    with_vocabulary = tokenize(text, vocabulary)
    n_known = sum(token in vocabulary for token in plain if "&" not in text)
    assert len(with_vocabulary) >= n_known


def test_long_nonsense_is_one_token():
    assert tokenize("a" * 100_000 + " " + "'s" * 100_000) == ["a" * 100_000, "'s" * 100_000]


@pytest.mark.shared
def test_nearly_every_word_of_mosei_has_a_vector(shared):
    pytest.importorskip("pyarrow")
    from mmemo.assets.resolve import resolve
    from mmemo.assets.vectors import read_words

    vocabulary = frozenset(read_words(resolve("glove-6b-50d")))
    words: Counter[str] = Counter()
    for split in ("train", "valid"):
        path = shared / "data" / "mosei_text" / f"{split}.csv.gz"
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                words.update(word for word in row["text"].split() if word != "sp")
    tokens: Counter[str] = Counter()
    for word, count in words.items():
        for token in tokenize(word, vocabulary):
            tokens[token] += count
    known_tokens = sum(count for token, count in tokens.items() if token in vocabulary)
    known_words = sum(count for word, count in words.items() if word in vocabulary)
    assert known_words / words.total() < 0.97
    assert known_tokens / tokens.total() > 0.9999
