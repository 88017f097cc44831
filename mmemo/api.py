"""The way in for programs: ``mmemo.load`` gives a trained model that reads recordings.

What reads (extractors, model, pages) is far above this package and loads torch. So there is only
its face here, with all types, and the way to it: the entry point that the installed distribution
``mmemo`` names. Only mmemo's own distribution is asked, so that no other package that happens to
be installed can put itself in its place.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from os import PathLike
from pathlib import Path
from typing import Any, Literal, cast

from mmemo.assets.shipped import DEFAULT
from mmemo.errors import ConfigError
from mmemo.features import ClipFeatures
from mmemo.prediction_table import Predictions
from mmemo.reasons import Reasons

ENTRY_POINTS = "mmemo.api"
"""Group of the entry point whose name is ``load``."""

Media = str | PathLike[str]
"""Path of a video or sound file."""

Decoder = Literal["jaccard", "jaccard1", "hamming", "map", "threshold", "macro"]
"""What a set of emotions is chosen for: see docs/metrics.md and ``mmemo.inference``."""


class EmotionReader(ABC):
    """A trained model with all that it takes to read a recording.

    Made by ``mmemo.load`` or ``EmotionReader.from_pretrained``. Recordings of any length and any
    codec are read; a transcript beside one (``talk.json``, ``.vtt``, ``.srt``, ``.TextGrid``,
    ``.txt``) is used, else English words are recognised. The last recording is kept: asking
    several things about one measures it once.

    Example:
        >>> import mmemo
        >>> model = mmemo.load()  # doctest: +SKIP
        >>> model.predict("talk.mp4").to_dataframe()  # doctest: +SKIP
    """

    @property
    @abstractmethod
    def labels(self) -> tuple[str, ...]:
        """Names of the emotions it tells apart, in order."""

    @property
    @abstractmethod
    def modalities(self) -> tuple[str, ...]:
        """What it reads, among text, audio and visual."""

    @property
    @abstractmethod
    def dataset(self) -> str:
        """Name of the data set it learnt from."""

    @property
    @abstractmethod
    def demonstration(self) -> bool:
        """Whether it learnt from made-up data only: its answers about people mean nothing."""

    @abstractmethod
    def predict(self, media: Media, *, decoder: Decoder = "threshold") -> Predictions:
        """Split a recording into utterances and say which emotions each carries.

        Args:
            media: a video or sound file.
            decoder: what the answer is chosen for.

        Returns:
            One prediction an utterance, in order of time; ``labels`` is None where there was
            nothing to read (no word, no voice, no face).

        Raises:
            ClipError: the file cannot be read.
            TranscriptError: the transcript beside it is broken.
            AssetError: weights or vectors are missing and cannot be fetched.
        """

    @abstractmethod
    def features(self, media: Media) -> ClipFeatures:
        """Measure a recording as the model sees it; times from its start.

        Returns:
            ``features["audio"].to_dataframe()`` gives a modality as a table; ``absent`` says why
            one is missing; ``clip.words`` are the words with their times. ``mmemo columns`` tells
            what each column means.

        Raises:
            ClipError: as for ``predict``.
            TranscriptError: as for ``predict``.
            AssetError: as for ``predict``.
        """

    @abstractmethod
    def explain(self, media: Media, *, decoder: Decoder = "threshold") -> list[Reasons | None]:
        """Say what spoke for the answers, by hiding modalities and moments one after the other.

        Returns:
            One a prediction; None where there was nothing to read.

        Raises:
            ClipError: as for ``predict``.
            TranscriptError: as for ``predict``.
            AssetError: as for ``predict``.
        """

    @abstractmethod
    def report(
        self,
        media: Media,
        out: Media | None = None,
        *,
        decoder: Decoder = "threshold",
        embed_mb: float = 20.0,
    ) -> Path:
        """Write a page about a recording that a browser opens without anything else.

        Args:
            media: a video or sound file.
            out: where to write; by default the file's name with ``.html`` in the working folder.
            decoder: what the answer is chosen for.
            embed_mb: the recording, or a smaller copy, is part of the page up to this size, else
                linked; 0 always links.

        Returns:
            The page's path.

        Raises:
            ConfigError: ``out`` cannot be written or is the recording, or ``embed_mb`` is below 0.
            ClipError: as for ``predict``.
            TranscriptError: as for ``predict``.
            AssetError: as for ``predict``.
        """

    @abstractmethod
    def annotate(
        self, media: Media, out: Media | None = None, *, decoder: Decoder = "threshold"
    ) -> Path:
        """Write an MP4 of a recording with words and answers drawn beside the picture.

        Args:
            media: a video or sound file.
            out: where to write; by default the file's name with ``.emotions.mp4`` in the working
                folder.
            decoder: what the answer is chosen for.

        Returns:
            The video's path.

        Raises:
            ConfigError: ``out`` cannot be written or is the recording.
            ClipError: as for ``predict``.
            TranscriptError: as for ``predict``.
            AssetError: as for ``predict``.
        """

    @abstractmethod
    def save_pretrained(self, folder: Media, *, licence: str | None = None) -> Path:
        """Write the model in the layout of the Hugging Face hub.

        ``model.safetensors`` and ``checkpoint.json`` hold the model, ``config.json`` and a model
        card ``README.md`` are for the hub; a card that is there is kept. Nothing is pickled.

        Args:
            folder: where; made if need be.
            licence: the hub's identifier of one, such as ``apache-2.0``, for the card. It depends
                on the data that the model learnt from, so there is no default.

        Returns:
            The folder.

        Raises:
            ConfigError: ``folder`` cannot be written.
        """

    @abstractmethod
    def push_to_hub(
        self,
        name: str,
        *,
        private: bool | None = None,
        licence: str | None = None,
        revision: str | None = None,
        message: str = "Upload a model of mmemo",
    ) -> str:
        """Upload what ``save_pretrained`` writes to the Hugging Face hub.

        Args:
            name: ``owner/name``; made if need be.
            private: whether only its owner sees it, if it is made; None: the owner's default.
            licence: as for ``save_pretrained``.
            revision: branch; None: the main one.
            message: of the commit.

        Returns:
            Address of the commit.

        Raises:
            ConfigError: the hub cannot be reached, or refuses (``hf auth login`` lets one in).
        """

    @classmethod
    def from_pretrained(
        cls,
        name: Media = DEFAULT,
        *,
        device: str = "auto",
        revision: str | None = None,
        local_files_only: bool = False,
    ) -> "EmotionReader":
        """Load a model; the same as ``mmemo.load``, under the name that users of the hub expect."""
        return load(name, device=device, revision=revision, local_files_only=local_files_only)


def load(
    name: Media = DEFAULT,
    *,
    device: str = "auto",
    revision: str | None = None,
    local_files_only: bool = False,
) -> EmotionReader:
    """Load a trained model.

    Args:
        name: ``"default"`` (the model that comes with mmemo), the folder of a run or of
            ``save_pretrained``, or a model on the Hugging Face hub (``owner/name``). Only
            safetensors and JSON are read, whoever made them; nothing in them is run.
        device: where it runs: auto, cpu, cuda, cuda:1 ...
        revision: of a model on the hub: a branch, tag or commit.
        local_files_only: take a model of the hub from the cache, without a network.

    Returns:
        The model, ready to read.

    Raises:
        CheckpointError: there is no such model, or it is broken.
        ConfigError: the device is not there, or mmemo is not installed.
    """
    found = _implementation()(
        name, device=device, revision=revision, local_files_only=local_files_only
    )
    return cast(EmotionReader, found)


def _implementation() -> Callable[..., Any]:
    again = "install it (again): pip install mmemo, or pip install -e . in a checkout"
    try:
        installed = distribution("mmemo").entry_points
    except PackageNotFoundError:
        raise ConfigError(f"expected mmemo to be installed, not only importable; {again}") from None
    found = [point for point in installed.select(group=ENTRY_POINTS) if point.name == "load"]
    if not found:
        raise ConfigError(
            f"expected the installed mmemo to name an entry point {ENTRY_POINTS}; the installation "
            f"is older than this code; {again}"
        )
    loaded: Callable[..., Any] = found[0].load()
    return loaded
