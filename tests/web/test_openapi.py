"""The description of the API, judged as what it claims to be."""

import json
import subprocess
import sys
from typing import Any

import pytest

from ringfence.web import openapi

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi.document()


def references(value: object) -> set[str]:
    if isinstance(value, dict):
        own = {str(value["$ref"])} if "$ref" in value else set()
        return own.union(*(references(part) for part in value.values()))
    if isinstance(value, list):
        return set[str]().union(*(references(part) for part in value))
    return set()


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document) <= schemas


def test_no_schema_is_described_in_vain(document: dict[str, Any]) -> None:
    used = references(document) | {
        f"#/components/schemas/{name}" for name in ("MonitorMessage", "LiveMessage")
    }
    assert {f"#/components/schemas/{name}" for name in document["components"]["schemas"]} == used


def test_every_operation_has_words_and_a_name_of_its_own(document: dict[str, Any]) -> None:
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert all(operation.get("description") for operation in operations)
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))


def test_every_error_is_described_as_a_problem(document: dict[str, Any]) -> None:
    for path in document["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if status[0] in "45":
                    assert list(response["content"]) == ["application/problem+json"]


def test_guarded_operations_say_which_credentials_they_take(document: dict[str, Any]) -> None:
    assert document["paths"]["/api/v1/calls"]["get"]["security"] == [{"key": []}, {"session": []}]
    assert "security" not in document["paths"]["/healthz"]["get"]


def test_guarded_operations_say_which_role_they_need(document: dict[str, Any]) -> None:
    needed = {
        (method, path): operation["x-role"]
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if "security" in operation
    }
    assert needed["get", "/api/v1/calls"] == "viewer"
    assert needed["post", "/api/v1/calls/{call_sid}/feedback"] == "operator"
    assert needed["get", "/api/v1/audit"] == "admin"


def test_messages_of_the_sockets_are_told_apart_by_their_type(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name, first in (("MonitorMessage", "call.state"), ("LiveMessage", "live.state")):
        kinds = schemas[name]["discriminator"]["mapping"]
        assert {first, "transcript.update", "analysis.complete", "call.stopped"} <= set(kinds)


def test_it_is_printed_for_tools_that_make_types_of_it(document: dict[str, Any]) -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "ringfence.web.openapi"], capture_output=True, check=True, text=True
    ).stdout
    assert json.loads(printed) == json.loads(json.dumps(document))
