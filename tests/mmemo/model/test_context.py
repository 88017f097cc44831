from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from mmemo.batching.batch import ClipArrays, by_video, collate, cut_videos
from mmemo.config import ModelConfig
from mmemo.inference import infer
from mmemo.labels import EMOTIONS
from mmemo.model.context import REACH, RelativeBody
from mmemo.model.emotion_model import EmotionModel, build_model

DIMS = {"text": 5, "audio": 4, "visual": 3}
KINDS = [(d, e) for d in ("lattice", "sequence", "binary") for e in ("transformer", "gru")]


def clip(number: int, video: str | None, start_s: float = 0.0, **lengths: int) -> ClipArrays:
    rng = np.random.default_rng(number)
    rows = {"text": 4, "audio": 9, "visual": 6} | lengths
    return ClipArrays(
        str(number),
        {m: rng.normal(size=(n, DIMS[m])).astype(np.float32) for m, n in rows.items()},
        {m: np.ones(n, bool) for m, n in rows.items()},
        rng.integers(0, 2, 6),
        video=video,
        start_s=start_s,
    )


def videos() -> list[ClipArrays]:
    """Three videos of three, one and two clips, some without some modality."""
    return [
        clip(0, "a", 0.0),
        clip(1, "a", 5.0, audio=0),
        clip(2, "a", 9.0, text=0, visual=0),
        clip(3, "b", 1.0, text=12),
        clip(4, "c", 0.0, text=0, audio=0, visual=0),
        clip(5, "c", 3.0),
    ]


def model(decoder: str = "lattice", encoder: str = "transformer", most: int = 64) -> EmotionModel:
    torch.manual_seed(0)
    config = ModelConfig.model_validate(
        {
            "encoder": {"kind": encoder, "hidden": 16, "heads": 2},
            "decoder": {"kind": decoder},
            "context": {"kind": "video", "clips": most},
        }
    )
    built = build_model(config, DIMS, EMOTIONS)
    for parameter in built.parameters():  # away from the start, so that things show
        nn.init.normal_(parameter, std=0.3)
    return built.eval()


@torch.inference_mode()
def read(built: EmotionModel, clips: list[ClipArrays]) -> torch.Tensor:
    return built(built.collate(clips)).set_log_probs


@pytest.mark.parametrize("kind", KINDS)
def test_a_clip_alone_is_a_video_of_one(kind):
    built = model(*kind)
    for arrays in videos():
        alone = read(built, [arrays])
        torch.testing.assert_close(read(built, [replace(arrays, video=None)]), alone)
        other = clip(9, "z", text=20)
        torch.testing.assert_close(read(built, [other, arrays])[1:], alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_order_and_company_in_the_batch_change_nothing(kind):
    built, clips = model(*kind), videos()
    together = read(built, clips)
    order = np.random.default_rng(0).permutation(len(clips))
    shuffled = read(built, [clips[place] for place in order])
    torch.testing.assert_close(shuffled, together[order], atol=1e-5, rtol=1e-5)
    for video in ([0, 1, 2], [3], [4, 5]):
        alone = read(built, [clips[place] for place in video])
        torch.testing.assert_close(together[video], alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_clips_of_a_video_see_each_other_and_their_order(kind):
    built, clips = model(*kind), videos()
    together = read(built, clips)
    for place, arrays in enumerate(clips):
        same = torch.allclose(read(built, [arrays])[0], together[place], atol=5e-5)
        assert same == (arrays.video == "b")
    later = [replace(clips[0], start_s=99.0), *clips[1:]]
    changed = (read(built, later) - together).abs().amax(dim=1) > 1e-5
    assert changed.tolist() == [True, True, True, False, False, False]


@pytest.mark.parametrize("kind", KINDS)
def test_no_gradient_comes_from_other_videos(kind):
    built, batch = model(*kind), collate(videos(), DIMS)
    values = {m: s.values.requires_grad_() for m, s in batch.sequences.items()}
    built(batch).set_log_probs[2].square().sum().backward()
    for m, leaf in values.items():
        assert leaf.grad is not None
        reached = leaf.grad.abs().sum(dim=(1, 2)) > 0
        has_rows = batch.sequences[m].mask.any(dim=1)
        assert reached.tolist() == [bool(has_rows[place]) and place < 3 for place in range(6)]


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_finite_and_reach_every_weight(kind):
    built = model(*kind)
    built.loss(collate(videos(), DIMS)).backward()
    for name, parameter in built.named_parameters():
        if name.startswith("context"):
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name
            assert parameter.grad.abs().sum() > 0, name


def test_before_and_after_differ_and_far_is_far():
    torch.manual_seed(0)
    body = RelativeBody(8, heads=2, layers=1, dropout=0.0).eval()
    for parameter in body.parameters():
        nn.init.normal_(parameter, std=0.5)
    rows = torch.randn(1, REACH + 4, 8)
    mask = torch.ones(1, REACH + 4, dtype=torch.bool)
    encoded = body(rows, mask)[0]
    near, far = rows.clone(), rows.clone()
    near[0, [1, 2]] = rows[0, [2, 1]]
    far[0, [-1, -2]] = rows[0, [-2, -1]]
    assert not torch.allclose(body(near, mask)[0, 0], encoded[0], atol=1e-4)
    torch.testing.assert_close(body(far, mask)[0, 0], encoded[0], atol=1e-5, rtol=1e-5)
    mirrored = body(rows.flip(1), mask)[0].flip(0)
    assert not torch.allclose(mirrored, encoded, atol=1e-4)


def test_inference_groups_by_video_whatever_the_order_and_batch_size():
    built, clips = model(), videos()
    whole = infer(built, clips, batch_size=64)
    np.testing.assert_allclose(whole.set_log_probs, read(built, clips).numpy(), atol=1e-5)
    order = np.random.default_rng(1).permutation(len(clips))
    for size in (1, 2):
        predictions = infer(built, [clips[place] for place in order], batch_size=size)
        assert predictions.ids == tuple(clips[place].id for place in order)
        np.testing.assert_allclose(predictions.set_log_probs, whole.set_log_probs[order], atol=1e-5)


def test_a_hidden_modality_is_hidden_from_the_neighbours_too():
    built, clips = model(), videos()
    without = infer(built, clips, without=["text"]).set_log_probs
    changed = [replace(arrays, values={**arrays.values, "text": arrays.values["text"] + 1})
               for arrays in clips]  # fmt: skip
    np.testing.assert_array_equal(infer(built, changed, without=["text"]).set_log_probs, without)


def test_long_videos_are_cut_into_stretches_of_like_length():
    clips = [clip(n, "a", start_s=100.0 - n) for n in range(7)]
    assert by_video(cut_videos(clips, most=3)) == [[6, 5, 4], [3, 2], [1, 0]][::-1]
    assert by_video(cut_videos(clips, most=7)) == [[6, 5, 4, 3, 2, 1, 0]]
    assert by_video(cut_videos(clips, most=1)) == [[n] for n in range(7)]
    built = model(most=3)
    predictions = infer(built, clips).set_log_probs
    for part in ([6, 5, 4], [3, 2], [1, 0]):
        alone = read(built, [clips[place] for place in part])
        np.testing.assert_allclose(predictions[part], alone, atol=1e-5)


def test_clips_that_start_together_are_ordered_by_id():
    clips = [clip(n, "a") for n in (3, 1, 2)]
    assert by_video(clips) == [[1, 2, 0]]
    assert by_video(clips[::-1]) == [[1, 0, 2]]
