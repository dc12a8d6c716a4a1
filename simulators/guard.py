"""Who may use the control side of the simulators: this machine, and pages that came from here."""

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

METHODS_WITH_BODY = ("POST", "PUT", "PATCH")


def guard(*, hosts: Collection[str] = ()) -> Middleware:
    """For /sim and */control/*: loopback or configured Host, own Origin, JSON bodies. The rest passes."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        guarded = request.path == "/sim" or request.path.startswith("/sim/") or "/control/" in request.path
        refusal = _refusal(request, hosts) if guarded else None
        return refusal or await handler(request)

    return check


def _refusal(request: web.Request, hosts: Collection[str]) -> web.Response | None:
    host = urlsplit(f"//{request.host}").hostname or ""
    if not is_loopback(host) and host not in hosts:
        return refuse(
            403, "this Host is not allowed", found=request.host, allowed=["localhost", *sorted(hosts)]
        )
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None and urlsplit(origin).netloc != request.host:
        return refuse(
            403, "requests from another origin are not allowed", found=origin, allowed=[request.host]
        )
    if request.method in METHODS_WITH_BODY and request.content_type != "application/json":
        return refuse(415, "send JSON", found=request.content_type, allowed=["application/json"])
    return None


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse(status: int, error: str, *, found: object = None, allowed: object = None) -> web.Response:
    """The one shape of a refusal: what is wrong, what was found, what would be allowed."""
    return web.json_response({"ok": False, "error": error, "found": found, "allowed": allowed}, status=status)
