"""Which requests a server accepts: by host and by the page that sends them."""

import socket

import pytest
from made_server import detail, made_server


@pytest.fixture
def server(tmp_path):
    with made_server(tmp_path / "jobs") as made:
        yield made


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("127.0.0.1", 200),
        ("localhost:9999", 200),
        ("LOCALHOST", 200),
        ("[::1]:80", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost.evil.example", 403),
        ("10.0.0.7", 403),
        ("localhost@evil.example", 403),
        ("evil.example#localhost", 403),
        ("localhost:x", 403),
        ("", 403),
    ],
)
def test_a_foreign_host_is_refused(server, host, code):
    answer = server.client.get("/api/state", headers={"host": host})
    assert answer.status_code == code
    assert "recordings" in answer.text if code == 200 else "host" in detail(answer)


def test_a_request_without_a_host_is_refused(server):
    place = server.url.removeprefix("http://").split(":")
    with socket.create_connection((place[0], int(place[1]))) as raw:
        raw.sendall(b"GET /api/state HTTP/1.0\r\n\r\n")
        assert b" 403 " in raw.recv(1000).split(b"\r\n")[0]


def test_a_public_server_accepts_addresses_and_named_hosts(tmp_path):
    with made_server(tmp_path / "jobs", host="0.0.0.0", names=["box.example"]) as server:
        for host, code in [
            ("192.168.1.5:8000", 200),
            ("[fe80::1]:8000", 200),
            (socket.gethostname(), 200),
            ("Box.Example", 200),
            ("evil.example", 403),
        ]:
            answer = server.client.get("/api/state", headers={"host": host})
            assert answer.status_code == code, host


@pytest.mark.parametrize("method", ["POST", "DELETE", "GET"])
@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://localhost", "x"]
)
def test_another_sites_page_is_refused(server, method, origin):
    answer = server.client.request(method, "/api/recordings", headers={"origin": origin})
    assert answer.status_code == 403
    assert "another site" in detail(answer)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_sites_page_may_link_but_not_embed_or_request(server, site):
    embedding = {"sec-fetch-site": site, "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}
    assert server.client.get("/api/state", headers=embedding).status_code == 403
    following = {"sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert server.client.get("/", headers=following).status_code == 200
    assert server.client.post("/api/recordings", headers=following, json={}).status_code == 403


def test_the_own_page_is_accepted(server):
    own = {"origin": server.url, "sec-fetch-site": "same-origin"}
    body = {"name": "talk.mp4", "size": 5}
    assert server.client.post("/api/recordings", headers=own, json=body).status_code == 201
