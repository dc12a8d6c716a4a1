"""POST /webhooks/...: what providers tell us, handed to the channel it is for."""

from fastapi import APIRouter, Request, Response

from bot.ports import WebhookRequest
from bot.web.parts import Parts
from bot.web.problems import Problem


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.post("/webhooks/{path:path}")
    async def webhook(path: str, request: Request) -> Response:
        handler = parts.site.webhooks().get(path)
        if handler is None:
            raise Problem(404, "no channel that is on takes this webhook", found=path)
        called = WebhookRequest(
            method=request.method,
            path=request.url.path,
            query=request.url.query,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.body(),
        )
        answer = await handler(called, parts.site.receive)
        return Response(answer.body, answer.status, media_type=answer.content_type)

    return router
