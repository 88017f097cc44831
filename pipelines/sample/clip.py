"""Makes the files of one clip from its plan and its speech, in a worker process."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mmemo.files import write_atomically
from pipelines.sample.espeak import Espeak, Speech
from pipelines.sample.face import FPS, TalkingHead, loudness, plan_motion
from pipelines.sample.movie import write_movie
from pipelines.sample.plan import ClipPlan
from pipelines.sample.portrait import Picture, make_portrait, person_mask, photograph
from pipelines.sample.speakers import SPEAKERS
from pipelines.sample.voice import act, speak


def speak_all(plans: list[ClipPlan]) -> list[Speech]:
    """Return the speech of all clips; its bytes are reproducible in a fresh process only."""
    espeak = Espeak()
    return [speak(plan, espeak) for plan in plans]


def clip_maker(folder: Path) -> Callable[[tuple[ClipPlan, Speech]], str]:
    """Return the function that makes a clip, for one of several processes on a machine."""
    cv2.setNumThreads(1)
    return lambda task: make_clip(folder, *task)


def media_path(folder: Path, plan: ClipPlan) -> Path:
    """Return the path of a clip's media file."""
    return folder / f"{plan.id}.mp4"


def transcript_path(folder: Path, plan: ClipPlan) -> Path:
    """Return the path of a clip's transcript."""
    return folder / f"{plan.id}.json"


def is_made(folder: Path, plan: ClipPlan) -> bool:
    """Return whether both files of a clip exist; each is written whole or not at all."""
    return media_path(folder, plan).is_file() and transcript_path(folder, plan).is_file()


def make_clip(folder: Path, plan: ClipPlan, raw: Speech) -> str:
    """Write a clip's media and transcript; return its id."""
    speech = act(raw, plan)
    motion = plan_motion(
        loudness(speech.samples, speech.sample_rate),
        smile=plan.strength("happiness"),
        surprise=plan.strength("surprise"),
        rng=np.random.default_rng([plan.seed, 2]),
    )
    words = [
        {"text": word.text, "start": round(word.start, 3), "end": round(word.end, 3)}
        for word in speech.words
    ]
    transcript = json.dumps({"words": words}, indent=1) + "\n"
    write_atomically(transcript_path(folder, plan), transcript.encode())
    pictures = _head(plan.speaker.id).render(motion)
    write_movie(media_path(folder, plan), pictures, FPS, speech.samples, speech.sample_rate)
    return plan.id


@cache
def _photo_and_mask() -> tuple[Picture, NDArray[np.float32]]:
    photo = photograph()
    return photo, person_mask(photo)


@cache
def _head(speaker_id: str) -> TalkingHead:
    look = next(speaker.look for speaker in SPEAKERS if speaker.id == speaker_id)
    return TalkingHead(make_portrait(*_photo_and_mask(), look), look)
