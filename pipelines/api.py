"""What ``mmemo.load`` gives: a checkpoint with the extractors that measure what it reads."""

import json
import math
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mmemo import __version__
from mmemo.api import Decoder, EmotionReader, Media
from mmemo.assets.shipped import DEFAULT
from mmemo.checkpoint import (
    FORMAT,
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from mmemo.errors import ConfigError
from mmemo.features import Clip, ClipFeatures
from mmemo.inference import DECODERS
from mmemo.prediction_table import Predictions
from mmemo.reasons import Reasons
from mmemo.store import write_atomically
from pipelines.device import find_device
from pipelines.hub.hub import CARD_FILE, CONFIG_FILE, find, push_folder
from pipelines.outputs import check_output
from pipelines.prediction.recording import Recording, answer, extractor_for, read_recording

THREADS = 2
"""For the face graphs and the recogniser."""


def load(
    name: Media = DEFAULT,
    *,
    device: str = "auto",
    revision: str | None = None,
    local_files_only: bool = False,
) -> "CheckpointReader":
    """Load a trained model; arguments and errors as for ``mmemo.load``, which leads here."""
    folder = find(os.fspath(name), revision=revision, local_files_only=local_files_only, guess=True)
    return CheckpointReader(load_checkpoint(folder, find_device(device)))


class CheckpointReader(EmotionReader):
    """A checkpoint that reads recordings.

    Args:
        checkpoint: the model.
        threads: threads for the face graphs and the recogniser.
    """

    def __init__(self, checkpoint: Checkpoint, *, threads: int = THREADS) -> None:
        self.checkpoint = checkpoint
        self._extractor = extractor_for(checkpoint, threads=threads)
        self._last: tuple[tuple[Path, str], Recording] | None = None

    def __repr__(self) -> str:
        return (
            f"<model of mmemo: {', '.join(self.labels)} from {' + '.join(self.modalities)}, "
            f"trained on {self.dataset}>"
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the emotions it tells apart, in order."""
        return self.checkpoint.labels

    @property
    def modalities(self) -> tuple[str, ...]:
        """What it reads, among text, audio and visual."""
        return self.checkpoint.model.modalities

    @property
    def dataset(self) -> str:
        """Name of the data set it learnt from."""
        return self.checkpoint.trained_on.dataset

    @property
    def demonstration(self) -> bool:
        """Whether it learnt from made-up data only."""
        return self.checkpoint.trained_on.demonstration

    def predict(self, media: Media, *, decoder: Decoder = "threshold") -> Predictions:
        """See ``EmotionReader.predict``."""
        _check(decoder)
        return Predictions(answer(self.checkpoint, self._read(media), decoder=decoder))

    def features(self, media: Media) -> ClipFeatures:
        """See ``EmotionReader.features``."""
        return self._read(media).whole

    def explain(self, media: Media, *, decoder: Decoder = "threshold") -> list[Reasons | None]:
        """See ``EmotionReader.explain``."""
        from pipelines.video_report.contributions import contributions

        recording = self._read(media)
        predictions = self.predict(media, decoder=decoder)
        found = contributions(self.checkpoint, recording)
        return [
            None
            if why is None
            else Reasons(
                prediction,
                self.labels,
                self.modalities,
                why.modality_effects,
                why.word_effects,
                why.word_weights,
            )
            for prediction, why in zip(predictions, found, strict=True)
        ]

    def report(
        self,
        media: Media,
        out: Media | None = None,
        *,
        decoder: Decoder = "threshold",
        embed_mb: float = 20.0,
    ) -> Path:
        """See ``EmotionReader.report``."""
        from pipelines.video_report import build_page, player_of, report_on

        _check(decoder)
        source = Path(media)
        page = Path(f"{source.stem}.html") if out is None else Path(out)
        if not 0 <= embed_mb < math.inf:
            raise ConfigError(f"embed_mb: expected 0 or more; got {embed_mb:g}")
        check_output(page, source)
        report = report_on(self.checkpoint, self._read(source), decoder=decoder)
        player = player_of(source, page.parent, limit_mb=embed_mb)
        write_atomically(page, build_page(report, player).encode())
        return page

    def annotate(
        self, media: Media, out: Media | None = None, *, decoder: Decoder = "threshold"
    ) -> Path:
        """See ``EmotionReader.annotate``."""
        from pipelines.movies.answers import write_annotated

        source = Path(media)
        movie = Path(f"{source.stem}.emotions.mp4") if out is None else Path(out)
        check_output(movie, source)
        write_annotated(source, self.predict(source, decoder=decoder), movie)
        return movie

    def save_pretrained(self, folder: Media, *, licence: str | None = None) -> Path:
        """See ``EmotionReader.save_pretrained``."""
        return self._save(Path(folder), Path(folder).resolve().name, licence, on_hub=False)

    def push_to_hub(
        self,
        name: str,
        *,
        private: bool | None = None,
        licence: str | None = None,
        revision: str | None = None,
        message: str = "Upload a model of mmemo",
    ) -> str:
        """See ``EmotionReader.push_to_hub``."""
        with tempfile.TemporaryDirectory(prefix="mmemo-") as work:
            folder = self._save(Path(work), name, licence, on_hub=True)
            return push_folder(folder, name, private=private, revision=revision, message=message)

    def _save(self, folder: Path, name: str, licence: str | None, *, on_hub: bool) -> Path:
        from pipelines.hub.model_card import model_card

        try:
            save_checkpoint(self.checkpoint, folder)
            described = {
                "model_type": "mmemo",
                "format": FORMAT,
                "id2label": dict(enumerate(self.labels)),
                "modalities": self.modalities,
                "mmemo_version": __version__,
            }
            write_atomically(folder / CONFIG_FILE, json.dumps(described, indent=1).encode())
            if not (folder / CARD_FILE).exists():
                card = model_card(self.checkpoint, name, on_hub=on_hub, licence=licence)
                write_atomically(folder / CARD_FILE, card.encode())
        except OSError as error:
            raise ConfigError(
                f"{folder}: expected a folder to write to ({error.strerror or error})"
            ) from None
        return folder

    def _read(self, media: Media) -> Recording:
        """Measure a recording, or take the last one if it is the same, unchanged."""
        path = Path(media)
        key = path, self._extractor.key(Clip(path.name, path.name, media=path))
        if self._last is None or self._last[0] != key:
            self._last = key, read_recording(self.checkpoint, path, extractor=self._extractor)
        return self._last[1]


def _check(decoder: str, known: Sequence[str] = DECODERS) -> None:
    if decoder not in known:
        raise ConfigError(f"decoder: expected one of {', '.join(known)}; got {decoder!r}")
