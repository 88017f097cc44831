"""nomic-embed's published file, made tiny, becomes what transformers reads."""

import io
import zipfile

import numpy as np
import pytest
import torch
from gguf import GGUFWriter
from transformers import AutoModel, AutoTokenizer

from mmemo.assets.nomic import GGUF, PIECES, convert_gguf, convert_pieces
from mmemo.config import PretrainedOptions
from mmemo.errors import AssetError
from mmemo.model.text.pretrained_files import load_pretrained

WIDTH, INNER, LAYERS = 8, 12, 2
TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "\u2581glad", "\u2581un", "ly", "happi"]


def tensors():
    rng = np.random.default_rng(0)

    def matrix(rows, columns):
        return rng.normal(size=(rows, columns)).astype(np.float16)

    def vector():
        return rng.normal(size=WIDTH).astype(np.float32)

    arrays = {
        "token_embd.weight": matrix(len(TOKENS), WIDTH),
        "token_types.weight": matrix(2, WIDTH).astype(np.float32),
        "token_embd_norm.weight": vector(),
        "token_embd_norm.bias": vector(),
    }
    for number in range(LAYERS):
        arrays |= {
            f"blk.{number}.attn_qkv.weight": matrix(3 * WIDTH, WIDTH),
            f"blk.{number}.attn_output.weight": matrix(WIDTH, WIDTH),
            f"blk.{number}.ffn_up.weight": matrix(INNER, WIDTH),
            f"blk.{number}.ffn_gate.weight": matrix(INNER, WIDTH),
            f"blk.{number}.ffn_down.weight": matrix(WIDTH, INNER),
        }
        for name in ("attn_output_norm", "layer_output_norm"):
            arrays |= {f"blk.{number}.{name}.{part}": vector() for part in ("weight", "bias")}
    return arrays


def write_gguf(path, arrays, architecture="nomic-bert"):
    writer = GGUFWriter(path, architecture)
    writer.add_block_count(LAYERS)
    writer.add_context_length(64)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(2)
    writer.add_rope_freq_base(1000.0)
    writer.add_token_type_count(2)
    writer.add_token_list(TOKENS)
    for name, array in arrays.items():
        writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture
def folders(tmp_path):
    raw, converted = tmp_path / "raw", tmp_path / "converted"
    raw.mkdir()
    converted.mkdir()
    return raw, converted


def test_every_weight_has_its_place_and_every_piece_its_mark(folders):
    raw, converted = folders
    arrays = tensors()
    write_gguf(raw / GGUF, arrays)
    convert_gguf(raw, converted)
    model, report = AutoModel.from_pretrained(converted, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    joined = arrays["blk.1.attn_qkv.weight"]
    attention = model.layers[1].self_attn
    for place, part in enumerate((attention.q_proj, attention.k_proj, attention.v_proj)):
        expected = joined[place * WIDTH : (place + 1) * WIDTH]
        np.testing.assert_array_equal(part.weight.detach().numpy(), expected)
    expected = arrays["blk.0.ffn_gate.weight"]
    np.testing.assert_array_equal(model.layers[0].mlp.gate_proj.weight.detach(), expected)
    assert model.config.rope_parameters["rope_theta"] == 1000.0
    tokenizer = AutoTokenizer.from_pretrained(converted)
    ids = tokenizer("Unhappily glad")["input_ids"]
    tokens = ["[CLS]", "un", "##happi", "##ly", "glad", "[SEP]"]
    assert tokenizer.convert_ids_to_tokens(ids) == tokens
    assert tokenizer("sad")["input_ids"] == [2, 1, 3]
    words = load_pretrained(PretrainedOptions(name=str(converted), frozen_layers=2))
    assert (words.width, words.depth) == (WIDTH, LAYERS)
    assert torch.isfinite(words.model(torch.tensor([ids])).last_hidden_state).all()


def test_the_pieces_of_an_archive_give_the_same_bytes(folders, tmp_path):
    raw, converted = folders
    write_gguf(raw / GGUF, tensors())
    convert_gguf(raw, converted)
    expected = {path.name: path.read_bytes() for path in converted.iterdir()}
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("gpt4all/resources/something-large", np.random.default_rng(1).bytes(50_000))
        file.write(raw / GGUF, f"gpt4all/resources/{GGUF}", zipfile.ZIP_DEFLATED)
    pieces, again = tmp_path / "pieces", tmp_path / "again"
    pieces.mkdir()
    again.mkdir()
    rest = archive.getvalue()[40_000:]
    size = -(-len(rest) // len(PIECES))
    for place, name in enumerate(PIECES):
        (pieces / name).write_bytes(rest[place * size : (place + 1) * size])
    convert_pieces(pieces, again)
    assert {path.name: path.read_bytes() for path in again.iterdir()} == expected


def test_another_architecture_or_tensor_is_refused(folders):
    raw, converted = folders
    write_gguf(raw / GGUF, tensors(), architecture="bert")
    with pytest.raises(AssetError, match=r"gguf: expected the architecture nomic-bert, got bert"):
        convert_gguf(raw, converted)
    write_gguf(raw / GGUF, tensors() | {"blk.0.surprise.weight": np.ones(3, np.float32)})
    with pytest.raises(AssetError, match=r"got blk\.0\.surprise\.weight"):
        convert_gguf(raw, converted)
