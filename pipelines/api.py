"""The one reader of recordings: a trained model with the extractors of its features.

``mmemo.load`` returns it; the command line, the server and the report use the same class.
"""

import json
import math
import os
import tempfile
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Self

from extractors.text.transcripts import find_transcript
from mmemo import __version__
from mmemo.api import Decoder, Media
from mmemo.assets.local_files import without_folders
from mmemo.assets.shipped import DEFAULT
from mmemo.checkpoint import FORMAT, Checkpoint, load_checkpoint, save_checkpoint
from mmemo.errors import ConfigError
from mmemo.features import ClipFeatures
from mmemo.files import utf8, write_atomically
from mmemo.inference import DECODERS
from mmemo.prediction import Explanation, Predictions
from pipelines.device import find_device
from pipelines.hub.hub import CARD_FILE, CONFIG_FILE, find, push_folder
from pipelines.outputs import check_output, goes_to_stdout, write_output
from pipelines.prediction.explanation import explain_recording
from pipelines.prediction.left_out import modalities_left_out
from pipelines.prediction.recording import Recording, answer, extractor_for, read_recording
from pipelines.progress import OnProgress, no_progress
from pipelines.video_report import VideoReport, build_page, make_report, player_of
from pipelines.video_report.content import STAGES
from pipelines.workers.threads import THREADS

_Version = tuple[tuple[Path, int, int], ...]
"""Path, size and time of change of a recording and of the transcript beside it."""

Without = str | Collection[str]
"""Channels to leave out: words, voice, face."""


