"""Krippendorff's alpha against published examples, and its properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmemo.metrics.agreement import krippendorff_alpha

BINARY = ["0100000010", "1110010000"]
FOUR_OBSERVERS = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]


def ratings(rows):
    return np.array([[np.nan if cell == "." else float(cell) for cell in row] for row in rows])


@pytest.mark.parametrize(("rows", "alpha"), [(BINARY, 0.095), (FOUR_OBSERVERS, 0.743)])
def test_the_published_examples(rows, alpha):
    """Krippendorff 2011, sections A and C."""
    assert krippendorff_alpha(ratings(rows)) == pytest.approx(alpha, abs=5e-4)


def by_pairs(values):
    """Return 1 - observed / expected disagreement, from all pairs one by one."""
    units = [column[~np.isnan(column)] for column in values.T]
    units = [unit for unit in units if len(unit) > 1]
    n = sum(map(len, units))
    observed = sum((u[:, None] != u).sum() / (len(u) - 1) for u in units) / max(n, 1)
    every = np.concatenate([*units, []])
    expected = (every[:, None] != every).sum() / max(n * (n - 1), 1)
    return 1 - observed / expected if expected else np.nan


CELLS = st.sampled_from([0.0, 1.0, 2.0, np.nan])


@given(st.integers(1, 4).flatmap(lambda r: st.lists(st.tuples(*[CELLS] * r), max_size=8)))
def test_it_is_the_disagreement_of_all_pairs(units):
    values = np.array(units, dtype=float).T if units else np.empty((2, 0))
    expected = by_pairs(values)
    assert krippendorff_alpha(values) == pytest.approx(expected, nan_ok=True)
    assert krippendorff_alpha(values[::-1]) == pytest.approx(expected, nan_ok=True)
