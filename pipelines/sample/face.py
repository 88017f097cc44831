"""A talking head: one portrait, moved by speech and by expressions.

Two emotions show in the face and nowhere else: happiness (the photograph's own smile, which the
neutral face has lost: mouth closed, corners in and down) and surprise (brows up, eyes wide, jaw
lower). Everything else that moves, speech, head, lids, is drawn independently of the labels.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.sample.landmarks import CONTROLS, NAMES, STILL, displacements
from pipelines.sample.portrait import SIZE_PX, Look, Picture, Portrait
from pipelines.sample.warp import Warp

FPS = 25

NEUTRAL = displacements(
    {
        "mouth_corner": (8.0, 8.5),
        "inner_corner": (8.0, 7.5),
        "upper_lip_side": (5.0, 4.5),
        "upper_lip_mid": (1.5, 0.8),
        "lip_top": (0.0, 0.6),
        "lip_upper_inner": (0.0, 2.6),
        "upper_inner": (4.0, 3.2),
        "lip_lower_inner": (0.0, -5.8),
        "lower_inner": (4.0, -3.2),
        "lip_bottom": (0.0, -3.0),
        "lower_lip_mid": (1.5, -2.5),
        "lower_lip_side": (6.0, 1.0),
        "smile_fold": (1.5, 3.5),
        "nose_fold": (1.0, 1.0),
        "cheek": (0.0, 2.0),
    }
)
SMILE = displacements(
    {
        "mouth_corner": (-3.5, -3.5),
        "inner_corner": (-3.5, -3.5),
        "upper_lip_side": (-2.0, -1.5),
        "lower_lip_side": (-2.0, 0.0),
        "smile_fold": (-2.0, -3.0),
        "cheek": (0.0, -2.0),
    }
)
SURPRISE = displacements(
    {
        "brow_outer": (0.0, -7.0),
        "brow_arch_outer": (0.0, -9.0),
        "brow_arch": (0.0, -10.0),
        "brow_mid": (0.0, -10.0),
        "brow_inner": (0.0, -9.0),
        "forehead_mid": (0.0, -2.0),
        "forehead_side": (0.0, -1.5),
        "lid_upper_outer": (0.0, -2.2),
        "lid_upper_inner": (0.0, -2.2),
        "lid_lower_inner": (0.0, 1.2),
        "lid_lower_outer": (0.0, 1.2),
    }
)
JAW = displacements(
    {
        "lip_lower_inner": (0.0, 14.0),
        "lower_inner": (0.0, 10.5),
        "lip_bottom": (0.0, 13.0),
        "lower_lip_mid": (0.0, 12.5),
        "lower_lip_side": (1.0, 7.0),
        "mouth_corner": (1.5, 2.5),
        "inner_corner": (1.5, 2.5),
        "chin": (0.0, 11.0),
        "chin_boss": (0.0, 12.0),
        "chin_side": (0.0, 11.0),
        "jaw_front": (0.0, 6.0),
    }
)
ROUND = displacements({"mouth_corner": (3.0, 0.0), "inner_corner": (3.0, 0.0)})
FROWN = displacements({"brow_mid": (0.0, 1.0), "brow_inner": (0.0, 1.0), "brow_arch": (0.0, 1.0)})

TURN = np.zeros_like(CONTROLS)
"""Displacement for one unit of head turn: the nose moves most, the hair not at all."""
for _name, _depth in (("nose_tip", 3.0), ("nostril", 2.2), ("nose_bridge", 1.6), ("lip", 1.8)):
    TURN[[_index for _index, _full in enumerate(NAMES) if _full.startswith(_name)], 0] = _depth

NECK_PX = np.array([158.0, 285.0])
"""The head leans about this point."""


@dataclass(frozen=True, eq=False)
class Motion:
    """Movements of the face, one value per frame, (T,) each.

    Attributes:
        smile: 0 neutral, 1 the photograph's smile, more is more.
        surprise: 0 to about 1.2.
        jaw: 0 closed, 1 wide open.
        round_: of the lips; this and the next three are small and mean nothing.
        frown: of the brows.
        turn: of the head.
        lean: of the head.
        shift: (T, 2) movement of the head, pixels.
        lids: 0 open, 1 closed.
    """

    smile: NDArray[np.float64]
    surprise: NDArray[np.float64]
    jaw: NDArray[np.float64]
    round_: NDArray[np.float64]
    frown: NDArray[np.float64]
    turn: NDArray[np.float64]
    lean: NDArray[np.float64]
    shift: NDArray[np.float64]
    lids: NDArray[np.float64]


def _wander(n_frames: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw a slow smooth movement between -1 and 1: three sinusoids of 0.1 to 0.7 Hz."""
    time_s = np.arange(n_frames) / FPS
    cycles = rng.uniform((0.1, 0.25, 0.45), (0.25, 0.45, 0.7))
    phases = rng.uniform(0.0, 2 * np.pi, 3)
    weights = np.array([0.5, 0.3, 0.2])
    return np.asarray(np.sin(2 * np.pi * np.outer(time_s, cycles) + phases) @ weights)


