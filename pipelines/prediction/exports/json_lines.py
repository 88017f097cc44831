"""JSON lines: one object per utterance, with every field of its prediction."""

import json
from collections.abc import Sequence

from mmemo.files import utf8
from mmemo.prediction import Prediction


def to_json_lines(predictions: Sequence[Prediction]) -> bytes:
    """Return predictions in UTF-8, one JSON object per line, in order of time."""
    objects = [prediction.to_json() for prediction in predictions]
    return utf8("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in objects))
