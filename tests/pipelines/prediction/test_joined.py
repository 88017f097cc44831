"""The tables of a folder's recordings as one."""

import csv

import pandas as pd
import pytest
from made_report import made_report

from mmemo.errors import DataError
from pipelines.prediction.output_folder import PredictionFolder


@pytest.fixture
def media(tmp_path):
    (tmp_path / "in").mkdir()
    paths = [tmp_path / "in" / name for name in ("a.wav", "=b.wav", "predictions.wav")]
    for path in paths:
        path.write_bytes(b"sound")
    return paths


def folder_of(tmp_path, media, forms=("csv", "parquet")):
    return PredictionFolder(tmp_path / "out", forms, "model", media)


def test_all_rows_are_there_in_order_also_those_of_an_earlier_run(tmp_path, media):
    folder_of(tmp_path, media[:2]).write(media[0], made_report(3).predictions, 9.0)
    folder = folder_of(tmp_path, media)
    folder.write(media[1], [], 1.0)
    folder.write(media[2], made_report(5).predictions, 15.0)
    folder.write_joined({})
    out = tmp_path / "out"
    for read, form in ((pd.read_csv, "csv"), (pd.read_parquet, "parquet")):
        joined = read(out / f"predictions.{form}")
        assert joined["recording"].tolist() == ["a.wav"] * 3 + ["predictions.wav"] * 5
        for name, file in (("a.wav", "a"), ("predictions.wav", "predictions.wav")):
            alone = read(out / f"{file}.{form}")
            of_it = joined[joined["recording"] == name].drop(columns="recording")
            pd.testing.assert_frame_equal(of_it.reset_index(drop=True), alone, check_dtype=False)


def test_names_that_a_spreadsheet_would_run_are_defused(tmp_path, media):
    folder = folder_of(tmp_path, media[:2], ["csv"])
    folder.write(media[1], made_report(2).predictions, 3.0)
    folder.write_joined({media[0]: "broken"})
    with (tmp_path / "out" / "predictions.csv").open(encoding="utf-8-sig", newline="") as text:
        assert [row["recording"] for row in csv.DictReader(text)] == ["'=b.wav"] * 2


def test_a_single_recording_has_no_second_table(tmp_path, media):
    folder = folder_of(tmp_path, media[:1])
    folder.write(media[0], made_report(2).predictions, 3.0)
    folder.write_joined({})
    assert not (tmp_path / "out" / "predictions.csv").exists()


@pytest.mark.parametrize(
    ("form", "damage"),
    [("parquet", b"no table"), ("csv", b"\xff\xfe\xff"), ("csv", b"a,b\n1,2,3\n")],
)
def test_a_table_that_was_changed_is_named_and_the_joined_one_stays(tmp_path, media, form, damage):
    folder = folder_of(tmp_path, media[:2], [form])
    for file in media[:2]:
        folder.write(file, made_report(2).predictions, 6.0)
    folder.write_joined({})
    joined = tmp_path / "out" / f"predictions.{form}"
    before = joined.read_bytes()
    (tmp_path / "out" / f"a.{form}").write_bytes(damage)
    with pytest.raises(DataError, match=r"expected to join the tables of 2 recordings"):
        folder.write_joined({})
    assert joined.read_bytes() == before
