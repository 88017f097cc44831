"""The figures of a run, epoch by epoch: in the log, in ``history.jsonl``, in TensorBoard.

TensorBoard is an extra (``pip install 'mmemo[tensorboard]'``).
"""

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmemo.errors import ConfigError
from mmemo.files import write_atomically

logger = logging.getLogger(__name__)

HISTORY_FILE = "history.jsonl"
TENSORBOARD_FOLDER = "tensorboard"
_NO_FIGURES = ("epoch", "train_loss", "seconds")
"""What a line has besides the validation figures."""


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

    def begin(self, epochs: int, history: list[dict[str, float]]) -> list[dict[str, float]]:
        """Log the epochs that are saved, and nothing that an earlier run logged after them.

        Args:
            epochs: how many are saved.
            history: their figures; none in a run that an earlier version began.

        Returns:
            Their figures.
        """
        if epochs == 0:  # the first epoch replaces what an earlier run logged
            if (self.out / TENSORBOARD_FOLDER).is_dir():
                shutil.rmtree(self.out / TENSORBOARD_FOLDER)
            return history
        path = self.out / HISTORY_FILE
        if not history and path.is_file():
            history = [json.loads(line) for line in path.read_bytes().splitlines()[:epochs]]
        self._write_history(history)
        return history

    def write(self, history: Sequence[Mapping[str, float]], *, best: bool) -> None:
        """Log the last epoch of the history: its training loss, its validation figures, its time.

        To be called once the epoch is saved, so that no epoch is lost or logged twice.
        """
        self._write_history(history)
        figures = {name: value for name, value in history[-1].items() if name not in _NO_FIGURES}
        epoch, loss = int(history[-1]["epoch"]), history[-1]["train_loss"]
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

    def _write_history(self, history: Sequence[Mapping[str, float]]) -> None:
        lines = "".join(json.dumps(line) + "\n" for line in history)
        write_atomically(self.out / HISTORY_FILE, lines.encode())


def _import_writer():  # type: ignore[no-untyped-def]
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ConfigError(
            "train.tensorboard: expected TensorBoard to be installed; "
            "pip install 'mmemo[tensorboard]', or leave the option out"
        ) from None
    return SummaryWriter
