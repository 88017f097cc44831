"""Descriptions that were changed on purpose, with the digest that belongs to them."""

import json

from mmemo.disk.sealed import BLANK, KEY, seal


def write_sealed(path, description):
    """Write JSON with its own SHA-256, as if the program had written it."""
    path.write_bytes(seal(json.dumps({**description, KEY: BLANK}).encode()))
