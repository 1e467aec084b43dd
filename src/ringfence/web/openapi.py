"""The API's own description: the doors, and the messages of the sockets, which OpenAPI has no place for.

`python -m ringfence.web.openapi` prints it; the console's types are made from it.
"""

import json
import sys
from importlib.metadata import version
from typing import Any, cast

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import TypeAdapter

from ringfence.web import schemas

DESCRIPTION = """\
Doors of a Ringfence server. Send `Authorization: Bearer KEY` with a key from `ringfence keys create`, or sign in to
the console with a link from `ringfence link`. Errors are problem documents (RFC 9457)."""

REF = "#/components/schemas/{model}"


def describe(app: FastAPI) -> dict[str, Any]:
    """Instead of FastAPI's own: socket messages among the schemas, problems under their media type."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=DESCRIPTION,
            routes=app.routes,
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        )
        components = document["components"]["schemas"]
        for name, message in (
            ("MonitorMessage", schemas.MonitorMessage),
            ("LiveMessage", schemas.LiveMessage),
        ):
            schema = TypeAdapter[Any](cast(Any, message)).json_schema(ref_template=REF, mode="serialization")
            components.update(schema.pop("$defs"))
            components[name] = schema
        for schema in components.values():
            schema.pop("additionalProperties", None)  # Fields may be added; no client shall refuse them.
        _say_problems(document)
        _say_roles(document, app)
        app.openapi_schema = document
    return app.openapi_schema


def _say_problems(document: dict[str, Any]) -> None:
    problem = {"application/problem+json": {"schema": {"$ref": REF.format(model="Problem")}}}
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if status.startswith(("4", "5")):
                    response["content"] = problem
    for leftover in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(leftover, None)


def _say_roles(document: dict[str, Any], app: FastAPI) -> None:
    """`x-role` of an operation: the lowest role that may ask."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and route.path in document["paths"]:
            for dependency in route.dependant.dependencies:
                if (role := getattr(dependency.call, "needed_role", None)) is not None:
                    for method in route.methods or ():
                        document["paths"][route.path][method.lower()]["x-role"] = str(role)


def document() -> dict[str, Any]:
    """The description without a running server: the doors are hung, and nothing is behind them."""
    from ringfence.web.asgi import create_asgi
    from ringfence.web.services import Services

    nothing = cast(Any, None)
    services = Services(
        version=version("ringfence"),
        detector_version="",
        public_url="http://127.0.0.1:8000",
        media_url="ws://127.0.0.1:8000",
        trusted_proxies=(),
        carrier=nothing,
        switchboard=nothing,
        calls=nothing,
        audio=nothing,
        access=nothing,
        audit=nothing,
        bus=nothing,
        clock=nothing,
        database=nothing,
    )
    return create_asgi(services).openapi()


if __name__ == "__main__":
    json.dump(document(), sys.stdout, indent=2, sort_keys=True)
    sys.stdout.write("\n")
