"""The recording in the page: embedded as it is, as a smaller copy, or linked by its name."""

import base64
import io
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import av

from extractors.base import Sound
from extractors.media import decode, probe, read_sound
from mmemo.errors import ClipError
from pipelines.movies.writer import SAMPLE_RATE_HZ, Movie

MEGABYTE = 1_000_000
PREVIEW_SIDE, PREVIEW_FPS = 480, 25.0
PREVIEW_BYTES_PER_S = 60_000
"""Usual upper bound of such a copy's size, to estimate beforehand whether it would fit."""

_CONTAINERS = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".webm": "video/webm",
    ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".ogg": "audio/ogg",
    ".flac": "audio/flac",
}
_CODECS = {
    "video/mp4": {"h264", "aac", "mp3"},
    "video/webm": {"vp8", "vp9", "av1", "libdav1d", "opus", "vorbis"},
    "audio/mp4": {"aac"},
    "audio/mpeg": {"mp3", "mp3float"},
    "audio/wav": {"pcm_s16le"},
    "audio/ogg": {"opus", "vorbis"},
    "audio/flac": {"flac"},
}
_PIXELS = {"yuv420p", "yuvj420p"}


@dataclass(frozen=True)
class Player:
    """The recording that the page plays.

    Attributes:
        kind: "video", "audio", or "none" where nothing can be played.
        source: a data URI or a relative address; "" for "none".
        note: a remark for the reader; "" if there is none.
    """

    kind: str
    source: str
    note: str = ""


def player_of(media: Path, page_folder: Path, *, limit_mb: float = 20.0) -> Player:
    """Return ``embed`` of a recording, or ``link`` where the limit is 0."""
    return embed(media, page_folder, limit_mb=limit_mb) if limit_mb else link(media, page_folder)


def embed(media: Path, page_folder: Path, *, limit_mb: float = 20.0) -> Player:
    """Embed a recording in the page, or link it where it is too large.

    A file within the limit that browsers play is embedded unchanged. Otherwise a smaller copy is
    embedded, if it is within the limit. Otherwise the page links the file, which must not be moved.

    Args:
        media: the recording.
        page_folder: the folder of the page.
        limit_mb: most megabytes to embed, counted before base64, which adds a third.

    Raises:
        ClipError: the file cannot be read.
    """
    limit = round(limit_mb * MEGABYTE)
    info = probe(media)
    kind = "video" if info.has_picture else "audio"
    mime = playable_as(media)
    if mime is not None and media.stat().st_size <= limit:
        return Player(kind, _data_uri(media.read_bytes(), mime))
    if info.duration_s * PREVIEW_BYTES_PER_S <= limit:
        copy = _preview(media)
        if len(copy) <= limit:
            return Player(kind, _data_uri(copy, f"{kind}/mp4"), "A smaller copy of the recording.")
    if mime is None:
        return Player(
            "none",
            "",
            f"{media.name} is too long to embed, and of a kind that browsers do not play.",
        )
    return link(media, page_folder)


def link(media: Path, page_folder: Path) -> Player:
    """Link the recording by its path relative to the page.

    Raises:
        ClipError: the file cannot be read, or is on another drive than the page.
    """
    try:
        address = os.path.relpath(media.resolve(), page_folder.resolve())
    except ValueError:
        raise ClipError(f"{media}: expected a file on the same drive as the page") from None
    kind = "video" if probe(media).has_picture else "audio"
    note = f"Played from {media.name}, which is not part of this page: keep them together."
    # "./" keeps a name with a colon from being read as a scheme.
    return Player(kind, "./" + quote(os.fsencode(Path(address).as_posix())), note)


def playable_as(media: Path) -> str | None:
    """Return the MIME type of a file that every browser plays; None if some do not."""
    mime = _CONTAINERS.get(media.suffix.lower())
    if mime is None:
        return None
    try:
        with av.open(str(media)) as container:
            streams: list[Any] = [*container.streams.video, *container.streams.audio]
            playable = all(s.codec_context.name in _CODECS[mime] for s in streams)
            common = all(s.codec_context.pix_fmt in _PIXELS for s in container.streams.video)
    except (OSError, ValueError):
        return None
    return mime if streams and playable and common else None


def _preview(media: Path) -> bytes:
    """Return a copy of at most ``PREVIEW_SIDE`` pixels per side that every browser plays."""
    info = probe(media)
    if not info.has_picture:
        return _sound_copy(media)
    scale = min(1.0, PREVIEW_SIDE / max(info.width, info.height, 1))
    width, height = (max(2, 2 * int(side * scale / 2 + 1e-6)) for side in (info.width, info.height))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "preview.mp4"
        fps = min(info.fps or PREVIEW_FPS, PREVIEW_FPS)
        with Movie(path, width, height, fps, sound=info.has_sound) as movie:
            for item in decode(media, SAMPLE_RATE_HZ, fps=PREVIEW_FPS, max_side=PREVIEW_SIDE):
                if isinstance(item, Sound):
                    movie.play(item)
                else:
                    movie.show(item.image[:height, :width], item.time_s)
        return path.read_bytes()


def _sound_copy(media: Path) -> bytes:
    sound = read_sound(media, SAMPLE_RATE_HZ)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=SAMPLE_RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound.samples[None], "fltp", "mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE_HZ, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def _data_uri(content: bytes, mime: str) -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"
