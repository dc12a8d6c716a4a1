"""The simulators at the bot's own address, in `bot dev` only: requests to /sim go there and come back."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response

from bot.web.problems import Problem

if TYPE_CHECKING:
    import httpx  # `bot run` does not need it, and it takes a third of a second to import

TIMEOUT = 30.0  # seconds
KEPT = ("content-type", "location", "content-security-policy", "cache-control", "retry-after")


class SimProxy:
    """Passes requests on. The gate has looked at Host, Origin and type; cookies and tokens stay here."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._client: httpx.AsyncClient | None = None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    def routes(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        router.add_api_route("/sim", self._pass, methods=methods)
        router.add_api_route("/sim/{rest:path}", self._pass, methods=methods)
        return router

    async def _pass(self, request: Request) -> Response:
        import httpx

        raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
        path = raw.decode("latin-1").split("?")[0]
        if ".." in request.url.path.split("/"):
            raise Problem(404, "there is no such page", found=path)
        query = f"?{request.url.query}" if request.url.query else ""
        headers = {
            name: request.headers[name] for name in ("content-type", "accept") if name in request.headers
        }
        try:
            answer = await self._http().request(
                request.method, f"{self._origin}{path}{query}", content=await request.body(), headers=headers
            )
        except httpx.TransportError as error:
            why = "the simulators do not answer; bot dev starts them again by itself"
            raise Problem(502, why, found=type(error).__name__, headers={"Retry-After": "1"}) from error
        kept = {name: answer.headers[name] for name in KEPT if name in answer.headers}
        return Response(answer.content, answer.status_code, headers=kept)

    def _http(self) -> "httpx.AsyncClient":
        import httpx

        # trust_env: a proxy of the environment has no business between us and our own children
        self._client = self._client or httpx.AsyncClient(timeout=TIMEOUT, trust_env=False)
        return self._client
