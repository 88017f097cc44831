"""Encoders of words: a tiny one with made-up weights for what can be proved; a real one once."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from mmemo.assets.resolve import resolve
from mmemo.batching.batch import ClipArrays, collate
from mmemo.batching.rows import arrange, row_times
from mmemo.config import DataConfig, ModelConfig, PretrainedOptions
from mmemo.errors import ConfigError, FeatureError
from mmemo.explain import explain, without_rows
from mmemo.features import Clip, ClipFeatures, Features, Word
from mmemo.inference import infer
from mmemo.labels import EMOTIONS
from mmemo.model.emotion_model import build_model
from mmemo.model.text.pretrained_files import load_pretrained

SPEECH = [
    ("a", "sp i loved the wonderfully unpretentious acting sp"),
    ("a", "but it was too long"),
    ("b", "absolutely dreadful"),
    ("b", "sp"),
    (None, "it's unbelievable"),
]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Save an untrained BERT of two layers with a real vocabulary."""
    folder = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=30522,
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        initializer_range=0.5,
    )
    BertModel(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(resolve("minilm-l6") / name, folder)
    return str(folder)


def clips(speech=SPEECH):
    speech_clips = []
    for number, (video, text) in enumerate(speech):
        words = tuple(text.split())
        mask = np.array([word != "sp" for word in words])
        arrays = ClipArrays(
            str(number),
            {"text": np.zeros((len(words), 0), np.float32)} if mask.any() else {},
            {"text": mask} if mask.any() else {},
            np.arange(6) % 2,
            video=video,
            start_s=float(number),
            words=words if mask.any() else (),
        )
        speech_clips.append(arrays)
    return speech_clips


def build(name, pretrained=None, encoder=None, **groups):
    torch.manual_seed(1)
    sizes = {"hidden": 8, "heads": 2, "modality_dropout": 0.0}
    config = ModelConfig.model_validate(
        {
            "modalities": ("text",),
            "pretrained": {"name": name, **(pretrained or {})},
            "encoder": {**sizes, **(encoder or {})},
            **groups,
        }
    )
    return build_model(config, {"text": 50}, EMOTIONS).eval()


VIDEO = {"kind": "video"}
VARIANTS = [
    {},
    {"pretrained": {"training": "frozen"}},
    {"context": VIDEO},
    {"context": VIDEO, "pretrained": {"span": "video"}},
    {"context": VIDEO, "pretrained": {"span": "video", "frozen_layers": 3}},
    {"decoder": {"kind": "sequence"}},
    {"decoder": {"kind": "binary"}, "encoder": {"kind": "gru"}, "context": VIDEO},
]


@pytest.mark.parametrize("options", VARIANTS)
def test_padding_company_and_order_change_nothing(tiny, options):
    built, speech_clips = build(tiny, **options), clips()
    with torch.inference_mode():
        together = built(built.collate(speech_clips)).set_log_probs
        backwards = built(built.collate(speech_clips[::-1])).set_log_probs.flip(0)
        for video in ([0, 1], [2, 3], [4]):
            alone = built(built.collate([speech_clips[place] for place in video])).set_log_probs
            torch.testing.assert_close(together[video], alone, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(together, backwards, atol=1e-5, rtol=1e-5)
    inferred = infer(built, speech_clips, batch_size=1).set_log_probs
    np.testing.assert_allclose(inferred, together, atol=1e-5)


def test_words_are_the_means_of_their_pieces_in_context(tiny):
    words = load_pretrained(PretrainedOptions(name=tiny)).eval()
    [clip] = clips([(None, "sp i loved the wonderfully unpretentious acting sp")])
    batch = collate([clip], {"text": 0}, words.cut)
    assert words.tokenizer.convert_ids_to_tokens(batch.pieces.ids[0]) == [
        "[CLS]", "i", "loved", "the", "wonderful", "##ly", "un", "##pre", "##ten", "##tious",
        "acting", "[SEP]",
    ]  # fmt: skip
    assert batch.pieces.rows.tolist() == [[-1, 1, 2, 3, 4, 4, 5, 5, 5, 5, 6, -1]]
    states = words.encoder(batch.pieces.ids, batch.pieces.mask.long()).last_hidden_state[0]
    rows, mask = words(batch.pieces, batch.sequences["text"].mask)
    assert mask[0].tolist() == [False, *[True] * 6, False]
    torch.testing.assert_close(rows[0, 5], words.norm(states[6:10].mean(dim=0)))
    assert not rows[0, [0, 7]].any()


def test_pieces_are_those_of_the_whole_text(tiny):
    """Cutting word by word gives what the tokenizer makes of the sentence."""
    words = load_pretrained(PretrainedOptions(name=tiny))
    text = "it's an unbelievably well-made film, isn't it? café 3.5 stars"
    one_by_one = [id for word in text.split() for id in words.cut.cut(word)]
    assert one_by_one == words.tokenizer(text, add_special_tokens=False)["input_ids"]


def test_one_text_a_video_or_one_a_clip(tiny):
    speech_clips = clips()
    each = load_pretrained(PretrainedOptions(name=tiny)).cut(
        speech_clips, collate(speech_clips, {}).videos
    )
    assert each.mask.sum(dim=1).tolist() == [12, 7, 4, 6]
    across = load_pretrained(PretrainedOptions(name=tiny, span="video"))
    videos = across.cut(speech_clips, collate(speech_clips, {}).videos)
    assert videos.mask.sum(dim=1).tolist() == [18, 4, 6]
    assert sorted(each.rows[each.rows >= 0]) == sorted(videos.rows[videos.rows >= 0])


def test_long_texts_are_cut_at_words_and_none_is_lost(tiny):
    speech_clips = clips([("v", "unbelievable " * n) for n in (1, 70, 3, 20)])
    options = PretrainedOptions(name=tiny, span="video", window=1000)
    words = load_pretrained(options).eval()
    pieces = words.cut(speech_clips, collate(speech_clips, {}).videos)
    assert pieces.ids.shape[1] <= 64, "the encoder knows 64 positions"
    assert pieces.mask.sum() < pieces.mask.numel() + 1
    assert len(set(pieces.rows[pieces.rows >= 0].tolist())) == 94
    for row in set(pieces.rows[pieces.rows >= 0].tolist()):
        assert len((pieces.rows == row).any(dim=1).nonzero()) == 1
    rows, mask = words(pieces, collate(speech_clips, {"text": 0}, words.cut).sequences["text"].mask)
    assert rows[mask].abs().sum(dim=-1).all()


@pytest.mark.parametrize("training", ["frozen", "fine-tuned"])
def test_what_is_frozen_has_no_gradient_and_no_place_in_the_weights(tiny, training):
    built = build(tiny, {"training": training, "frozen_layers": 2}).train()
    built.loss(built.collate(clips())).backward()
    trained = {n for n, p in built.words.named_parameters() if p.grad is not None and p.grad.any()}
    if training == "frozen":
        assert trained == {"norm.weight", "norm.bias"}
        assert not any("encoder" in name for name in built.words.state_dict())
    else:
        layers = {built.words.depth_of(name) for name in trained if name.startswith("encoder")}
        assert layers == {2, 3}
        assert any("embeddings" in name for name in built.words.state_dict())


@pytest.mark.parametrize("options", [{"training": "frozen"}, {"frozen_layers": 2}])
def test_remembering_reads_each_text_once_and_changes_nothing(tiny, options):
    built, speech_clips = build(tiny, options), [clip for clip in clips() if clip.words]
    expected = infer(built, speech_clips).set_log_probs
    calls = []
    embeddings = built.words.model.embeddings
    embeddings.register_forward_hook(lambda *_: calls.append(1))
    with built.words.remembering():
        infer(built, speech_clips)
        once = len(calls)
        for size in (9, 1, 2):
            np.testing.assert_allclose(
                infer(built, speech_clips, batch_size=size).set_log_probs, expected, atol=5e-3
            )
        built.train().loss(built.collate(speech_clips[:2])).backward()
        assert len(calls) == once
    infer(built, speech_clips)
    assert len(calls) > once


def test_explanations_are_what_reading_again_says_but_read_each_text_once(tiny):
    built = build(tiny, {"span": "video", "frozen_layers": 2}, context=VIDEO)
    video = [clip for clip in clips() if clip.words][:2]
    calls = []
    layer = built.words.model.encoder.layer[-1]
    hook = layer.register_forward_hook(lambda _, inputs, __: calls.append(len(inputs[0])))
    explanation = explain(built, video)[0]
    hook.remove()
    assert explanation.row_effects["text"].shape[1] > 2
    # Both clips are one text: as it is, and without the words of either clip, all or one by one.
    assert sum(calls) <= sum(2 + clip.masks["text"].sum() for clip in video)
    full = log_odds(infer(built, video).marginals[0])
    for row in np.flatnonzero(video[0].masks["text"]):
        less = infer(built, [without_rows(video[0], "text", [row]), video[1]]).marginals[0]
        effect = explanation.row_effects["text"][:, row]
        np.testing.assert_allclose(effect, full - log_odds(less), atol=2e-3)


def log_odds(probs):
    return np.log(probs) - np.log1p(-probs)


def test_held_still_it_reads_once_says_the_same_and_learns_again_afterwards(tiny):
    built, speech_clips = (
        build(tiny, {"frozen_layers": 2}),
        [clip for clip in clips() if clip.words],
    )
    expected = infer(built, speech_clips).set_log_probs
    learning = {n for n, p in built.words.named_parameters() if p.requires_grad}
    calls = []
    with built.words.held_still(), built.words.remembering():
        hook = built.words.model.encoder.layer[-1].register_forward_hook(lambda *_: calls.append(1))
        for size in (9, 1):
            remembered = infer(built, speech_clips, batch_size=size).set_log_probs
            np.testing.assert_allclose(remembered, expected, atol=5e-3)
        once = len(calls)
        built.train().loss(built.collate(speech_clips)).backward()
        assert len(calls) == once
        assert all(p.grad is None for n, p in built.words.named_parameters() if "encoder" in n)
        hook.remove()
    assert {n for n, p in built.words.named_parameters() if p.requires_grad} == learning
    built.loss(built.collate(speech_clips)).backward()
    depths = {
        built.words.depth_of(n)
        for n, p in built.words.named_parameters()
        if n.startswith("encoder") and p.grad is not None and p.grad.any()
    }
    assert depths == {2, 3}
    np.testing.assert_allclose(infer(built.eval(), speech_clips).set_log_probs, expected, atol=1e-5)


def test_checkpointing_saves_memory_not_gradients(tiny):
    plain = build(tiny, {"dropout": 0.0}, {"dropout": 0.0}).train()
    saving = build(tiny, {"dropout": 0.0, "checkpointing": True}, {"dropout": 0.0}).train()
    calls = []
    for built in (plain, saving):
        inner = built.words.encoder.encoder.layer[1].attention
        inner.register_forward_hook(lambda *_, built=built: calls.append(built))
        built.loss(built.collate(clips())).backward()
    assert calls.count(saving) == 2 * calls.count(plain) > 0
    for (name, one), other in zip(plain.named_parameters(), saving.parameters(), strict=True):
        assert (one.grad is None) == (other.grad is None), name
        if one.grad is not None:
            torch.testing.assert_close(one.grad, other.grad, atol=1e-5, rtol=1e-4)


def test_a_clip_without_words_has_no_text(tiny):
    built = build(tiny)
    batch = built.collate(clips([(None, "sp"), (None, "\u200b good")]))
    assert batch.sequences["text"].mask.sum(dim=1).tolist() == [0, 1]
    assert torch.isfinite(built(batch).set_log_probs).all()
    only = built.collate(clips([(None, "sp")]))
    assert torch.isfinite(built(only).set_log_probs).all()


def test_arranged_words_have_rows_of_their_own():
    words = tuple(Word(text, float(n), n + 1.0) for n, text in enumerate(["sp", "don't", "{lg}"]))
    times = np.array([[0, 1], [1, 1.5], [1.5, 2], [2, 3]], float)
    vectors = Features(np.ones((4, 2)), times, np.ones(4, bool), ("x", "y"), "glove")
    sound = Features(np.ones((30, 1)), np.linspace([0, 0.1], [2.9, 3.0], 30), np.ones(30, bool),
                     ("f0",), "sound")  # fmt: skip
    clip = ClipFeatures(Clip("c", "v", words=words), {"text": vectors, "audio": sound})
    arrays = arrange(clip, DataConfig(), reads_words=True)
    assert arrays.words == ("sp", "don't", "{lg}")
    assert arrays.values["text"].shape == (3, 0)
    assert arrays.values["audio"].shape == (3, 1)
    assert arrays.masks["text"].tolist() == [False, True, True]
    assert row_times(clip, DataConfig(), "text", reads_words=True).tolist() == [
        [0, 1],
        [1, 2],
        [2, 3],
    ]
    assert arrange(clip, DataConfig()).values["text"].shape == (4, 2)
    silent = ClipFeatures(replace(clip.clip, words=None), clip.features)
    assert set(arrange(silent, DataConfig(), reads_words=True).values) == {"audio"}


@pytest.mark.parametrize("name", ["", ".", "no such model", "/nowhere/at/all", "a/b/c"])
def test_what_is_no_encoder_is_refused_in_one_line(name, tmp_path, monkeypatch):
    monkeypatch.setenv("MMEMO_OFFLINE", "1")
    with pytest.raises(ConfigError, match=r"model\.pretrained\.name: expected") as caught:
        load_pretrained(PretrainedOptions(name=name))
    assert "\n" not in str(caught.value)
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ConfigError, match=r"model\.pretrained\.name: expected"):
        load_pretrained(PretrainedOptions(name=str(tmp_path)))


def test_offline_nothing_is_fetched_from_the_hub(monkeypatch):
    monkeypatch.setenv("MMEMO_OFFLINE", "1")
    with pytest.raises(ConfigError, match="somebody/some-encoder"):
        load_pretrained(PretrainedOptions(name="somebody/some-encoder"))


def test_a_batch_without_pieces_is_refused(tiny):
    built = build(tiny)
    with pytest.raises(FeatureError, match="the model's collate"):
        built(collate(clips(), built.dims))


def test_the_real_encoder_tells_moods_apart():
    words = load_pretrained(PretrainedOptions(name="minilm-l6")).eval()
    texts = ["i am so happy today", "this makes me really glad", "the train leaves at nine"]
    batch = collate(clips([(None, text) for text in texts]), {"text": 0}, words.cut)
    with torch.inference_mode():
        rows, mask = words(batch.pieces, batch.sequences["text"].mask)
    means = torch.nn.functional.normalize(rows.sum(dim=1) / mask.sum(dim=1, keepdim=True), dim=-1)
    happy_glad, happy_train = float(means[0] @ means[1]), float(means[0] @ means[2])
    assert words.width == 384
    assert happy_glad > happy_train + 0.2
