"""Formulas in tables are text to a spreadsheet, and come back as they were."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmemo.csv_cells import as_written, without_formula
from mmemo.datasets.csv_rows import read_rows

FORMULAS = ("=1+1", "+1", "-3g5yACwYnA", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''-a")
texts = st.text(st.sampled_from("=+-@'\t\r\n a1,;\""), max_size=6) | st.text()


@given(texts)
def test_any_text_comes_back_and_none_begins_a_formula(text):
    cell = without_formula(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert as_written(cell) == text


@given(st.floats(allow_nan=False) | st.integers() | st.none() | st.booleans())
def test_numbers_stay_numbers(number):
    assert without_formula(number) is number


@pytest.mark.parametrize("text", FORMULAS)
def test_a_table_is_read_back(text, tmp_path):
    with open(tmp_path / "x.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["id", "n"], [without_formula(text), -1.5]])
    [row] = read_rows(tmp_path / "x.csv", required={"id"}, known={"n"})
    assert row.cells == {"id": text, "n": "-1.5"}
