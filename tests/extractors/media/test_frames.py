"""Frames: upright, square pixels, right colours, own times, at most the requested rate."""

import itertools
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from media_files import brightening, gray, quadrants, turn_mp4, write_media
from numpy.typing import NDArray

from extractors.media import probe, read_frames

FRAME_S = 0.04


@pytest.fixture(scope="module")
def steady_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds, 300 frames."""
    path = tmp_path_factory.mktemp("media") / "steady.mp4"
    return write_media(path, picture=brightening(12.0), seconds=12.0)


def corners(image: NDArray[np.uint8]) -> list[str]:
    """Name the colours of the four quarters, row by row."""
    h, w = image.shape[:2]
    names = []
    for y, x in itertools.product((h // 4, 3 * h // 4), (w // 4, 3 * w // 4)):
        red, green, blue = image[y, x].astype(int)
        bright = [name for name, v in (("r", red), ("g", green), ("b", blue)) if v > 120]
        names.append("".join(bright))
    return names


def test_frames_are_contiguous_rgb_with_increasing_times(steady_clip: Path) -> None:
    times = []
    for frame in read_frames(steady_clip, end=2.0):
        assert frame.image.shape == (120, 160, 3)
        assert frame.image.dtype == np.uint8
        assert frame.image.flags.c_contiguous
        times.append(frame.time_s)
    assert np.allclose(times, np.arange(50) * FRAME_S)


@pytest.mark.parametrize("codec", ["libx264", "libvpx-vp9", "mpeg4"])
def test_colours_and_places_survive(tmp_path: Path, codec: str) -> None:
    suffix = {"libx264": "mp4", "libvpx-vp9": "webm", "mpeg4": "avi"}[codec]
    path = write_media(
        tmp_path / f"clip.{suffix}", picture=quadrants(), seconds=0.4, video_codec=codec
    )
    frame = next(read_frames(path))
    assert corners(frame.image) == ["r", "g", "b", "rgb"]
    assert frame.image[30, 40].astype(int) == pytest.approx([220, 20, 20], abs=12)


@pytest.mark.parametrize("size", [(162, 122), (98, 66), (70, 130)])
def test_sizes_that_no_block_divides(tmp_path: Path, size: tuple[int, int]) -> None:
    path = write_media(tmp_path / "clip.mp4", picture=quadrants(size), seconds=0.4)
    frame = next(read_frames(path))
    assert frame.image.shape == (size[1], size[0], 3)
    assert corners(frame.image) == ["r", "g", "b", "rgb"]


def test_odd_sizes(tmp_path: Path) -> None:
    path = write_media(
        tmp_path / "clip.avi", picture=quadrants((161, 121)), seconds=0.4, video_codec="mpeg4"
    )
    frame = next(read_frames(path))
    assert frame.image.shape == (121, 161, 3)
    assert corners(frame.image) == ["r", "g", "b", "rgb"]


@pytest.mark.parametrize(
    ("degrees", "mirrored", "expected"),
    [
        (0, False, ["r", "g", "b", "rgb"]),
        (90, False, ["b", "r", "rgb", "g"]),
        (180, False, ["rgb", "b", "g", "r"]),
        (270, False, ["g", "rgb", "r", "b"]),
        (0, True, ["g", "r", "rgb", "b"]),
        (90, True, ["r", "b", "g", "rgb"]),
    ],
)
def test_frames_are_upright(
    tmp_path: Path, degrees: int, mirrored: bool, expected: list[str]
) -> None:
    path = write_media(tmp_path / "clip.mp4", picture=quadrants((160, 96)), seconds=0.4)
    turn_mp4(path, degrees, mirrored)
    frame = next(read_frames(path))
    assert corners(frame.image) == expected
    info = probe(path)
    assert (info.height, info.width) == frame.image.shape[:2]
    assert frame.image.shape[:2] == ((160, 96) if degrees % 180 else (96, 160))
    if not mirrored:
        assert info.rotation_deg == degrees


@pytest.mark.parametrize(
    ("aspect", "shape"),
    [(Fraction(4, 3), (120, 213)), (Fraction(1, 2), (240, 160)), (Fraction(1, 90), (120, 160))],
)
def test_pixels_are_square(tmp_path: Path, aspect: Fraction, shape: tuple[int, int]) -> None:
    path = write_media(tmp_path / "clip.mp4", picture=quadrants(), seconds=0.4, pixel_aspect=aspect)
    assert next(read_frames(path)).image.shape[:2] == shape
    info = probe(path)
    assert (info.height, info.width) == shape


def test_large_frames_are_shrunk_on_request(tmp_path: Path) -> None:
    path = write_media(tmp_path / "clip.mp4", picture=quadrants((640, 360)), seconds=0.2)
    small = next(read_frames(path, max_side=160)).image
    assert small.shape == (90, 160, 3)
    assert corners(small) == ["r", "g", "b", "rgb"]
    assert next(read_frames(path, max_side=4000)).image.shape == (360, 640, 3)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_variable_rate_keeps_its_times(tmp_path: Path, suffix: str) -> None:
    times = [0.0, 0.02, 0.05, 0.3, 0.31, 0.9, 1.5, 1.52]
    path = write_media(
        tmp_path / f"clip.{suffix}",
        picture=lambda t: gray(30 + round(t * 120)),
        frame_times=times,
        video_options={"bf": "0"},
    )
    frames = list(read_frames(path))
    assert [frame.time_s for frame in frames] == pytest.approx(times, abs=6e-4)
    for frame in frames:
        assert frame.image.mean() == pytest.approx(30 + frame.time_s * 120, abs=4)
    assert [f.time_s for f in read_frames(path, fps=10)] == pytest.approx(
        [0.0, 0.05, 0.3, 0.9, 1.5], abs=6e-4
    )


@pytest.mark.parametrize("fps", [1, 5, 7, 12.5, 20])
def test_a_lower_rate_keeps_the_frame_nearest_to_each_tick(steady_clip: Path, fps: float) -> None:
    every = np.arange(300) * FRAME_S
    ticks = np.arange(math.floor(every[-1] * fps + 0.5) + 1) / fps
    nearest = np.abs(ticks[:, None] - every).min(axis=1)
    times = np.array([frame.time_s for frame in read_frames(steady_clip, fps=fps)])
    assert np.abs(ticks[:, None] - times).min(axis=1) == pytest.approx(nearest, abs=1e-6)
    assert len(times) == len(ticks)


@pytest.mark.parametrize("fps", [25, 30, 1000])
def test_a_higher_rate_repeats_nothing(steady_clip: Path, fps: float) -> None:
    times = [frame.time_s for frame in read_frames(steady_clip, fps=fps, end=4.0)]
    assert times == pytest.approx(np.arange(100) * FRAME_S)
