"""Faces that are turned further than those that the expression network reads well.

Of FER2013's faces that are turned by more than ``TURNED_DEG``, the strongest expression is right
less often (55 in 100) than of others (65), and there are few of them to learn from
(``python -m benchmarks.faces``). The other columns of a face are estimated from its front, too.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mmemo.features import ClipFeatures, Features
from mmemo.inference import SetDistributions

TURNED_DEG = 25.0
"""Sideways, up or down."""

_ANGLES = ("Pitch", "Yaw")


def with_turned_faces(
    distributions: SetDistributions, clips: Sequence[ClipFeatures]
) -> SetDistributions:
    """Return a model's output for N clips, in which turned faces count as unfamiliar.

    Faces whose columns have no head pose count as not turned.

    Args:
        distributions: of the clips.
        clips: their features.
    """
    if "visual" not in distributions.modalities:
        return distributions
    unfamiliar = distributions.unfamiliar.copy()
    unfamiliar[:, distributions.modalities.index("visual")] |= [
        "visual" in read and _is_turned(clip)
        for read, clip in zip(distributions.read, clips, strict=True)
    ]
    return replace(distributions, unfamiliar=unfamiliar)


def _is_turned(clip: ClipFeatures) -> bool:
    visual: Features | None = clip.features.get("visual")
    if visual is None or not set(_ANGLES) <= set(visual.names) or not visual.valid.any():
        return False
    angles = visual.values[visual.valid][:, [visual.names.index(name) for name in _ANGLES]]
    return bool(np.median(np.abs(angles).max(axis=1)) > TURNED_DEG)
