"""Figures for Prometheus. Labels are routes, methods and statuses: never a number, a name or an id.

`/metrics` needs a key of role `viewer` like every other door; Prometheus sends one with
`authorization: {credentials_file: …}`. There is no exception for local clients: behind a reverse proxy on the
same machine the whole world would be local.
"""

import time
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringfence.access.roles import Principal, Role
from ringfence.web.auth import Guard
from ringfence.web.problems import REFUSALS
from ringfence.web.services import Services

UNKNOWN_ROUTE = "unknown"


class Metrics:
    """One an application, with a registry of its own."""

    def __init__(self, services: Services) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "ringfence_http_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "ringfence_http_request_seconds", "Time to answer.", ("route",), registry=self.registry
        )
        self.sockets = Gauge("ringfence_sockets", "Open WebSockets.", ("route",), registry=self.registry)
        self._gauge("ringfence_active_calls", "Calls heard now.", lambda: services.switchboard.active_calls)
        self._gauge("ringfence_accepting_calls", "0 while draining.", lambda: services.switchboard.accepting)
        build = Gauge("ringfence_build", "What runs.", ("version", "detector"), registry=self.registry)
        build.labels(services.version, services.detector_version).set(1)

    def _gauge(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        Gauge(name, meaning, registry=self.registry).set_function(value)


class Measuring:
    """ASGI middleware that counts. It asks for the route when the answer is out: then it has been found."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._request(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = 500
        begun_s = time.perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            route = _route(scope)
            self._metrics.requests.labels(_method(scope), route, str(status)).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - begun_s)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        counted: str | None = None

        async def sending(message: Message) -> None:
            nonlocal counted
            if message["type"] == "websocket.accept" and counted is None:
                counted = _route(scope)
                self._metrics.sockets.labels(counted).inc()
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            if counted is not None:
                self._metrics.sockets.labels(counted).dec()


def router(metrics: Metrics, guard: Guard) -> APIRouter:
    doors = APIRouter(tags=["health"])

    @doors.get(
        "/metrics",
        response_class=Response,
        responses={**REFUSALS, 200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def figures(viewer: Annotated[Principal, Depends(guard.needs(Role.VIEWER))]) -> Response:
        """Figures in Prometheus' text format."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return doors


def _route(scope: Scope) -> str:
    """The route's pattern, such as `/api/v1/calls/{call_sid}`; never the address itself."""
    return str(getattr(scope.get("route"), "path", UNKNOWN_ROUTE))


def _method(scope: Scope) -> str:
    """Methods are invented by clients; the label is not."""
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return scope["method"] if scope["method"] in known else "other"
