"""Encoders read from their middle: of each architecture, a tiny one with made-up weights."""

import shutil

import pytest
import torch
from transformers import (
    AutoConfig,
    AutoModel,
    BertConfig,
    DebertaV2Config,
    ElectraConfig,
    Gemma3TextConfig,
    ModernBertConfig,
    NomicBertConfig,
    RobertaConfig,
)

from mmemo.assets.resolve import resolve
from mmemo.config import PretrainedOptions
from mmemo.errors import ConfigError
from mmemo.model.text.pretrained_files import load_pretrained
from mmemo.model.text.upper_layers import upper_layers

SIZES = {
    "vocab_size": 30522,
    "hidden_size": 16,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
    "initializer_range": 0.5,
    "pad_token_id": 0,
    "bos_token_id": None,
    "eos_token_id": None,
}
CONFIGS = [
    BertConfig(**SIZES),
    NomicBertConfig(**SIZES),
    RobertaConfig(**SIZES),
    DebertaV2Config(**SIZES, relative_attention=True, pos_att_type=["p2c", "c2p"]),
    ElectraConfig(**SIZES, embedding_size=16),
    ModernBertConfig(
        **SIZES, cls_token_id=101, sep_token_id=102, global_attn_every_n_layers=3, local_attention=4
    ),
    Gemma3TextConfig(
        **SIZES,
        num_key_value_heads=1,
        head_dim=8,
        use_bidirectional_attention=True,
        sliding_window=3,
        layer_types=["sliding_attention", "full_attention"] * 2,
    ),
]


def of_type(config):
    return config.model_type


@pytest.fixture(params=CONFIGS, ids=of_type)
def encoder(request):
    torch.manual_seed(0)
    return AutoModel.from_config(request.param).eval()


TEXTS = torch.tensor([[101, 7592, 2088, 999, 2003, 102], [101, 2053, 102, 0, 0, 0]])
MASK = (TEXTS > 0).long()


@pytest.mark.parametrize("first", [1, 2, 3])
def test_the_upper_layers_make_of_the_middle_what_the_whole_encoder_does(encoder, first):
    with torch.no_grad():
        whole = encoder(input_ids=TEXTS, attention_mask=MASK, output_hidden_states=True)
        upper = upper_layers(encoder, first)
        states = whole.hidden_states[first]
        above = upper(inputs_embeds=states, attention_mask=MASK).last_hidden_state
        again = encoder(input_ids=TEXTS, attention_mask=MASK).last_hidden_state
    seen = MASK.bool()
    torch.testing.assert_close(above[seen], whole.last_hidden_state[seen], atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(again[seen], whole.last_hidden_state[seen])


def test_only_upper_layers_learn_through_them(encoder):
    states = torch.randn(2, 6, 16)
    upper = upper_layers(encoder, 2).train()
    upper(inputs_embeds=states, attention_mask=MASK).last_hidden_state.square().sum().backward()
    learning = [name for name, weight in encoder.named_parameters() if weight.grad is not None]
    assert any(".3." in name for name in learning)
    assert not any(".1." in name or "word_embeddings" in name for name in learning)


@pytest.mark.parametrize("config", CONFIGS, ids=of_type)
def test_a_folder_is_enough_to_read_with_any_architecture(config, tmp_path):
    torch.manual_seed(0)
    AutoModel.from_config(config).save_pretrained(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(resolve("minilm-l6") / name, tmp_path)
    words = load_pretrained(PretrainedOptions(name=str(tmp_path), frozen_layers=3)).eval()
    depths = {words.depth_of(n) for n, w in words.encoder.named_parameters() if w.requires_grad}
    assert 4 in depths
    assert not depths & {0, 1, 2}
    assert AutoConfig.from_pretrained(tmp_path).model_type == config.model_type


def test_an_encoder_that_would_be_read_wrongly_is_refused():
    torch.manual_seed(0)
    config = ElectraConfig(**SIZES, embedding_size=8)  # projects its embeddings outside of them
    with pytest.raises(ConfigError, match="cannot be read from its middle"):
        upper_layers(AutoModel.from_config(config).eval(), 2)
