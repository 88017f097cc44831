"""Rows at 30 Hz, MOSEI's columns, and the command."""

import csv
import logging
from fractions import Fraction

import numpy as np
import pytest
from face_scenes import head
from media_files import tone, write_media

from extractors.facet.__main__ import main
from extractors.facet.extractor import FACET_NAMES, UNAVAILABLE, FacetExtractor
from extractors.facet.landmark_extractor import LandmarkExtractor
from extractors.facet.mosei_table import all_columns, at_rate
from mmemo.features import Features


def features(starts, values, valid=None, end=None) -> Features:
    starts = np.asarray(starts, float)
    ends = np.append(starts[1:], starts[-1] + 0.04 if end is None else end)
    values = np.asarray(values, np.float32)[:, None]
    valid = np.ones(len(starts), bool) if valid is None else np.asarray(valid, bool)
    return Features(values, np.column_stack([starts, ends]), valid, ("a",), "test:1:x")


def test_rows_of_30_hz_frames_stay_as_they_are():
    plain = features(np.arange(9) / 30, np.arange(9.0), end=9 / 30)
    again = at_rate(plain)
    assert np.allclose(again.values, plain.values, atol=1e-4)
    assert np.allclose(again.times, plain.times)


@pytest.mark.parametrize("fps", [12.5, 15, 24, 25, 29.97, 30])
def test_any_rate_becomes_30_rows_per_second(fps):
    starts = np.arange(0, 4, 1 / fps)
    rows = at_rate(features(starts, 2 * starts, end=4.0))
    assert len(rows) == 120
    assert np.allclose(rows.times[:, 0], np.arange(120) / 30)
    assert np.allclose(rows.times[:, 1], np.arange(1, 121) / 30)
    inside = rows.times[:, 0] <= starts[-1]
    assert np.allclose(rows.values[inside, 0], 2 * rows.times[inside, 0], atol=1e-3)
    assert rows.valid.all()


def test_a_rare_frame_stays_until_the_next():
    rows = at_rate(features([0, 1, 1.05], [1, 5, 7], end=1.1))
    assert np.allclose(rows.values[:30, 0], 1)
    assert rows.values[31, 0] == pytest.approx(5 + 2 * (31 / 30 - 1) / 0.05, abs=1e-3)


def test_no_value_is_made_up_without_a_face():
    rows = at_rate(features([0, 1 / 15, 2 / 15, 3 / 15], [4, 0, 0, 8], [1, 0, 0, 1], end=4 / 15))
    assert rows.valid.tolist() == [True, True, False, False, False, False, True, True]
    assert rows.values[:, 0].tolist() == [4, 4, 0, 0, 0, 0, 8, 8]
    late = at_rate(features([0.5, 0.53], [1, 1]))
    assert not late.valid[:15].any()
    assert late.valid[15:].all()


def test_one_frame_has_a_row():
    assert len(at_rate(features([0.0], [3.0], end=0.0))) == 1


