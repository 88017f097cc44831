"""Makes the page about a recording in a worker process."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from extractors.media import probe
from mmemo.api import Decoder
from mmemo.checkpoint import load_checkpoint
from pipelines.api import EmotionReader, report_page
from pipelines.device import find_device
from pipelines.prediction.left_out import modalities_left_out
from pipelines.workers.reading_limits import allow_recording
from pipelines.workers.reported_progress import reporting


@dataclass(frozen=True)
class Reporter:
    """Makes pages with one model.

    Attributes:
        run: the model's folder.
        device: where it runs.
        decoder: the score that each set of emotions is chosen for.
        without: names of the channels to leave out.
        out: where the page will be, to link the recording from there.
        embed_mb: size up to which the recording is embedded.
    """

    run: Path
    device: str
    decoder: Decoder
    without: Sequence[str]
    out: Path
    embed_mb: float

    def __call__(self, recording: Path) -> tuple[bytes, int, bool]:
        """Return the page, the number of utterances, and whether any of them has emotions.

        Errors as ``EmotionReader.report_content``.
        """
        device = find_device(self.device, asked_by="--device")
        reader = EmotionReader(load_checkpoint(self.run, device))
        without = modalities_left_out(self.without, reader.modalities, asked_by="--without")
        allow_recording(probe(recording).duration_s)
        report = reader.report_content(
            recording, decoder=self.decoder, without=without, on_progress=reporting()
        )
        return (
            report_page(report, recording, self.out, embed_mb=self.embed_mb),
            len(report.predictions),
            any(prediction.labels is not None for prediction in report.predictions),
        )