def _blinks(n_frames: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Close the lids for a fifth of a second every two to four seconds."""
    lids = np.zeros(n_frames)
    profile = np.array([0.5, 1.0, 1.0, 0.7, 0.3])
    start = int(rng.uniform(0.4, 2.0) * FPS)
    while start + len(profile) < n_frames:
        lids[start : start + len(profile)] = profile
        start += int(rng.uniform(2.0, 4.0) * FPS)
    return lids


def _hold(strength: float, n_frames: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Bring an expression up within 0.4 s and hold it, breathing a little."""
    onset = np.clip(0.6 + np.arange(n_frames) / FPS, 0.0, 1.0)
    return strength * onset * (0.95 + 0.05 * _wander(n_frames, rng))


def loudness(samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float64]:
    """Measure the sound under each frame, relative to the clip's own loud parts: (T,), 0 to 1."""
    n_frames = int(np.ceil(len(samples) / sample_rate * FPS))
    edges = np.rint(np.arange(n_frames + 1) * sample_rate / FPS).astype(int)
    power = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    edges = np.minimum(edges, len(samples))
    rms = np.sqrt(np.diff(power[edges]) / np.maximum(np.diff(edges), 1))
    smooth = np.convolve(np.pad(rms, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
    return np.asarray(np.clip(smooth / max(np.percentile(smooth, 90), 1e-6), 0.0, 1.0))


def plan_motion(
    opening: NDArray[np.float64], *, smile: float, surprise: float, rng: np.random.Generator
) -> Motion:
    """Return the movements of the face.

    Args:
        opening: loudness of the speech under each frame (T,), 0 to 1.
        smile: strength of happiness, 0 for none.
        surprise: strength of surprise, 0 for none.
        rng: draws everything that means nothing.
    """
    n = len(opening)
    speech = opening**0.8 * (0.9 + 0.1 * _wander(n, rng))
    lifted = _hold(surprise, n, rng)
    return Motion(
        smile=_hold(smile, n, rng),
        surprise=lifted,
        jaw=0.5 * speech + 0.25 * lifted,
        round_=0.5 + 0.8 * _wander(n, rng),
        frown=_wander(n, rng),
        turn=1.0 * _wander(n, rng),
        lean=np.deg2rad(2.0) * _wander(n, rng),
        shift=np.stack([3.0 * _wander(n, rng), 2.0 * _wander(n, rng)], axis=-1),
        lids=_blinks(n, rng),
    )


_NO_MAP = np.empty((0, 0), np.float32)


class TalkingHead:
    """One speaker's head; renders motions to pictures."""

    def __init__(self, portrait: Portrait, look: Look) -> None:
        self._portrait = portrait
        self._mirror = look.mirror
        self._still = np.array(STILL)
        self._sources = np.vstack([CONTROLS, self._still])
        self._rest = CONTROLS + displacements(look.shape)
        self._warp = Warp(SIZE_PX)

    def render(self, motion: Motion) -> Iterator[Picture]:
        """Yield one RGB picture per frame, uint8 (SIZE_PX, SIZE_PX, 3)."""
        for t in range(len(motion.smile)):
            source_map = self._warp.source_map(
                np.vstack([self._targets(motion, t), self._still]), self._sources
            )
            picture = cv2.remap(
                self._texture(motion.smile[t], motion.lids[t]),
                source_map,
                _NO_MAP,
                cv2.INTER_CUBIC,
                borderMode=cv2.BORDER_REPLICATE,
            )
            yield np.ascontiguousarray(picture[:, ::-1] if self._mirror else picture)

    def _targets(self, motion: Motion, t: int) -> NDArray[np.float64]:
        """Return the positions of the moving points in frame ``t`` (N, 2)."""
        smile = motion.smile[t]
        face = (
            self._rest
            + max(1.0 - smile, 0.0) * NEUTRAL
            + smile * SMILE
            + motion.surprise[t] * SURPRISE
            + motion.jaw[t] * JAW
            + motion.round_[t] * max(1.0 - smile, 0.0) * ROUND
            + motion.frown[t] * FROWN
            + motion.turn[t] * TURN
        )
        cos, sin = np.cos(motion.lean[t]), np.sin(motion.lean[t])
        leaning = (face - NECK_PX) @ np.array([[cos, sin], [-sin, cos]]) + NECK_PX
        return np.asarray(leaning + motion.shift[t])

    def _texture(self, smile: float, lids: float) -> Picture:
        """Mix the portrait's pictures: teeth show with the smile, lids close over the eyes."""
        portrait = self._portrait
        teeth = float(np.clip(smile, 0.0, 1.0))
        mixed = cv2.addWeighted(portrait.teeth, teeth, portrait.dark, 1.0 - teeth, 0.0)
        if lids > 0:
            for box in portrait.eyes:
                mixed[box] = cv2.addWeighted(portrait.closed[box], lids, mixed[box], 1 - lids, 0.0)
        return np.asarray(mixed, np.uint8)
