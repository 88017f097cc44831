"""Checks of a data set's labels, before anything is trained on them."""

import logging
from collections.abc import Sequence

import numpy as np

from mmemo.batching.batch import ClipArrays
from mmemo.datasets.dataset import Dataset
from mmemo.datasets.foreign.naming import has_moseis_videos
from mmemo.datasets.mosei import label_order
from mmemo.errors import DataError
from mmemo.features import ClipFeatures
from mmemo.labels import EMOTIONS

logger = logging.getLogger(__name__)


def check_annotated(dataset: Dataset, clips: Sequence[ClipArrays]) -> None:
    """Refuse labels that no training clip annotates: nothing could be learned of them.

    Args:
        dataset: names its labels.
        clips: the labelled training clips.

    Raises:
        DataError: naming the labels.
    """
    known = np.zeros(len(dataset.labels), dtype=bool)
    for clip in clips:
        known |= ~np.isnan(np.asarray(clip.labels, dtype=float))
    without = [dataset.labels[place] for place in np.flatnonzero(~known)]
    if without:
        raise DataError(
            f"{dataset.name}: expected training clips that annotate each label; none says "
            f"anything about {', '.join(without)}: leave them out of data.labels, or map another "
            "label to them with data.label_maps"
        )


def check_label_order(
    dataset: Dataset, clips: Sequence[ClipFeatures], *, trusted: bool = False
) -> None:
    """Compare the order of the label columns with CMU-MOSEI's counts.

    Clips of CMU-MOSEI in another order are refused, since every score of the model would be wrong
    and look right. Other data may have such counts by chance, so they only get a warning.

    Args:
        dataset: the data set.
        clips: its training and validation clips.
        trusted: only warn in any case.

    Raises:
        DataError: the clips are CMU-MOSEI's, and their columns are swapped.
    """
    labelled = [clip.clip for clip in clips if clip.clip.fully_labelled]
    if dataset.labels != EMOTIONS or not labelled:
        return
    intensities = np.array([clip.intensities for clip in labelled], dtype=np.float64)
    order = label_order(intensities, [str(clip.split) for clip in labelled])
    if order.as_expected:
        return
    names = ", ".join(EMOTIONS[order.order.index(column)] for column in range(len(EMOTIONS)))
    if has_moseis_videos(clip.video_id for clip in labelled) and not trusted:
        raise DataError(
            f"{dataset.name}: expected the label columns {', '.join(EMOTIONS)}; by CMU-MOSEI's "
            f"counts they are {names}: rename them, or convert the data with `mmemo data convert "
            f"--label-order {names.replace(' ', '')}`; data.trust_label_order=true trains as they "
            "are"
        )
    logger.warning(
        "%s: the label columns may be swapped: by CMU-MOSEI's counts they are %s; "
        "check them with `mmemo data check`",
        dataset.name,
        names,
    )
