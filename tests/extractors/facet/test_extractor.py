"""The Facet-style extractor on generated recordings of a real face."""

import threading
import weakref
from collections.abc import Iterator

import numpy as np
import pytest
from skimage import data

from extractors.base import Frame
from extractors.facet.extractor import FACET_NAMES, UNAVAILABLE, FacetExtractor
from mmemo.assets.resolve import resolve
from mmemo.errors import FeatureError

FPS = 30.0


@pytest.fixture(scope="module")
def extractor() -> FacetExtractor:
    return FacetExtractor(resolve("face-landmarker"))


@pytest.fixture(scope="module")
def head() -> np.ndarray:
    """The astronaut's head and shoulders, (256, 256, 3)."""
    return np.ascontiguousarray(data.astronaut()[:256, 96:352])


def recording(images) -> Iterator[Frame]:
    return (Frame(np.ascontiguousarray(image), k / FPS) for k, image in enumerate(images))


def moving(head: np.ndarray, count: int) -> list[np.ndarray]:
    return [np.roll(head, (k % 5, 2 * (k % 7)), axis=(0, 1)) for k in range(count)]


def test_columns_are_those_of_cmu_mosei(extractor):
    assert len(FACET_NAMES) == 35
    assert extractor.names == tuple(n for n in FACET_NAMES if n not in UNAVAILABLE)
    assert extractor.modality == "visual"


def test_one_row_per_frame_with_its_times(extractor, head):
    features = extractor(recording(moving(head, 12)))
    assert features.values.shape == (12, 33)
    assert features.valid.all()
    assert features.names == extractor.names
    assert np.allclose(features.times[:, 0], np.arange(12) / FPS)
    assert np.allclose(features.times[:, 1] - features.times[:, 0], 1 / FPS)


def test_rows_without_a_face_are_zero_and_not_valid(extractor, head):
    blank = np.zeros_like(head)
    features = extractor(recording([blank, head, head, blank, head]))
    assert features.valid.tolist() == [False, True, True, False, True]
    assert (features.values[~features.valid] == 0).all()
    assert (features.values[features.valid] != 0).any(axis=1).all()


def test_no_face_at_all_is_no_error(extractor, head):
    features = extractor(recording([np.zeros_like(head)] * 3))
    assert not features.valid.any()
    assert len(features) == 3


def test_no_frame_is_an_error(extractor):
    with pytest.raises(FeatureError, match="at least one frame"):
        extractor(iter(()))


def test_one_frame(extractor, head):
    features = extractor(recording([head]))
    assert features.valid.all()


def test_runs_repeat_exactly(extractor, head):
    first = extractor(recording(moving(head, 6)))
    second = FacetExtractor(resolve("face-landmarker"))(recording(moving(head, 6)))
    assert np.array_equal(first.values, second.values)
    assert first.source == second.source == extractor.fingerprint()


def test_frames_are_not_stored(extractor, head):
    alive: weakref.WeakSet[Frame] = weakref.WeakSet()
    most = 0

    def watched() -> Iterator[Frame]:
        nonlocal most
        for frame in recording(moving(head, 20)):
            alive.add(frame)
            yield frame
            most = max(most, len(alive))

    extractor(watched())
    # Three wait; one is being decoded, one measured.
    assert most <= 6


def test_fingerprint_is_one_word(extractor):
    name, version, digest = extractor.fingerprint().split(":")
    assert name == "facet"
    assert version
    assert digest
    assert not set(" \n") & set(extractor.fingerprint())


def test_no_thread_decodes_any_more_when_an_error_arrives(extractor, head):
    """Whoever catches it closes the file, and closing it under a decoder crashes the process."""

    def disordered():
        yield Frame(head, 1.0)
        yield Frame(head, 0.5)
        for number in range(2, 100):
            yield Frame(head, float(number))

    # As long as somebody holds the error, its traceback keeps what the frames above were using.
    with pytest.raises(FeatureError, match="in order of time") as failure:
        extractor(disordered())
    assert "prefetch" not in {thread.name for thread in threading.enumerate()}
    del failure