def test_all_35_columns_in_their_places():
    names = FacetExtractor.names
    plain = Features(np.arange(1, 34, dtype=np.float32)[None], [[0, 1]], [True], names, "facet:3:x")
    full = all_columns(plain)
    assert full.names == FACET_NAMES
    assert len(full.names) == 35
    for name, value in zip(full.names, full.values[0], strict=True):
        assert value == (0 if name in UNAVAILABLE else 1 + names.index(name))


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A second with a face, then a fifth of black, 25 frames per second, with sound."""
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    blank = np.zeros_like(head())
    return write_media(
        path,
        picture=lambda t: blank if t > 0.99 else np.roll(head(), round(25 * t) % 5, axis=1),
        sound=tone(),
        seconds=1.2,
        fps=25,
    )


def table_of(path) -> list[dict[str, str]]:
    with path.open() as lines:
        return list(csv.DictReader(lines))


@pytest.mark.parametrize(
    ("kind", "names"), [("facet", FACET_NAMES), ("face", LandmarkExtractor.names)]
)
def test_command_writes_30_rows_per_second(video, tmp_path, kind, names):
    main([str(video), str(tmp_path / "out.csv"), "--set", kind])
    rows = table_of(tmp_path / "out.csv")
    assert list(rows[0]) == ["start_s", "end_s", "valid", *names]
    assert len(rows) == 36
    assert [float(row["start_s"]) for row in rows] == pytest.approx(np.arange(36) / 30, abs=1e-6)
    assert [row["valid"] for row in rows] == ["1"] * 30 + ["0"] * 6
    assert all(float(row[name]) == 0 for row in rows[30:] for name in names)
    assert float(rows[3]["Yaw"]) != 0
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


def test_command_reports_how_many_frames_it_uses(video, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        main([str(video), str(tmp_path / "out.csv"), "--visual-fps", "5"])
    assert "7 of 30 frames used, at most 5 per second" in caplog.text
    assert "Has_Glasses and Is_Male have no source" in caplog.text
    assert len(table_of(tmp_path / "out.csv")) >= 36
    caplog.clear()
    with caplog.at_level(logging.INFO):
        main([str(video), str(tmp_path / "out.csv")])
    assert "frames used" not in caplog.text


def test_command_writes_a_table_for_each_person(tmp_path):
    both = np.concatenate([head(), head()[:, ::-1]], axis=1)
    path = write_media(tmp_path / "two.mp4", picture=lambda t: both, seconds=0.4)
    main([str(path), str(tmp_path / "out.csv"), "--everyone"])
    tables = [table_of(tmp_path / name) for name in ("out.csv", "out.2.csv")]
    assert [len(table) for table in tables] == [12, 12]
    yaws = [float(table[0]["Yaw"]) for table in tables]
    assert yaws[0] == pytest.approx(-yaws[1], abs=4)
    assert not (tmp_path / "out.3.csv").exists()


def test_command_reports_errors_in_one_line(video, tmp_path):
    with pytest.raises(SystemExit, match=r"none\.mp4: expected a video"):
        main([str(tmp_path / "none.mp4"), str(tmp_path / "out.csv")])
    with pytest.raises(SystemExit, match="expected to write a table"):
        main([str(video), str(tmp_path / "none" / "out.csv")])
    sound_only = write_media(
        tmp_path / "sound.wav", sound=tone(), audio_codec="pcm_s16le", seconds=0.5
    )
    with pytest.raises(SystemExit, match="only sound"):
        main([str(sound_only), str(tmp_path / "out.csv")])
    with pytest.raises(SystemExit, match="frame rate above 0"):
        main([str(video), str(tmp_path / "out.csv"), "--visual-fps", "0"])


def test_odd_pixels_do_not_widen_the_face(tmp_path):
    """Stored at half its width with pixels twice as wide: the same head pose and shape."""
    import cv2

    squeezed = np.asarray(cv2.resize(head(), (128, 256), interpolation=cv2.INTER_AREA), np.uint8)
    plain = write_media(tmp_path / "plain.mp4", picture=lambda t: head(), seconds=0.3)
    odd = write_media(
        tmp_path / "odd.mp4",
        picture=lambda t: squeezed,
        seconds=0.3,
        pixel_aspect=Fraction(2, 1),
    )
    rows = []
    for path in (plain, odd):
        main([str(path), str(tmp_path / "out.csv"), "--set", "face"])
        rows.append(table_of(tmp_path / "out.csv")[3])
    for name in ("Pitch", "Yaw", "Roll"):
        assert float(rows[0][name]) == pytest.approx(float(rows[1][name]), abs=3)
    for name in ("outer_lips_0_x", "outline_0_x", "right_eye_0_x"):
        assert float(rows[0][name]) == pytest.approx(float(rows[1][name]), abs=0.25)
