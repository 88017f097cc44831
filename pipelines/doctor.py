"""``mmemo doctor``: what is installed and ready, what is missing, and how to get it."""

import importlib.metadata
import os
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from mmemo import __version__
from mmemo.assets import ASSETS, cache_dir, describe
from mmemo.errors import AssetError

State = Literal["ok", "missing", "optional"]
DECODERS = ("h264", "hevc", "vp9", "av1", "mpeg4", "mjpeg", "aac", "mp3", "opus", "vorbis", "flac")
ENCODERS = ("libx264", "aac")
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)[^;]*(?:;.*extra\s*==\s*['\"]([^'\"]+)['\"])?")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: its name.
        state: "ok"; "missing", something will fail without it; "optional", absent and only needed
            for what ``remedy`` names.
        detail: what was found.
        remedy: what to do, empty if nothing.
    """

    what: str
    state: State
    detail: str
    remedy: str = ""


def examine() -> list[Finding]:
    """Look at everything that a command may need. Nothing is fetched or changed."""
    return [*_machine(), *_packages(), *_media(), *_weights(), *_cache()]


def _machine() -> Iterator[Finding]:
    yield Finding("mmemo", "ok", f"{__version__}, Python {platform.python_version()}")
    yield Finding("system", "ok", f"{platform.platform()}, {os.cpu_count()} processors")
    import torch

    if torch.cuda.is_available():
        names = {torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())}
        bf16 = "bfloat16" if torch.cuda.is_bf16_supported() else "no bfloat16"
        yield Finding("GPU", "ok", f"{', '.join(sorted(names))} ({bf16})")
    else:
        build = torch.version.cuda or "CPU"
        yield Finding(
            "GPU",
            "optional",
            f"none that PyTorch {torch.__version__} ({build} build) can use",
            "everything runs without one, more slowly",
        )


def _packages() -> Iterator[Finding]:
    """Compare what the package asks for with what is installed."""
    missing: dict[str, list[str]] = {}
    for line in importlib.metadata.requires("mmemo") or ():
        match = _REQUIREMENT.match(line)
        if match is None:
            continue
        name, extra = match[1], match[2] or ""
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.setdefault(extra, []).append(name)
        missing.setdefault(extra, [])
    for extra, names in missing.items():
        what = f"packages [{extra}]" if extra else "packages"
        target = f"'mmemo[{extra}]'" if extra else "mmemo"
        if names:
            state: State = "optional" if extra else "missing"
            yield Finding(
                what, state, f"not installed: {', '.join(names)}", f"pip install {target}"
            )
        else:
            yield Finding(what, "ok", "installed")


def _media() -> Iterator[Finding]:
    import av

    for what, names, mode in (("decoders", DECODERS, "r"), ("encoders", ENCODERS, "w")):
        absent = []
        for name in names:
            try:
                av.Codec(name, mode)  # type: ignore[arg-type]
            except ValueError:  # av's UnknownCodecError
                absent.append(name)
        there = [name for name in names if name not in absent]
        if absent:
            needed = "files in these codecs" if mode == "r" else "videos from `mmemo inspect`"
            remedy = (
                f"needed for {needed}; PyAV's wheels have them: pip install --force-reinstall av"
            )
            detail = f"{', '.join(there)}; not {', '.join(absent)}"
            yield Finding(what, "optional", detail, remedy)
        else:
            yield Finding(what, "ok", ", ".join(there))


def _weights() -> Iterator[Finding]:
    for name in ASSETS:
        report = describe(name)
        if report.ready:
            yield Finding(name, "ok", str(report.folder))
        else:
            size = f"{report.asset.size / 1e6:.0f} MB"
            yield Finding(
                name,
                "optional",
                f"not fetched yet ({size})",
                "fetched when first needed; `mmemo doctor --fetch` brings all of them now",
            )


def _cache() -> Iterator[Finding]:
    try:
        folder = cache_dir()
    except AssetError as error:
        yield Finding("cache", "missing", str(error), "set MMEMO_CACHE to a folder")
        return
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    if os.access(nearest, os.W_OK):
        yield Finding("cache", "ok", str(folder))
    else:
        yield Finding(
            "cache",
            "missing",
            f"{folder} cannot be written",
            "set MMEMO_CACHE to a folder that can",
        )
