"""JSON lines: one object an utterance, everything that is known of it."""

import json
from collections.abc import Sequence

from mmemo.prediction import Prediction


def to_json_lines(predictions: Sequence[Prediction]) -> bytes:
    """Write predictions as UTF-8, one JSON object a line, in order of time."""
    lines = [json.dumps(held.to_json(), ensure_ascii=False) + "\n" for held in predictions]
    return "".join(lines).encode()
