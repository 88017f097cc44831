"""Whole recordings: cuts, re-entries, turned phones, odd rates, small and many faces, length."""

import subprocess
import sys

import av
import cv2
import numpy as np
import pytest
from face_scenes import acting, head, mouth_open
from media_files import tone, turn_mp4, write_media
from skimage import data

from extractors.facet.extractor import FacetExtractor
from extractors.media import Decoder, read_frames


@pytest.fixture(scope="module")
def extractor() -> FacetExtractor:
    return FacetExtractor()


def columns(features, *names: str) -> np.ndarray:
    return features.values[:, [features.names.index(name) for name in names]]


def stranger() -> np.ndarray:
    """Someone else: the same face, a quarter narrower, on an image of the same size."""
    narrow = cv2.resize(head(), (192, 256), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.copyMakeBorder(narrow, 0, 0, 32, 32, cv2.BORDER_REPLICATE), np.uint8)


def elsewhere() -> np.ndarray:
    return np.asarray(cv2.resize(data.coffee(), (256, 256)), np.uint8)


def test_cuts_and_reentries(extractor, tmp_path):
    """Face, something else, the face at another place, black, the face again: one person."""

    def picture(t: float) -> np.ndarray:
        shot = int(t / 0.4 + 1e-6)
        moved = np.roll(head(), (10, -30), axis=(0, 1))
        return (head(), elsewhere(), moved, np.zeros_like(head()), head())[shot]

    path = write_media(tmp_path / "cuts.mp4", picture=picture, seconds=2.0)
    people = extractor.everyone(read_frames(path))
    assert len(people) == 1
    assert people[0].valid.tolist() == ([True] * 10 + [False] * 10) * 2 + [True] * 10
    # One neutral face: the first and the last shot are the same, and so are their numbers.
    first, last = columns(people[0], "AU1", "AU12", "AU25")[[5, 45]]
    assert np.abs(first - last).max() < 0.35


def test_a_stranger_between_is_somebody_else(extractor, tmp_path):
    shots = (head(), stranger(), head())
    path = write_media(
        tmp_path / "three.mp4", picture=lambda t: shots[int(t / 0.4 + 1e-6)], seconds=1.2
    )
    people = extractor.everyone(read_frames(path))
    assert [p.valid.tolist() for p in people] == [
        [True] * 10 + [False] * 10 + [True] * 10,
        [False] * 10 + [True] * 10 + [False] * 10,
    ]
    # With one row per frame, the other person fills in.
    assert extractor(read_frames(path)).valid.all()


@pytest.mark.parametrize("clockwise_deg", [90, 180, 270])
def test_a_turned_phone(extractor, tmp_path, clockwise_deg):
    lying = np.ascontiguousarray(np.rot90(head(), clockwise_deg // 90))
    path = write_media(tmp_path / "phone.mp4", picture=lambda t: lying, seconds=0.2)
    turned = extractor(read_frames(turn_mp4(path, clockwise_deg)))
    upright = write_media(tmp_path / "plain.mp4", picture=lambda t: head(), seconds=0.2)
    plain = extractor(read_frames(upright))
    assert turned.valid.all()
    assert (
        np.abs(
            columns(turned, "Pitch", "Yaw", "Roll") - columns(plain, "Pitch", "Yaw", "Roll")
        ).max()
        < 1.5
    )


def test_variable_frame_rate_gives_the_same_course(extractor, tmp_path):
    """The mouth opens slowly; half of the frames are missing at random."""

    def picture(t: float) -> np.ndarray:
        return mouth_open(256, round(0.12 * (1 - np.cos(2 * np.pi * t)), 2))

    every = np.arange(60) / 30
    keep = np.random.default_rng(2).random(60) > 0.5
    keep[[0, 59]] = True
    steady = write_media(tmp_path / "steady.mp4", picture=picture, frame_times=list(every))
    odd = write_media(tmp_path / "odd.mp4", picture=picture, frame_times=list(every[keep]))
    plain, varied = (extractor(read_frames(path)) for path in (steady, odd))
    assert np.allclose(varied.times[:, 0], every[keep], atol=1e-3)
    assert np.allclose(varied.times[:-1, 1], varied.times[1:, 0])
    opened = columns(plain, "AU25")[keep, 0], columns(varied, "AU25")[:, 0]
    assert np.corrcoef(*opened)[0, 1] > 0.97


def test_small_faces(extractor, tmp_path):
    """A face a ninth as wide as a 720p frame, away from the middle."""
    scene = cv2.GaussianBlur(cv2.resize(data.coffee(), (1280, 720)), (0, 0), 3)
    scene[60:260, 900:1100] = cv2.resize(head(), (200, 200), interpolation=cv2.INTER_AREA)
    path = write_media(
        tmp_path / "small.mp4", picture=lambda t: np.asarray(scene, np.uint8), seconds=0.4
    )
    features = extractor(read_frames(path))
    assert features.valid.all()
    assert np.abs(columns(features, "Yaw", "Pitch")).max() < 20


def test_sound_and_frames_of_one_pass(extractor, tmp_path):
    path = write_media(tmp_path / "clip.mp4", picture=lambda t: head(), sound=tone(), seconds=1.0)
    with Decoder(path, fps=10) as decoder:
        features = extractor(decoder.frames(), sound=decoder.sound)
        sound = decoder.sound()
    assert len(features) == 11
    assert sound is not None
    assert sound.duration_s == pytest.approx(1.0, abs=0.05)


def test_an_error_of_the_decoder_reaches_the_caller(extractor):
    def broken():
        yield from read_frames("/nowhere.mp4")

    from mmemo.errors import ClipError

    with pytest.raises(ClipError, match="no such file"):
        extractor(broken())


MEASURE = """
import resource, sys
from extractors.facet.extractor import FacetExtractor
from extractors.media import read_frames
extractor = FacetExtractor(max_faces=1)
extractor(read_frames(sys.argv[1]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = len(extractor(read_frames(sys.argv[2])))
print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_grows_by_numbers_not_by_frames(tmp_path):
    """200 frames of 640 x 640 would be 246 MB; a few hundred bytes of each are stored."""
    acts = [np.asarray(cv2.resize(image, (640, 640)), np.uint8) for image in acting(256, 12)]

    def clip(name: str, count: int):
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt = 640, 640, "yuv420p"
            for k in range(count):
                frame = av.VideoFrame.from_ndarray(acts[k % len(acts)], format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

    paths = [str(clip("short.mp4", 30)), str(clip("long.mp4", 230))]
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, *paths], capture_output=True, text=True, check=True
    )
    rows, grown_kb = map(int, run.stdout.split())
    assert rows == 230
    assert grown_kb < 16_000


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "share"),
    [
        ("no_face.mp4", 0.0),
        ("single_face.mp4", 1.0),
        ("face_noface.mov", 72 / 169),
        ("noface_face.mov", 72 / 169),
    ],
)
def test_odd_clips(extractor, shared, name, share):
    features = extractor(read_frames(shared / "data/odd_clips" / name))
    assert features.valid.mean() == pytest.approx(share, abs=0.03)
    assert (features.values[~features.valid] == 0).all()
