"""nomic-embed-text-v1.5 in the files that transformers reads.

Its makers publish 16-bit weights as GGUF, a format of its own for weights, vocabulary and sizes; a
few packages hold the same file. Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
"""

import contextlib
import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmemo.errors import AssetError

if TYPE_CHECKING:
    from gguf import GGUFReader

GGUF = "nomic-embed-text-v1.5.f16.gguf"
PIECES = tuple(f"gpt4all.zip.{number:03}" for number in range(9, 13))
"""The last four of twelve pieces of an archive; all of the file lies in them."""

_MEMBER = f"gpt4all/resources/{GGUF}"
_WORD_START = "\u2581"
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

_EMBEDDINGS = {
    "token_embd.weight": "embeddings.word_embeddings.weight",
    "token_types.weight": "embeddings.token_type_embeddings.weight",
    "token_embd_norm.weight": "embeddings.LayerNorm.weight",
    "token_embd_norm.bias": "embeddings.LayerNorm.bias",
}
_LAYER = {
    "attn_output.weight": "self_attn.o_proj.weight",
    "ffn_up.weight": "mlp.up_proj.weight",
    "ffn_gate.weight": "mlp.gate_proj.weight",
    "ffn_down.weight": "mlp.down_proj.weight",
    "attn_output_norm.weight": "post_attention_layernorm.weight",
    "attn_output_norm.bias": "post_attention_layernorm.bias",
    "layer_output_norm.weight": "post_mlp_layernorm.weight",
    "layer_output_norm.bias": "post_mlp_layernorm.bias",
}
"""Names in GGUF (there after ``blk.N.``) -> names in transformers (after ``layers.N.``)."""


def convert_pieces(raw: Path, folder: Path) -> None:
    """Convert the file that the pieces of the archive hold.

    Raises:
        AssetError: as ``convert_gguf``.
        zipfile.BadZipFile: the pieces are no archive, or their checksum is wrong.
    """
    joined = raw / "gpt4all.zip"
    with joined.open("wb") as archive:
        for name in PIECES:
            with (raw / name).open("rb") as piece:
                shutil.copyfileobj(piece, archive)
    # zipfile counts from the end of an archive, so its beginning may be missing.
    with zipfile.ZipFile(joined) as whole, whole.open(_MEMBER) as member:
        with (raw / GGUF).open("wb") as file:
            shutil.copyfileobj(member, file)
    convert_gguf(raw, folder)


def convert_gguf(raw: Path, folder: Path) -> None:
    """Write model.safetensors, config.json and the tokenizer's files from a GGUF file.

    Raises:
        AssetError: the file has another architecture or other tensors.
    """
    from gguf import GGUFReader
    from safetensors.numpy import save

    reader = GGUFReader(raw / GGUF)
    if (architecture := _value(reader, "general.architecture")) != "nomic-bert":
        raise AssetError(f"{GGUF}: expected the architecture nomic-bert, got {architecture}")
    weights = save(dict(_weights(reader)), metadata={"format": "pt"})
    (folder / "model.safetensors").write_bytes(weights)
    _write_json(folder / "config.json", _config(reader))
    _write_json(folder / "tokenizer.json", _tokenizer(_vocabulary(reader)))
    _write_json(folder / "tokenizer_config.json", _tokenizer_config(reader))


def _value(reader: "GGUFReader", key: str) -> Any:
    if (field := reader.get_field(key)) is None:
        raise AssetError(f"{GGUF}: expected a value for {key}, got none")
    return field.contents()


def _weights(reader: "GGUFReader") -> Iterator[tuple[str, NDArray[np.generic]]]:
    for tensor in reader.tensors:
        array = np.ascontiguousarray(tensor.data)
        if tensor.name in _EMBEDDINGS:
            yield _EMBEDDINGS[tensor.name], array
            continue
        with contextlib.suppress(ValueError):
            _, number, name = tensor.name.split(".", 2)
            layer = f"layers.{int(number)}."
            if name == "attn_qkv.weight":
                for part, of_part in zip("qkv", np.split(array, 3), strict=True):
                    yield f"{layer}self_attn.{part}_proj.weight", np.ascontiguousarray(of_part)
                continue
            if name in _LAYER:
                yield layer + _LAYER[name], array
                continue
        raise AssetError(f"{GGUF}: expected the tensors of nomic-bert, got {tensor.name}")


def _config(reader: "GGUFReader") -> dict[str, Any]:
    sizes = {
        "hidden_size": "embedding_length",
        "num_hidden_layers": "block_count",
        "num_attention_heads": "attention.head_count",
        "intermediate_size": "feed_forward_length",
        "max_position_embeddings": "context_length",
    }
    return {
        "architectures": ["NomicBertModel"],
        "model_type": "nomic_bert",
        **{name: int(_value(reader, f"nomic-bert.{key}")) for name, key in sizes.items()},
        "vocab_size": len(_value(reader, "tokenizer.ggml.tokens")),
        "type_vocab_size": int(_value(reader, "tokenizer.ggml.token_type_count")),
        "layer_norm_eps": 1e-12,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": float(_value(reader, "nomic-bert.rope.freq_base")),
        },
        "dtype": "float16",
    }


def _vocabulary(reader: "GGUFReader") -> list[str]:
    """Return BERT's vocabulary, where a piece inside a word begins with ``##``.

    GGUF marks the first piece of a word instead.
    """
    return [
        token.removeprefix(_WORD_START)
        if token.startswith(_WORD_START) or (token[:1] == "[" and token[-1:] == "]")
        else f"##{token}"
        for token in _value(reader, "tokenizer.ggml.tokens")
    ]


def _tokenizer(vocabulary: Sequence[str]) -> dict[str, Any]:
    """Return BERT's uncased tokenizer as the ``tokenizers`` library stores it."""
    places = {token: place for place, token in enumerate(vocabulary)}
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": places[token], "content": token, "special": True, **plain} for token in _SPECIAL
        ],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "BertProcessing",
            "sep": ["[SEP]", places["[SEP]"]],
            "cls": ["[CLS]", places["[CLS]"]],
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": places,
        },
    }


def _tokenizer_config(reader: "GGUFReader") -> dict[str, Any]:
    return {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": True,
        "model_max_length": int(_value(reader, "nomic-bert.context_length")),
        **{f"{token.strip('[]').lower()}_token": token for token in _SPECIAL},
    }


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
