"""Appearance of each action unit (Ekman & Friesen, FACS, 1978): signs and approximate shares.

``PRIORS`` is geometry: the measures that grow (+) or shrink (-) when the unit acts.
``LEVEL_SOURCES`` has the blendshapes whose resting value differs between people.
"""

from extractors.facet.channels import BOTH_SIDES
from extractors.facet.expression import EXPRESSION_NAMES
from extractors.facet.measures import MEASURES, UPPER_FACE

PRIORS: dict[str, dict[str, float]] = {
    "AU1": {"brow_inner": 1, "brow_tilt": 0.3},
    "AU2": {"brow_outer": 1, "brow_middle": 0.5},
    "AU4": {"brow_inner": -0.5, "brow_gap": 0.5},
    "AU5": {"upper_lid": 1, "eye_opening": 0.5, "lid_above_iris": 0.5},
    "AU6": {"upper_cheek_height": 1, "lower_lid": 0.5},
    "AU7": {"lower_lid": 1, "eye_opening": -0.5, "upper_cheek_height": 0.5},
    "AU9": {"nose_wing_height": 1, "brow_inner": -0.5, "philtrum": -0.5, "upper_cheek_height": 0.5},
    "AU10": {"upper_lip_top": 1, "philtrum": -1, "upper_lip_bottom": 0.5},
    "AU12": {"corner_height": 0.5, "mouth_width": 0.5, "cheek_height": 0.5},
    "AU14": {"lip_gap": -1},
    "AU15": {"corner_lift": -1, "chin_boss_height": 0.3},
    "AU17": {"chin_height": 1, "lower_lip_bottom": 1},
    "AU18": {"mouth_width": -1, "upper_lip_width": -1},
    "AU20": {"mouth_width": 1, "inner_mouth_width": 0.5},
    "AU23": {"upper_lip_thickness": -0.5, "lower_lip_thickness": -0.5, "lip_gap": -0.5},
    "AU24": {"lip_gap": -1},
    "AU25": {"lip_gap": 1, "lip_gap_side": 0.5},
    "AU26": {"chin_height": -1, "lip_gap": 0.5, "jaw_height": -0.3, "corner_height": -0.3},
    "AU28": {"upper_lip_thickness": -0.5, "lower_lip_thickness": -0.5},
    "AU43": {"eye_opening": -1, "upper_lid": -1, "lid_above_iris": -0.5},
}

LEVEL_SOURCES: dict[str, dict[str, float]] = {
    "AU1": {"browInnerUp": 1},
    "AU2": {"browOuterUp": 1},
    "AU4": {"browDown": 1},
    "AU5": {"eyeWide": 1},
    "AU6": {"mouthSmile": 1, "eyeSquint": 0.5},
    "AU7": {"eyeSquint": 1},
    "AU9": {"browDown": 0.5, "mouthUpperUp": 0.5},
    "AU10": {"mouthUpperUp": 1},
    "AU12": {"mouthSmile": 1},
    "AU14": {"mouthDimple": 1, "mouthPress": 0.5},
    "AU15": {"mouthFrown": 1},
    "AU17": {"mouthShrugLower": 1},
    "AU18": {"mouthPucker": 1},
    "AU20": {"mouthStretch": 1},
    "AU23": {"mouthPress": 0.5, "mouthRollLower": 0.5},
    "AU24": {"mouthPress": 1, "mouthRollLower": 0.3},
    "AU25": {"mouthLowerDown": 0.5, "jawOpen": 0.5},
    "AU26": {"jawOpen": 1},
    "AU28": {"mouthRollLower": 1, "mouthRollUpper": 1},
    "AU43": {"eyeBlink": 1},
}

_UPPER_UNITS = {"AU1", "AU2", "AU4", "AU5", "AU7", "AU43"}
_WHOLE_FACE_UNITS = {"AU6", "AU9"}


_UPPER_CHANNELS = UPPER_FACE | {name for name in BOTH_SIDES if name.startswith(("brow", "eye"))}


def allowed_channels(unit: str) -> frozenset[str]:
    """Return the channels that may indicate a unit: of the part that it moves, and expressions."""
    whole = frozenset((*MEASURES, *BOTH_SIDES))
    if unit in _WHOLE_FACE_UNITS:
        part = whole
    else:
        part = _UPPER_CHANNELS if unit in _UPPER_UNITS else whole - _UPPER_CHANNELS
    return part | frozenset(EXPRESSION_NAMES)
