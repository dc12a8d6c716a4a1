"""Is it alive, is it ready, how is it doing: for supervisors, load balancers and Prometheus."""

from fastapi import APIRouter, Response

from bot.secrets import redact
from bot.web.models import CheckOut, Health, ReadyOut
from bot.web.parts import BEARER, Parts
from bot.web.problems import documented

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["health"])
    site = parts.site

    @router.get("/healthz", summary="The process is alive; asks neither the database nor a model")
    async def healthz() -> Health:
        return Health(status="ok", pid=site.pid, version=site.version)

    @router.get(
        "/readyz",
        summary="The store is healthy and every channel that is on is connected",
        responses={503: {"model": ReadyOut, "description": "Not ready; says what is missing"}},
    )
    async def readyz(response: Response) -> ReadyOut:
        found = site.ready()
        response.status_code = 200 if found.ready else 503
        return ReadyOut(
            status="ready" if found.ready else "not ready",
            missing=[check.name for check in found.checks if not check.ok],
            checks=[CheckOut(name=c.name, ok=c.ok, detail=redact(c.detail)) for c in found.checks],
        )

    @router.get(
        "/metrics",
        summary="Metrics for Prometheus; needs what reading the API needs",
        dependencies=[BEARER],
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **documented()},
    )
    async def metrics() -> Response:
        return Response(site.metrics(), media_type=PROMETHEUS)

    return router
