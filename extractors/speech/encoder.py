"""The encoder of a Whisper model in CTranslate2's format: log-mel spectrogram in, states out."""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from extractors.whisper_library import import_whisper
from mmemo.assets.resolve import ASSETS, resolve
from mmemo.errors import AssetError
from mmemo.input_files import open_regular

MEL_HOP = 160
"""Samples between two mel frames: 10 ms at 16 kHz."""
WEIGHTS_FILE = "model.bin"

Floats = NDArray[np.float32]


class WhisperEncoder:
    """Run the encoder on the CPU. The weights are loaded at first need.

    Args:
        name: an asset of ``mmemo.assets``, or the path of a folder in CTranslate2's format.
        threads: how many threads it may use.

    Raises:
        AssetError: ``name`` is neither.
    """

    def __init__(self, name: str, *, threads: int = 1) -> None:
        if name not in ASSETS and not (Path(name) / WEIGHTS_FILE).is_file():
            raise AssetError(
                f"expected the name of an asset, or a folder with {WEIGHTS_FILE} in CTranslate2's "
                f"format; got {name!r}"
            )
        self.name, self.threads = name, threads

    @cached_property
    def digest(self) -> str:
        """Identify the weights: 16 hexadecimal digits."""
        if self.name in ASSETS:
            return ASSETS[self.name].digest
        with open_regular(Path(self.name) / WEIGHTS_FILE) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]

    @cached_property
    def width(self) -> int:
        """Return the number of states per row, D."""
        return int(self(np.zeros((self._model.n_mels, 2), np.float32)).shape[1])

    def spectrogram(self, samples: Floats) -> Floats:
        """Return the log-mel spectrogram (M, T) that the model expects, 100 frames per second.

        T is even, since the encoder joins two frames to a row. A sound shorter than two frames
        has none.
        """
        frames = len(samples) // MEL_HOP // 2 * 2
        if not frames:
            return np.zeros((self._model.n_mels, 0), np.float32)
        return np.asarray(self._mel(samples)[:, :frames], np.float32)

    def __call__(self, spectrogram: Floats) -> Floats:
        """Encode a spectrogram (M, T) of at most 3,000 frames: (T / 2, D)."""
        import ctranslate2

        batch = ctranslate2.StorageView.from_array(np.ascontiguousarray(spectrogram[None]))
        states = self._model.encode(batch, to_cpu=True)
        return np.array(states, dtype=np.float32)[0]

    @cached_property
    def _model(self) -> Any:
        import ctranslate2

        folder = resolve(self.name) if self.name in ASSETS else Path(self.name)
        # float32 gives the same numbers on every processor; int8 does not.
        return ctranslate2.models.Whisper(
            str(folder), device="cpu", compute_type="float32", intra_threads=self.threads
        )

    @cached_property
    def _mel(self) -> Any:
        library = import_whisper("faster_whisper.feature_extractor")
        return library.FeatureExtractor(feature_size=self._model.n_mels)
