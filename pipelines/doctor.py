"""``mmemo doctor``: what is installed and ready, what is missing, and how to get it."""

import importlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

from mmemo import __version__
from mmemo.assets.resolve import ASSETS, cache_dir, describe
from mmemo.assets.shipped import DEFAULT, find_model, has_model
from mmemo.errors import AssetError, MmemoError

State = Literal["ok", "missing", "optional"]
DECODERS = ("h264", "hevc", "vp9", "av1", "mpeg4", "mjpeg", "aac", "mp3", "opus", "vorbis", "flac")
ENCODERS = ("libx264", "aac")
NATIVE = ("torch", "cv2", "av", "scipy", "numba", "pyarrow", "ctranslate2", "ai_edge_litert")
"""Modules with compiled parts, which may be installed and still fail to load."""


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        name: name of the thing checked.
        state: "ok"; "missing", something will fail without it; "optional", absent and only needed
            for the purpose in ``remedy``.
        detail: the result.
        remedy: how to fix it, empty if not needed.
    """

    name: str
    state: State
    detail: str
    remedy: str = ""


def examine() -> list[Finding]:
    """Return the checks of everything that a command may need, without changing anything."""
    return [
        *_machine(),
        *_packages(),
        *_native(),
        *_media(),
        *_model(),
        *_weights(),
        *_cache(),
    ]


def _machine() -> Iterator[Finding]:
    yield Finding("mmemo", "ok", f"{__version__}, Python {platform.python_version()}")
    yield Finding("system", "ok", f"{platform.platform()}, {os.cpu_count()} processors")
    import torch

    if torch.cuda.is_available():
        names = {torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())}
        bf16 = "bfloat16" if torch.cuda.is_bf16_supported() else "no bfloat16"
        free, total = torch.cuda.mem_get_info()
        memory = f"{free / 1e9:.0f} of {total / 1e9:.0f} GB free"
        yield Finding("GPU", "ok", f"{', '.join(sorted(names))} ({bf16}, {memory})")
    else:
        build = torch.version.cuda or "CPU"
        yield Finding(
            "GPU",
            "optional",
            f"none that PyTorch {torch.__version__} ({build} build) can use",
            "everything runs without one, more slowly",
        )


def _packages() -> Iterator[Finding]:
    """Compare the requirements of the package with the installed versions."""
    problems_of: dict[str, list[str]] = {}
    for line in importlib.metadata.requires("mmemo") or ():
        requirement = Requirement(line)
        extra = _extra_of(requirement)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        problems_of.setdefault(extra, [])
        try:
            installed = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            problems_of[extra].append(f"{requirement.name} is not installed")
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            problems_of[extra].append(
                f"{requirement.name} is {installed}, expected {requirement.specifier}"
            )
    for extra, problems in problems_of.items():
        name = f"packages [{extra}]" if extra else "packages"
        target = f"'mmemo[{extra}]'" if extra else "mmemo"
        if problems:
            state: State = "optional" if extra else "missing"
            yield Finding(name, state, "; ".join(problems), f"pip install {target}")
        else:
            yield Finding(name, "ok", "installed")


def _extra_of(requirement: Requirement) -> str:
    """Return the extra of a requirement, "" for none."""
    match = re.search(r"extra == ['\"]([^'\"]+)['\"]", str(requirement.marker or ""))
    return match[1] if match else ""


def _native() -> Iterator[Finding]:
    """Load modules with compiled parts: a system library may be missing or incompatible."""
    broken = []
    for name in NATIVE:
        try:
            importlib.import_module(name)
        except (ImportError, OSError) as error:
            broken.append(f"{name}: {' '.join(str(error).split())}")
    if broken:
        remedy = "reinstall them for this machine: pip install --force-reinstall mmemo"
        yield Finding("compiled parts", "missing", "; ".join(broken), remedy)
    else:
        yield Finding("compiled parts", "ok", f"{', '.join(NATIVE)} load")


def _media() -> Iterator[Finding]:
    import av

    for kind, names, mode in (("decoders", DECODERS, "r"), ("encoders", ENCODERS, "w")):
        absent = []
        for name in names:
            try:
                av.Codec(name, mode)  # type: ignore[arg-type]
            except ValueError:  # av's UnknownCodecError
                absent.append(name)
        available = [name for name in names if name not in absent]
        if absent:
            needed = "files in these codecs" if mode == "r" else "writing videos"
            remedy = (
                f"needed for {needed}; PyAV's wheels have them: pip install --force-reinstall av"
            )
            detail = f"{', '.join(available)}; not {', '.join(absent)}"
            yield Finding(kind, "optional", detail, remedy)
        else:
            yield Finding(kind, "ok", ", ".join(available))


def _model() -> Iterator[Finding]:
    """Check the model that is used by default."""
    name = f"model {DEFAULT}"
    if not has_model(DEFAULT):
        yield Finding(
            name,
            "optional",
            "not in this installation",
            "name a model that you trained, --run runs/mine, or one of the hub, "
            "--run hf://OWNER/NAME",
        )
        return
    encoder = _encoder_of(find_model(DEFAULT))
    if encoder in ASSETS and not describe(encoder).ready:
        yield Finding(name, "optional", f"needs {encoder}, not fetched yet", "fetched at first use")
        return
    from mmemo.checkpoint import load_checkpoint

    try:
        checkpoint = load_checkpoint(find_model(DEFAULT))
    except MmemoError as error:
        yield Finding(name, "missing", str(error), "pip install --force-reinstall mmemo")
        return
    synthetic = ", synthetic: a demonstration" if checkpoint.trained_on.demonstration else ""
    yield Finding(
        name,
        "ok",
        f"reads {' + '.join(checkpoint.model.modalities)}; learnt from "
        f"{checkpoint.trained_on.dataset} ({checkpoint.trained_on.clips} clips{synthetic})",
    )


def _encoder_of(folder: Path) -> str:
    """Return the pretrained encoder of a model, without fetching anything."""
    try:
        description = json.loads((folder / "checkpoint.json").read_text(encoding="utf-8"))
        return str(description["pretrained"]).partition(":")[0]
    except (OSError, ValueError, KeyError, TypeError):
        return ""  # loading the model reports the problem


def _weights() -> Iterator[Finding]:
    for name in ASSETS:
        asset_state = describe(name)
        if asset_state.ready:
            yield Finding(name, "ok", str(asset_state.folder))
        else:
            size = f"{asset_state.asset.size / 1e6:.0f} MB"
            yield Finding(
                name,
                "optional",
                f"not fetched yet ({size})",
                "fetched when first needed; `mmemo doctor --fetch` fetches all of them now",
            )


def _cache() -> Iterator[Finding]:
    try:
        folder = cache_dir()
    except AssetError as error:
        yield Finding("cache", "missing", str(error), "set MMEMO_CACHE to a folder")
        return
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(nearest).free
    missing = sum(ASSETS[name].size for name in ASSETS if not describe(name).ready)
    if os.access(nearest, os.W_OK) and free > 2 * missing:
        yield Finding("cache", "ok", f"{folder}, {free / 1e9:.0f} GB free")
    elif os.access(nearest, os.W_OK):
        yield Finding(
            "cache",
            "missing",
            f"{folder} has {free / 1e6:.0f} MB free, {2 * missing / 1e6:.0f} MB are needed to "
            "fetch the weights",
            "make room, or set MMEMO_CACHE to another folder",
        )
    else:
        yield Finding(
            "cache",
            "missing",
            f"{folder} cannot be written",
            "set MMEMO_CACHE to a folder that can",
        )
