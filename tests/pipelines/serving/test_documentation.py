"""The description of the interface: complete, and without addresses of other sites."""

import re

import pytest
from made_server import made_server

from pipelines.serving.app import create_app


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with made_server(tmp_path_factory.mktemp("described")) as made:
        yield made


def test_every_route_is_described_with_what_it_takes(server):
    schema = server.client.get("/api/openapi.json").json()
    described = {
        (method.upper(), path) for path, methods in schema["paths"].items() for method in methods
    }
    app = create_app(server.jobs, {})
    routes = {
        (method, route.path)
        for route in app.routes
        for method in route.methods - {"HEAD"}
        if route.path.startswith(("/api/recordings", "/api/state", "/recordings"))
    }
    assert described == routes
    for methods in schema["paths"].values():
        for method, operation in methods.items():
            assert operation["description"]
            assert ("requestBody" in operation) == (
                method == "put" or operation["operationId"].startswith("announce")
            )
            assert {"4XX"} < set(operation["responses"])
            assert "422" not in operation["responses"]
    assert schema["security"] == [{"token": []}]


def test_a_program_can_follow_the_description(server):
    schema = server.client.get("/api/openapi.json").json()
    post = schema["paths"]["/api/recordings"]["post"]
    fields = post["requestBody"]["content"]["application/json"]["schema"]
    sample = {"string": "talk.mp4", "integer": 5}
    body = {name: sample[fields["properties"][name]["type"]] for name in fields["required"]}
    assert server.client.post("/api/recordings", json=body).status_code == 201


def test_the_page_names_every_route_and_loads_nothing_from_elsewhere(server):
    answer = server.client.get("/api")
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    for path in server.client.get("/api/openapi.json").json()["paths"]:
        assert path in answer.text
    links = re.findall(r'(?:href|src)="([^"]+)"', answer.text)
    assert all(link == "data:," or re.match(r"/(?!/)", link) for link in links)
    for link in links:
        if link != "data:,":
            assert server.client.get(link).status_code == 200
    assert "://" not in answer.text
