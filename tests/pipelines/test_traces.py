"""Files do not leave this machine: no traffic, and no file outside the folders that were asked for.

The commands run in a fresh home, in a network namespace of their own where the system allows one:
there the kernel counts what native libraries try to send, which Python cannot see.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from plain_clips import first_clip

from mmemo.assets.resolve import cache_dir

ROOT = Path(__file__).resolve().parents[2]
OWN_NETWORK = ["unshare", "--map-root-user", "--net"]

PROGRAM = """
import socket
import sys
from pathlib import Path

def refuse(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        raise SystemExit(f"looked up {arguments}")
    if event in ("socket.connect", "socket.sendto") and arguments[0].family != socket.AF_UNIX:
        raise SystemExit(f"connected to {arguments[1:]}")

def sent():
    # Packets without a route are those that would have left; nothing of ours uses UDP.
    lines = Path("/proc/net/snmp").read_text().splitlines()
    tables = [line.split() for line in lines]
    counts = {
        f"{names[0]}{name}": int(count)
        for names, values in zip(tables[::2], tables[1::2])
        for name, count in zip(names[1:], values[1:])
    }
    # Connections beyond loopback have no route either.
    return {name: counts[name] for name in ("Ip:OutNoRoutes", "Udp:OutDatagrams")}

def main(own_network):
    before = sent() if own_network else {}
    RUN
    if own_network and sent() != before:
        raise SystemExit(f"sent something: {before} became {sent()}")
    print("nothing sent")

if __name__ == "__main__":
    main(sys.argv[1] == "True")
"""
COMMANDS = """
    sys.addaudithook(refuse)
    from pipelines.cli import main as mmemo
    media, data, run, out = sys.argv[2:]
    small = ["model.encoder.hidden=8", "model.encoder.heads=2", "train.epochs=1"]
    assert mmemo(["predict", media, "--run", run, "--json"]) == 0
    assert mmemo(["features", media, "--out", f"{out}/store"]) == 0
    assert mmemo(["train", "--set", *small, "--data", data, "--out", f"{out}/run"]) == 0
"""
SERVE = """
    import fcntl, json, re, signal, struct, subprocess, time
    from urllib.request import Request, urlopen
    media, run = sys.argv[2:]
    if own_network:  # its loopback is down at first; 0x8914 sets flags, and 1 is up
        with socket.socket() as any_socket:
            fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 1))
    server = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "serve", "--run", run, "--port", "0"],
        stdout=subprocess.PIPE, text=True,
    )
    address, token = re.search(r"(http://.*/).token=(.*)", server.stdout.readline()).groups()

    def ask(path, body=None, method=None):
        headers = {"authorization": f"Bearer {token}"}
        with urlopen(Request(address + path, body, headers, method=method)) as answer:
            return json.loads(answer.read() or "null")

    content = Path(media).read_bytes()
    announced = json.dumps({"name": "talk.mp4", "size": len(content)}).encode()
    job = ask("api/recordings", announced)["id"]
    ask(f"api/recordings/{job}/media", content, "PUT")
    while (state := ask("api/state")["recordings"][0]["state"]) in ("waiting", "running"):
        time.sleep(0.2)
    server.send_signal(signal.SIGINT)
    assert (state, server.wait()) == ("done", 0), state
"""
NATIVE_LOOK_UP = """
    import subprocess
    send = "import socket as s; s.socket(type=s.SOCK_DGRAM).sendto(b'?', ('192.0.2.1', 53))"
    subprocess.run([sys.executable, "-c", send], stderr=subprocess.DEVNULL)
"""


def has_own_network() -> bool:
    if shutil.which(OWN_NETWORK[0]) is None or not Path("/proc/net/snmp").exists():
        return False
    return subprocess.run([*OWN_NETWORK, "true"], capture_output=True).returncode == 0


def run_program(body, folder, *arguments):
    """Run a program in a fresh home; return its end and the places where it might leave traces."""
    places = {
        name: folder / name.lower()
        for name in (
            "HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"
        )
    }  # fmt: skip
    for place in (*places.values(), folder / "current"):
        place.mkdir()
    program = folder / "program.py"
    program.write_text(PROGRAM.replace("    RUN", body.strip("\n")))
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "MMEMO_CACHE": str(cache_dir()),
        "OMP_NUM_THREADS": "1",
        **{name: str(place) for name, place in places.items()},
    }
    own_network = has_own_network()
    command = [sys.executable, str(program), str(own_network), *map(str, arguments)]
    done = subprocess.run(
        [*OWN_NETWORK, *command] if own_network else command,
        cwd=folder / "current", env=environment, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    return done, (*places.values(), folder / "current")


def test_nothing_is_sent_and_no_file_is_left_elsewhere(
    corpus, corpus_features, small_run, tmp_path
):
    (tmp_path / "in").mkdir()
    # Without its transcript, so that the words are recognised.
    media = shutil.copy(first_clip(corpus), tmp_path / "in" / "talk.mp4")
    (tmp_path / "out").mkdir()
    done, places = run_program(
        COMMANDS, tmp_path, media, corpus_features, small_run, tmp_path / "out"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "nothing sent"
    # Torch makes an empty folder for a compiler that is not used.
    files = [path for place in places for path in place.rglob("*") if not path.is_dir()]
    assert files == []
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["talk.mp4"]


def test_serve_sends_nothing_and_leaves_no_file(corpus, small_run, tmp_path):
    (tmp_path / "in").mkdir()
    media = shutil.copy(first_clip(corpus), tmp_path / "in" / "talk.mp4")
    done, places = run_program(SERVE, tmp_path, media, small_run)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "nothing sent"
    assert [path for place in places for path in place.rglob("*") if not path.is_dir()] == []
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["talk.mp4"]


def test_a_datagram_of_native_code_would_be_noticed(tmp_path):
    if not has_own_network():
        pytest.skip("needs a network namespace")
    done, _ = run_program(NATIVE_LOOK_UP, tmp_path)
    assert "sent something" in done.stderr