class EmotionReader:
    """A trained model with all that it needs to read a recording.

    Made by ``mmemo.load`` or ``EmotionReader.from_pretrained``. Recordings may have any length and
    any codec. The transcript beside one (``talk.json``, ``.vtt``, ``.srt``, ``.TextGrid``,
    ``.txt``) is used; without one, English words are recognised. The features of the last
    recording are cached, so several calls about one recording measure it once.

    Args:
        checkpoint: the model.
        threads: threads for the face graphs and the recogniser.

    Example:
        >>> import mmemo
        >>> model = mmemo.load()  # doctest: +SKIP
        >>> model.predict("talk.mp4").to_dataframe()  # doctest: +SKIP
    """

    def __init__(self, checkpoint: Checkpoint, *, threads: int = THREADS) -> None:
        self.checkpoint = checkpoint
        self.extractor = extractor_for(checkpoint, threads=threads)
        self._last: tuple[_Version, frozenset[str], Recording] | None = None

    @classmethod
    def from_pretrained(
        cls,
        name: Media = DEFAULT,
        *,
        device: str = "auto",
        revision: str | None = None,
        local_files_only: bool = False,
    ) -> Self:
        """Load a model; the same as ``mmemo.load``, under the name that users of the hub expect."""
        folder = find(
            os.fspath(name), revision=revision, local_files_only=local_files_only, guess=True
        )
        return cls(load_checkpoint(folder, find_device(device)))

    def __repr__(self) -> str:
        return (
            f"<model of mmemo: {', '.join(self.labels)} from {' + '.join(self.modalities)}, "
            f"trained on {self.dataset}>"
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the emotions it predicts, in order."""
        return self.checkpoint.labels

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities it reads, among text, audio and visual."""
        return self.checkpoint.model.modalities

    @property
    def dataset(self) -> str:
        """Name of the data set it was trained on."""
        return self.checkpoint.trained_on.dataset

    @property
    def demonstration(self) -> bool:
        """Whether it was trained on made-up data only: its answers about people mean nothing."""
        return self.checkpoint.trained_on.demonstration

    def predict(
        self,
        media: Media,
        *,
        decoder: Decoder = "sure",
        without: Without = (),
        on_progress: OnProgress = no_progress,
    ) -> Predictions:
        """Split a recording into utterances and predict the emotions of each.

        Args:
            media: a video or sound file.
            decoder: the score that each set of emotions is chosen for.
            without: channels to leave out, among words, voice and face: they are not measured, and
                ``absent`` says so.
            on_progress: called with the progress of the reading.

        Returns:
            One prediction per utterance, in order of time; ``labels`` is None where there was
            nothing to read (no word, no voice, no face).

        Raises:
            ConfigError: ``without`` names what the model does not read, or all that it reads.
            ClipError: the file cannot be read.
            TranscriptError: the transcript beside it is broken.
            AssetError: weights or vectors are missing and cannot be fetched.
        """
        _check(decoder)
        recording = self.read(media, on_progress, without=without)
        return Predictions(answer(self.checkpoint, recording, decoder=decoder))

    def features(self, media: Media) -> ClipFeatures:
        """Measure a recording as the model sees it; times in seconds from its start.

        Returns:
            ``features["audio"].to_dataframe()`` gives a modality as a table; ``absent`` has the
            reason where one is missing; ``clip.words`` are the words with their times.
            ``mmemo columns`` explains each column.

        Raises:
            ClipError: as for ``predict``.
            TranscriptError: as for ``predict``.
            AssetError: as for ``predict``.
        """
        return self.read(media).whole

    def explain(
        self, media: Media, *, decoder: Decoder = "sure", without: Without = ()
    ) -> list[Explanation | None]:
        """Explain the answers, by hiding modalities and moments from the model in turn.

        Args:
            media: a video or sound file.
            decoder: the score that each set of emotions is chosen for.
            without: as for ``predict``.

        Returns:
            One per prediction; None where there was nothing to read.

        Raises:
            ConfigError: as for ``predict``.
            ClipError: as for ``predict``.
            TranscriptError: as for ``predict``.
            AssetError: as for ``predict``.
        """
        predictions = self.predict(media, decoder=decoder, without=without)
        return explain_recording(self.checkpoint, self.read(media, without=without), predictions)

    def report(
        self,
        media: Media,
        out: Media | None = None,
        *,
        decoder: Decoder = "sure",
        without: Without = (),
        embed_mb: float = 20.0,
    ) -> Path:
        """Write a page about a recording that a browser opens without anything else.

        Args:
            media: a video or sound file.
            out: where to write; by default the file's name with ``.html`` in the working folder.
            decoder: the score that each set of emotions is chosen for.
            without: as for ``predict``.
            embed_mb: the recording, or a smaller copy, is part of the page up to this size, else
                linked; 0 always links.

        Returns:
            The page's path.

        Raises:
            ConfigError: ``out`` cannot be written or is the recording, ``embed_mb`` is below 0, or
                as for ``predict``.
            ClipError: as for ``predict``.
            TranscriptError: as for ``predict``.
            AssetError: as for ``predict``.
        """
        _check(decoder)
        source = Path(media)
        page = Path(f"{source.stem}.html") if out is None else Path(out)
        if not 0 <= embed_mb < math.inf:
            raise ConfigError(f"embed_mb: expected 0 or more; got {embed_mb:g}")
        check_output(page, source)
        report = self.report_content(source, decoder=decoder, without=without)
        write_report(report, source, page, embed_mb=embed_mb)
        return page

    def report_content(
        self,
        media: Media,
        *,
        decoder: Decoder = "sure",
        without: Without = (),
        on_stage: Callable[[str], None] = lambda stage: None,
        on_progress: OnProgress = no_progress,
    ) -> VideoReport:
        """Gather the content of a recording's page, without its player.

        Args:
            media: a video or sound file.
            decoder: the score that each set of emotions is chosen for.
            without: as for ``predict``.
            on_stage: called with each of ``STAGES`` as it begins.
            on_progress: called with the progress through the stages of ``REPORT``.

        Raises:
            ConfigError: as for ``predict``.
            ClipError: as for ``predict``.
            TranscriptError: as for ``predict``.
            AssetError: as for ``predict``.
        """
        _check(decoder)
        on_stage(STAGES[0])
        recording = self.read(media, on_progress, without=without)
        return make_report(
            self.checkpoint, recording, decoder=decoder, on_stage=on_stage, on_progress=on_progress
        )

    def annotate(
        self,
        media: Media,
        out: Media | None = None,
        *,
        decoder: Decoder = "sure",
        without: Without = (),
    ) -> Path:
        """Write an MP4 of a recording with words and answers drawn beside the picture.

        Args:
            media: a video or sound file.
            out: where to write; by default the file's name with ``.emotions.mp4`` in the working
                folder.
            decoder: the score that each set of emotions is chosen for.
            without: as for ``predict``.

        Returns:
            The video's path.

        Raises:
            ConfigError: ``out`` cannot be written or is the recording, or as for ``predict``.
            ClipError: as for ``predict``.
            TranscriptError: as for ``predict``.
            AssetError: as for ``predict``.
        """
        from pipelines.movies.answers import write_annotated

        source = Path(media)
        movie = Path(f"{source.stem}.emotions.mp4") if out is None else Path(out)
        check_output(movie, source)
        predictions = self.predict(source, decoder=decoder, without=without)
        write_annotated(source, predictions, movie)
        return movie

    def read(
        self, media: Media, on_progress: OnProgress = no_progress, *, without: Without = ()
    ) -> Recording:
        """Measure a recording, or return the last one if it is the same file, unchanged.

        The last one is used only if the same channels were left out of it.
        """
        left_out = modalities_left_out(without, self.modalities)
        path = Path(media)
        version = _version_of(path)
        if self._last is None or version is None or self._last[:2] != (version, left_out):
            self.forget()  # so that memory holds the features of one recording at most
            recording = read_recording(
                self.checkpoint,
                path,
                extractor=self.extractor,
                without=left_out,
                on_progress=on_progress,
            )
            if version is None:
                return recording
            self._last = version, left_out, recording
        return self._last[2]

    def forget(self) -> None:
        """Release the features of the last recording."""
        self._last = None

    def save_pretrained(self, folder: Media, *, licence: str | None = None) -> Path:
        """Write the model in the layout of the Hugging Face hub.

        ``model.safetensors`` and ``checkpoint.json`` hold the model; ``config.json`` and a model
        card ``README.md`` are for the hub. An existing card is not replaced. Nothing is pickled.

        Args:
            folder: where to write; created if it does not exist.
            licence: the hub's identifier of a licence, such as ``apache-2.0``, for the card. It
                depends on the training data, so there is no default.

        Returns:
            The folder.

        Raises:
            ConfigError: ``folder`` cannot be written.
        """
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
        """Upload the files of ``save_pretrained`` to the Hugging Face hub.

        Args:
            name: ``owner/name``; created if it does not exist.
            private: whether a new model is visible to its owner only; None: the owner's default.
            licence: as for ``save_pretrained``.
            revision: branch; None: the main one.
            message: commit message.

        Returns:
            Address of the commit.

        Raises:
            ConfigError: the hub cannot be reached, or refuses (``hf auth login`` signs in).
        """
        with tempfile.TemporaryDirectory(prefix="mmemo-") as work:
            folder = self._save(Path(work), name, licence, on_hub=True)
            return push_folder(folder, name, private=private, revision=revision, message=message)

    def _save(self, folder: Path, name: str, licence: str | None, *, on_hub: bool) -> Path:
        from pipelines.hub.model_card import model_card

        try:
            model = self.checkpoint
            if on_hub:
                model = replace(model, config=without_folders(model.config))
            save_checkpoint(model, folder)
            hub_config = {
                "model_type": "mmemo",
                "format": FORMAT,
                "id2label": dict(enumerate(self.labels)),
                "modalities": self.modalities,
                "mmemo_version": __version__,
            }
            write_atomically(folder / CONFIG_FILE, json.dumps(hub_config, indent=1).encode())
            if not (folder / CARD_FILE).exists():
                card = model_card(self.checkpoint, name, on_hub=on_hub, licence=licence)
                write_atomically(folder / CARD_FILE, utf8(card))
        except OSError as error:
            raise ConfigError(
                f"{folder}: expected a folder to write to ({error.strerror or error})"
            ) from None
        return folder


def write_report(report: VideoReport, media: Path, page: Path, *, embed_mb: float) -> None:
    """Write the page of a recording, which is embedded up to ``embed_mb`` megabytes.

    Raises:
        ClipError: the recording cannot be read.
        OSError: the page cannot be written.
    """
    write_output(page, report_page(report, media, page, embed_mb=embed_mb))


def report_page(report: VideoReport, media: Path, page: Path, *, embed_mb: float) -> bytes:
    """Return the content of the page that ``write_report`` writes.

    Raises:
        ClipError: the recording cannot be read.
    """
    folder = Path() if goes_to_stdout(page) else page.parent
    return utf8(build_page(report, player_of(media, folder, limit_mb=embed_mb)))


def _version_of(media: Path) -> _Version | None:
    """Identify the present content of a recording and its transcript; None if it has no file."""
    paths = filter(None, (media, find_transcript(media)))
    try:
        stats = [(path, path.stat()) for path in paths]
    except OSError:
        return None
    return tuple((path, stat.st_size, stat.st_mtime_ns) for path, stat in stats)


def _check(decoder: str) -> None:
    if decoder not in DECODERS:
        raise ConfigError(f"decoder: expected one of {', '.join(DECODERS)}; got {decoder!r}")
