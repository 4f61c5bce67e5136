"""The agent's OpenAPI file is valid, and the real agent answers as it says."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from mapmedic.demo.service import LabService, Scenario
from tests.live.scenarios import ROOT

pytestmark = pytest.mark.live
API = "/debug/mapmedic/v1"
StartLab = Callable[[Scenario], LabService]


@cache
def contract() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "reference" / "agent-api.yaml").read_text())
    return loaded


def call(
    service: LabService, method: str, path: str, body: object | None = None, token: str | None = None
) -> tuple[int, Any]:
    request = urllib.request.Request(service.url + path, method=method)
    if (token if token is not None else service.token) != "":
        request.add_header("Authorization", f"Bearer {token if token is not None else service.token}")
    data = None
    if body is not None:
        data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    return answered(request, data)


def answered(request: urllib.request.Request, data: bytes | None) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(request, data, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def assert_as_written(template: str, method: str, status: int, answer: object) -> None:
    """Validate ``answer`` against the response schema that the contract has for it."""
    response = contract()["paths"][template][method.lower()]["responses"][str(status)]
    if "$ref" in response:
        response = contract()["components"]["responses"][response["$ref"].rsplit("/", 1)[-1]]
    schema = response["content"]["application/json"]["schema"]
    # References in the file are from its root, so the components come along.
    Draft202012Validator({"components": contract()["components"], **schema}).validate(answer)


def test_contract_is_valid_openapi() -> None:
    validate(contract())


def test_a_whole_operation_answers_as_written(start_lab: StartLab) -> None:
    service = start_lab(Scenario("struct-field", entries=500, rate=0))
    name = "main.UserSessionManager.sessions"
    request = {"map": name, "strategy": "swap"}
    for method, template, body, expected in [
        ("GET", f"{API}/maps", None, 200),
        ("GET", f"{API}/stats", None, 200),
        ("POST", f"{API}/plan", request, 200),
        ("POST", f"{API}/operations", {**request, "hold_seconds": 30}, 201),
        ("POST", f"{API}/operations", {**request, "hold_seconds": 30}, 409),
        ("GET", f"{API}/operations", None, 200),
    ]:
        status, answer = call(service, method, template, body)
        assert status == expected
        assert_as_written(template, method, status, answer)
    identity = call(service, "GET", f"{API}/operations")[1]["operations"][0]["id"]
    for verb, expected in (("undo", 200), ("commit", 409)):
        status, answer = call(service, "POST", f"{API}/operations/{identity}/{verb}", {})
        assert status == expected
        assert_as_written(f"{API}/operations/{{id}}/{verb}", "POST", status, answer)
    assert call(service, "GET", f"{API}/maps")[1]["maps"][0]["entries"] == 500


def test_a_backup_restores_what_was_committed(start_lab: StartLab) -> None:
    service = start_lab(Scenario("struct-field", entries=500, rate=0))
    name = "main.UserSessionManager.sessions"
    identity = call(service, "POST", f"{API}/operations", {"map": name, "strategy": "swap"})[1]["id"]
    bearer = {"Authorization": f"Bearer {service.token}"}
    entries = urllib.request.Request(f"{service.url}{API}/operations/{identity}/entries", headers=bearer)
    with urllib.request.urlopen(entries, timeout=60) as answer:
        backup, kind = answer.read(), answer.headers["Content-Type"]
    assert call(service, "POST", f"{API}/operations/{identity}/commit", {})[1]["dropped"] == 500
    for body, expected, restored in ((backup[:-1], 400, None), (backup, 200, 500), (backup, 200, 0)):
        request = urllib.request.Request(
            f"{service.url}{API}/restore?map={name}", headers={**bearer, "Content-Type": kind}, method="POST"
        )
        status, done = answered(request, body)
        assert status == expected, done
        assert_as_written(f"{API}/restore", "POST", status, done)
        assert done.get("restored") == restored
    assert call(service, "GET", f"{API}/maps")[1]["maps"][0]["entries"] == 500


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{API}/maps"), ("GET", f"{API}/stats"), ("POST", f"{API}/plan"),
        ("GET", f"{API}/operations"), ("POST", f"{API}/operations"), ("GET", f"{API}/operations/x"),
        ("GET", f"{API}/operations/x/entries"), ("POST", f"{API}/operations/x/commit"),
        ("POST", f"{API}/operations/x/undo"), ("POST", f"{API}/restore"), ("POST", "/debug/hotfix/clear-cache"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("token", ["", "wrong"])
def test_nobody_gets_in_without_the_token(
    method: str, path: str, token: str, lab_without_rate: LabService
) -> None:
    status, answer = call(lab_without_rate, method, path, {} if method == "POST" else None, token=token)
    assert status == 401
    assert answer["error"]["code"] == "unauthorized"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"map": "x" * 70_000, "strategy": "swap"}, 413),
        ({"map": "x" * 201, "strategy": "swap"}, 404),
        ({"map": "x", "strategy": "swap", "where": [{"on": "key", "op": "expired"}] * 9}, 400),
        ({"map": "x", "strategy": "s" * 1_000}, 404),
    ],
)
def test_bodies_and_names_are_bounded(
    body: dict[str, Any], expected: int, lab_without_rate: LabService
) -> None:
    status, answer = call(lab_without_rate, "POST", f"{API}/plan", body)
    assert status == expected
    assert_as_written(f"{API}/plan", "POST", status, answer)
    assert len(json.dumps(answer)) < 2_000


def test_the_guides_one_shot_clears_the_only_map(start_lab: StartLab) -> None:
    service = start_lab(Scenario("global-map", entries=500, rate=0))
    status, answer = call(service, "POST", "/debug/hotfix/clear-cache", {})
    assert status == 200
    assert_as_written("/debug/hotfix/clear-cache", "POST", status, answer)
    assert answer["dropped"] == 500


@pytest.fixture(scope="module")
def lab_without_rate(lab_binary: Any) -> Any:
    with LabService(lab_binary, Scenario("struct-field", entries=10, rate=0)) as service:
        yield service
