"""Who gets in: a token in the address or a header, and a cookie afterwards."""

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_server import detail, finished, made_server
from starlette.requests import Request

from mmemo.errors import ConfigError
from pipelines.serving.access import Access, check_token, new_token

TOKEN = "the-token-of-a-test"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with made_server(tmp_path_factory.mktemp("access"), token=TOKEN) as made:
        yield made


@pytest.fixture
def client(server):
    with httpx.Client(base_url=server.url) as fresh:
        yield fresh


def test_every_address_of_the_interface_needs_the_token(server, client):
    job = finished(server.jobs)
    for method, path in [
        ("GET", "/api/state"),
        ("HEAD", "/api/state"),
        ("GET", "/api"),
        ("GET", "/api/openapi.json"),
        ("OPTIONS", "/api/state"),
        ("POST", "/api/recordings"),
        ("DELETE", "/api/recordings"),
        ("PUT", f"/api/recordings/{job.id}/media"),
        ("PUT", f"/api/recordings/{job.id}/transcript"),
        ("POST", f"/api/recordings/{job.id}/cancel"),
        ("DELETE", f"/api/recordings/{job.id}"),
        ("GET", f"/recordings/{job.id}/report"),
        ("GET", f"/recordings/{job.id}/recording"),
        ("GET", f"/recordings/{job.id}/files/csv"),
        ("GET", "/no/such/path"),
        ("GET", "//assets/main.js"),
        ("GET", "/assets/../api/state"),
        ("POST", "/assets/main.js"),
    ]:
        answer = client.request(method, path)
        assert answer.status_code == 401, (method, path)
        assert answer.headers["www-authenticate"].startswith("Bearer")
        if method != "HEAD":
            assert "Bearer TOKEN" in detail(answer)
    assert server.jobs.find(job.id) is job


def test_the_page_says_how_to_get_in_and_shows_nothing_else(client):
    answer = client.get("/")
    assert answer.status_code == 401
    assert "address that mmemo serve printed" in answer.text
    assert "script" not in answer.text
    assert TOKEN not in answer.text
    assert client.get("/assets/serve.css").status_code == 200


def test_the_printed_address_sets_a_cookie_and_hides_the_token(client):
    answer = client.get("/", params={"token": TOKEN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert TOKEN not in cookie
    assert client.get("/").status_code == 200
    assert client.get("/api/state").status_code == 200


def test_a_cookie_of_another_server_does_not_count(client, tmp_path):
    with made_server(tmp_path / "other", token="another-token") as other:
        with httpx.Client(base_url=other.url) as visitor:
            visitor.get("/", params={"token": "another-token"})
            client.cookies = visitor.cookies
    assert client.get("/api/state").status_code == 401


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (f"Bearer {TOKEN}x", 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        (f"Basic {TOKEN}", 401),
        (TOKEN, 401),
        ("Bearer", 401),
        ("", 401),
    ],
)
def test_programs_send_a_header(client, header, status):
    assert client.get("/api/state", headers={"authorization": header}).status_code == status


@settings(max_examples=200)
@given(st.binary(max_size=40), st.sampled_from(["authorization", "cookie", "query"]))
def test_nothing_but_the_token_gets_in(content, place):
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
    if place == "query":
        scope["query_string"] = b"token=" + content
    else:
        scope["headers"] = [(place.encode(), b"Bearer " * (place == "authorization") + content)]
    answer = Access(None, new_token())._answer(Request(scope))
    assert answer is not None
    assert answer.status_code == 401


def test_a_ticket_is_good_for_one_use():
    access = Access(None, TOKEN)
    query = f"token={access.ticket()}".encode()
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": query}
    assert [access._answer(Request(scope)).status_code for _ in range(2)] == [303, 401]


@pytest.mark.parametrize(
    "token", ["", "short", "has blanks in it", "a&b=c&d=e#f", "ключ-ключ", "x" * 9 + "\n"]
)
def test_a_token_that_an_address_would_quote_is_refused_without_showing_it(token):
    with pytest.raises(ConfigError, match="MMEMO_TOKEN: expected") as raised:
        check_token(token, "MMEMO_TOKEN")
    assert not token or token not in str(raised.value)


def test_random_tokens_are_accepted_as_fixed_ones():
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(check_token(token, "--token") == token for token in tokens)
