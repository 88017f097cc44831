"""The figures of a run, epoch by epoch: in the log, in ``history.jsonl``, in TensorBoard.

TensorBoard is an extra (``pip install 'mmemo[tensorboard]'``).
"""

import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path

from mmemo.errors import ConfigError
from mmemo.files import write_atomically

logger = logging.getLogger(__name__)

HISTORY_FILE = "history.jsonl"
TENSORBOARD_FOLDER = "tensorboard"


class TrainingLog:
    """Log each epoch of the run in ``out``.

    Args:
        out: the run's folder.
        tensorboard: also write event files in ``out/tensorboard``.

    Raises:
        ConfigError: TensorBoard is requested, but not installed.
    """

    def __init__(self, out: Path, *, tensorboard: bool = False) -> None:
        self.out, self.tensorboard = out, tensorboard
        if tensorboard:
            _import_writer()

    def begin(self, epoch: int) -> None:
        """Delete what an earlier run logged from this epoch on."""
        history = self.out / HISTORY_FILE
        if epoch > 0 and history.is_file():
            # An epoch may have been logged just before an interruption, but not saved.
            lines = history.read_bytes().splitlines(keepends=True)
            write_atomically(history, b"".join(lines[:epoch]))
            return
        history.unlink(missing_ok=True)
        if (self.out / TENSORBOARD_FOLDER).is_dir():
            shutil.rmtree(self.out / TENSORBOARD_FOLDER)

    def write(
        self, epoch: int, loss: float, figures: Mapping[str, float], seconds: float, *, best: bool
    ) -> None:
        """Log one epoch: its training loss, its validation figures, its duration."""
        line = {"epoch": epoch, "train_loss": loss, **figures, "seconds": round(seconds, 2)}
        with open(self.out / HISTORY_FILE, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if self.tensorboard:
            # One writer per epoch: a killed run loses nothing that was written.
            with _import_writer()(str(self.out / TENSORBOARD_FOLDER)) as writer:
                writer.add_scalar("train/loss", loss, epoch)
                for name, value in figures.items():
                    writer.add_scalar(f"valid/{name}", value, epoch)
        logger.info(
            "epoch %2d  loss %.3f  valid: set NLL %.3f, Jaccard %.3f, micro-F1 %.3f%s",
            epoch,
            loss,
            figures["set_nll"],
            figures["acc_jaccard_empty0"],
            figures["micro_f1"],
            "  (best so far)" if best else "",
        )


def _import_writer():  # type: ignore[no-untyped-def]
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ConfigError(
            "train.tensorboard: expected TensorBoard to be installed; "
            "pip install 'mmemo[tensorboard]', or leave the option out"
        ) from None
    return SummaryWriter
