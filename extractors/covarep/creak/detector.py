"""Probability of a creaky voice per row.

J. Kane, T. Drugman, C. Gobl, "Improved automatic detection of creak", Computer Speech and Language
27(4), 2013, section 4: twelve measures with their first and second differences, scaled to -1 to 1,
go through one layer of hyperbolic tangents to a logistic output. The weights are this package's
own: ``benchmarks/creak_training.py`` fits them to recordings.
"""

import functools
import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from extractors.covarep.creak.measures import INPUT_NAMES
from mmemo.errors import FeatureError

WEIGHTS = Path(__file__).with_name("weights.json")
WIDTH = 3 * len(INPUT_NAMES)


class CreakDetector(NamedTuple):
    """A network of one hidden layer of H units.

    Attributes:
        lowest: (36,) values of the inputs that are scaled to -1.
        highest: (36,) values of the inputs that are scaled to 1.
        hidden: (H, 36) weights.
        hidden_bias: (H,).
        output: (H,) weights.
        output_bias: one number.
    """

    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]
    hidden: NDArray[np.float64]
    hidden_bias: NDArray[np.float64]
    output: NDArray[np.float64]
    output_bias: float

    def probability(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of creak from inputs with their changes: (P, 36) -> (P,), 0 to 1.

        NaN counts as the lowest value.
        """
        finite = np.where(np.isnan(inputs), self.lowest, inputs)
        scaled = 2 * (finite - self.lowest) / (self.highest - self.lowest) - 1
        excitation = np.tanh(scaled @ self.hidden.T + self.hidden_bias)
        logit = excitation @ self.output + self.output_bias
        return np.asarray(0.5 * (1 + np.tanh(0.5 * logit)))

    def digest(self) -> str:
        """Identify the weights by their values."""
        sha256 = hashlib.sha256()
        for values in self:
            sha256.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
        return sha256.hexdigest()[:12]


def with_changes(inputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Append first and second differences over the rows: (P, D) -> (P, 3 D)."""
    change = np.diff(inputs, axis=0, prepend=inputs[:1])
    return np.hstack([inputs, change, np.diff(change, axis=0, prepend=change[:1])])


@functools.lru_cache(maxsize=4)
def load_detector(path: Path = WEIGHTS) -> CreakDetector:
    """Read a detector from a JSON file; ``docs/creak.md`` describes it.

    Raises:
        FeatureError: the file cannot be read, or does not contain such a network.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        fields = [np.asarray(content[name], dtype=np.float64) for name in CreakDetector._fields]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FeatureError(
            f"expected creak weights in {path}: JSON with {', '.join(CreakDetector._fields)}; "
            f"got {type(error).__name__}: {error}".replace("\n", " ")
        ) from None
    units = len(fields[4]) if fields[4].ndim == 1 else 0
    expected = ((WIDTH,), (WIDTH,), (units, WIDTH), (units,), (units,), ())
    shapes = tuple(values.shape for values in fields)
    if units == 0 or shapes != expected:
        raise FeatureError(
            f"expected creak weights of shapes {WIDTH}, {WIDTH}, (H, {WIDTH}), H, H and one number "
            f"in {path}; got {shapes}"
        )
    if not all(np.isfinite(values).all() for values in fields) or (fields[1] <= fields[0]).any():
        raise FeatureError(
            f"expected finite creak weights in {path}, every highest above its lowest"
        )
    lowest, highest, hidden, hidden_bias, output, output_bias = fields
    return CreakDetector(lowest, highest, hidden, hidden_bias, output, float(output_bias))


def save_detector(detector: CreakDetector, path: Path) -> None:
    """Write a detector for ``load_detector``, with six digits."""
    content = {
        name: np.vectorize(lambda value: float(f"{value:.6g}"))(np.asarray(values)).tolist()
        for name, values in zip(detector._fields, detector, strict=True)
    }
    lines = [f'"{name}": {json.dumps(values)}' for name, values in content.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
