"""Names of splits: train, valid and test, as data sets spell them."""

SPLITS = ("train", "valid", "test")
_ALIASES = {
    "training": "train",
    "dev": "valid",
    "val": "valid",
    "validation": "valid",
    "development": "valid",
    "testing": "test",
}


def split_named(name: str) -> str | None:
    """Return a split by any of its names (``dev``, ``Validation``); None if it is none."""
    plain = name.strip().casefold()
    plain = _ALIASES.get(plain, plain)
    return plain if plain in SPLITS else None
