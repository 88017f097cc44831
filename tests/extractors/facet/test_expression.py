"""The expression columns: beside Facet's, which they leave as they are, and absolute."""

import numpy as np
import pytest
from face_scenes import CORNERS, acting, frames, head, warped

from extractors.clip import ClipExtractor
from extractors.facet.expression import EXPRESSION_NAMES, EXPRESSIONS, product_on_one_thread
from extractors.facet.expression_extractor import ExpressionExtractor
from extractors.facet.extractor import FacetExtractor
from extractors.facet.patch import PATCH_SIZE
from extractors.facet.tracker import FaceTracker
from mmemo.config import FeatureConfig
from mmemo.features import Clip

HAPPY = EXPRESSION_NAMES.index("Expression_happy")


@pytest.fixture(scope="module")
def extract() -> ExpressionExtractor:
    return ExpressionExtractor()


def expression_of(extract, image) -> np.ndarray:
    features = extract(frames([image]))
    assert features.valid.all()
    return features.values[0]


def test_a_smile_is_happy_and_less_so_with_the_corners_down(extract):
    smile = expression_of(extract, head(256))
    assert EXPRESSIONS[smile.argmax()] == "happy"
    sober = expression_of(extract, warped(256, {point: (0.0, 0.14) for point in CORNERS}))
    assert sober[HAPPY] < smile[HAPPY]


@pytest.mark.parametrize("size", [128, 400, 900])
def test_the_size_of_the_face_makes_little_difference(extract, size):
    expected, other = expression_of(extract, head(256)), expression_of(extract, head(size))
    assert np.corrcoef(expected, other)[0, 1] > 0.9


def test_a_mirrored_or_darker_face_shows_the_same(extract):
    image = head(256)
    expected = expression_of(extract, image)
    darker = (image * 0.6).astype(np.uint8)
    for changed in (np.ascontiguousarray(image[:, ::-1]), darker):
        assert np.corrcoef(expected, expression_of(extract, changed))[0, 1] > 0.9


def test_the_patch_turns_with_the_head():
    tracker = FaceTracker()
    (face,) = tracker.track(head(256))
    upright = face.patch().astype(float)
    assert upright.shape == (PATCH_SIZE, PATCH_SIZE)
    tracker.reset()
    (face,) = tracker.track(np.ascontiguousarray(np.rot90(head(256), 1)))
    turned = face.patch().astype(float)
    assert np.corrcoef(upright[8:40, 8:40].ravel(), turned[8:40, 8:40].ravel())[0, 1] > 0.9


def test_beside_facet_its_columns_stay_as_they_are(extract):
    scene = frames(acting(128, 12))
    facet, both = FacetExtractor(), FacetExtractor(with_expressions=True)
    alone, together, expressions = facet(scene), both(scene), extract(scene)
    assert together.names == (*facet.names, *EXPRESSION_NAMES)
    assert together.source.startswith(f"{alone.source}+expression:")
    np.testing.assert_array_equal(together.values[:, : len(facet.names)], alone.values)
    np.testing.assert_array_equal(together.values[:, len(facet.names) :], expressions.values)
    assert FacetExtractor().names == facet.names


@pytest.mark.parametrize("shape", [(1, 5, 3), (7, 259, 1), (128, 1152, 1), (64, 288, 144)])
def test_products_in_slices_are_products(shape):
    rows, inner, columns = shape
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(rows, inner)).astype(np.float32)
    inputs = rng.normal(size=(inner, columns)).astype(np.float32)
    product = product_on_one_thread(weights, inputs)
    np.testing.assert_allclose(product, weights.astype(float) @ inputs, atol=1e-3)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("clip", "start_s", "end_s", "shown"),
    [
        ("single_face.mp4", 0.0, 60.0, "happy"),
        ("WolfgangLanger_Pexels.mp4", 0.0, 6.0, "sad"),  # she cries, is startled, then laughs
        ("WolfgangLanger_Pexels.mp4", 12.0, 60.0, "happy"),
    ],
)
def test_real_clips_show_what_a_viewer_sees(shared, clip, start_s, end_s, shown):
    options = FeatureConfig(modalities=("visual",), visual=("expression",), visual_fps=3.0)
    features = ClipExtractor(options)(Clip(clip, clip, shared / "data/odd_clips" / clip))
    visual = features.features["visual"].between(start_s, end_s)
    means = visual.values[visual.valid].mean(axis=0)
    assert EXPRESSIONS[means.argmax()] == shown
