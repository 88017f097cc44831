"""The sixteen speakers: their voices, looks and splits.

A speaker occurs in one split only, so that voices and faces of valid and test are unseen.
"""

from dataclasses import dataclass

from pipelines.sample.portrait import Look


@dataclass(frozen=True)
class Speaker:
    """One speaker.

    Attributes:
        id: becomes the clips' ``video_id``.
        split: "train", "valid" or "test".
        voice: an espeak-ng voice with its variant.
        pitch: espeak-ng's pitch setting when calm, 0 to 99.
        rate_wpm: words per minute when calm.
        look: colours, wall and shape of the face.
    """

    id: str
    split: str
    voice: str
    pitch: int
    rate_wpm: int
    look: Look


def _shape(
    *, jaw: float = 0.0, chin: float = 0.0, nose: float = 0.0, hair: float = 0.0, brow: float = 0.0
) -> dict[str, tuple[float, float]]:
    """Return moves of control points: wider jaw, longer chin, wider nose, fuller hair, brows."""
    return {
        "jaw_back": (-jaw, 0.0),
        "jaw_mid": (-jaw, 0.3 * chin),
        "jaw_front": (-0.8 * jaw, 0.7 * chin),
        "chin_side": (-0.5 * jaw, chin),
        "chin": (0.0, chin),
        "chin_boss": (0.0, 0.8 * chin),
        "temple": (-0.6 * jaw, 0.0),
        "nostril": (-nose, 0.0),
        "hair_side": (-hair, 0.0),
        "hair_high": (-hair, -0.5 * hair),
        "hair_low": (-hair, 0.5 * hair),
        "crown_side": (-0.5 * hair, -0.2 * hair),
        "brow_outer": (-brow, 0.0),
        "brow_arch_outer": (-brow, 0.0),
        "brow_inner": (brow, 0.0),
    }


_Row = tuple[
    str, str, int, int,  # id, voice, pitch, words per minute
    float, float, float, float, tuple[int, int, int], bool,  # colours, wall, mirror
    dict[str, tuple[float, float]],
]  # fmt: skip

_TRAIN: tuple[_Row, ...] = (
    ("anna", "en-us+f1", 46, 165, 0, 1.00, 1.00, 1.00, (118, 142, 168), False, _shape()),
    ("boris", "en-us+m1", 52, 160, 6, 0.90, 0.86, 1.12, (176, 164, 140), True,
     _shape(jaw=5, chin=4, nose=2, hair=-8)),
    ("clara", "en-us+f2", 44, 170, -8, 1.10, 1.06, 0.95, (150, 172, 148), True,
     _shape(jaw=-3, chin=-4, hair=6)),
    ("david", "en-us+m3", 50, 168, 10, 0.75, 0.76, 1.20, (92, 100, 122), False,
     _shape(jaw=4, chin=6, nose=2.5, hair=-10, brow=1)),
    ("emma", "en-us+f4", 50, 158, -4, 0.60, 1.08, 0.92, (196, 178, 180), False,
     _shape(jaw=-4, chin=2, nose=-1, hair=3)),
    ("felix", "en-us+m5", 48, 172, 4, 1.15, 0.92, 1.00, (128, 118, 108), True,
     _shape(jaw=2, chin=-3, nose=1, hair=-5, brow=-1)),
    ("greta", "en-us+steph", 48, 164, 12, 0.85, 0.95, 1.08, (140, 130, 170), True,
     _shape(jaw=3, chin=-2, hair=8)),
    ("hugo", "en-us+m7", 46, 162, -6, 0.70, 0.82, 1.10, (164, 188, 200), False,
     _shape(jaw=6, chin=2, nose=1.5, hair=-6, brow=1.5)),
    ("ivan", "en-us+Andy", 54, 166, 2, 1.20, 1.04, 0.98, (108, 132, 116), True,
     _shape(jaw=-2, chin=5, nose=-1, hair=-3)),
    ("jonas", "en-us+m2", 54, 158, -10, 0.95, 0.90, 1.05, (204, 196, 170), False,
     _shape(jaw=1, chin=4, nose=3, hair=-9, brow=-1)),
)  # fmt: skip
_VALID: tuple[_Row, ...] = (
    ("karin", "en-us+f5", 42, 166, 8, 1.05, 1.02, 1.00, (132, 150, 132), False,
     _shape(jaw=2, chin=3, nose=-1, hair=5)),
    ("lukas", "en-us+max", 52, 164, -3, 0.80, 0.80, 1.15, (150, 138, 128), True,
     _shape(jaw=4, chin=-2, nose=2, hair=-7)),
    ("maria", "en-us+f3", 40, 160, 5, 0.70, 0.96, 1.10, (180, 188, 206), True,
     _shape(jaw=-3, chin=3, hair=2, brow=1)),
)  # fmt: skip
_TEST: tuple[_Row, ...] = (
    ("nils", "en-us+m6", 52, 166, 7, 0.95, 0.84, 1.10, (120, 128, 150), False,
     _shape(jaw=4, chin=4, nose=1, hair=-7, brow=1)),
    ("olga", "en-us+shelby", 48, 162, -5, 1.10, 1.02, 0.96, (190, 176, 152), True,
     _shape(jaw=-2, chin=-3, hair=7)),
    ("paul", "en-us+robert", 52, 168, 3, 0.85, 0.94, 1.04, (136, 160, 164), True,
     _shape(jaw=3, chin=5, nose=2, hair=-4)),
)  # fmt: skip


def _speaker(row: _Row, split: str) -> Speaker:
    name, voice, pitch, rate_wpm, hue, saturation, gain, gamma, wall, mirror, shape = row
    look = Look(hue, saturation, gain, gamma, wall, mirror, shape)
    return Speaker(name, split, voice, pitch, rate_wpm, look)


SPEAKERS: tuple[Speaker, ...] = tuple(
    _speaker(row, split)
    for split, rows in (("train", _TRAIN), ("valid", _VALID), ("test", _TEST))
    for row in rows
)
"""All speakers; within a split, clips alternate between them in this order."""
