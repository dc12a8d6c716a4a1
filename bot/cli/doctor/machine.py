"""Has the machine a disk that lasts, some room on it, and the web address free?"""

import shutil
import socket
from collections.abc import Mapping

from bot.cli.doctor.checks import Check, fail, ok, warn
from bot.cli.place import Place
from bot.config import check_this_disk

LITTLE, TOO_LITTLE = 1 << 30, 100 << 20  # bytes


def checks(place: Place, environ: Mapping[str, str]) -> list[Check]:
    """The disk of the database."""
    folder = place.database.parent
    if not folder.is_dir():
        return [fail("disk", f"{folder} does not exist", f"mkdir -p {folder}")]
    problem = check_this_disk(place.config, environ)
    lasting = []
    if problem is not None and not place.dev:
        make = fail if problem.severity == "error" else warn
        lasting = [make("disk", problem.found, problem.fix)]
    return [*lasting, _room(place)]


def _room(place: Place) -> Check:
    free = shutil.disk_usage(place.database.parent).free
    detail = f"{free / 2**30:.1f} GB free at {place.database.parent}"
    if free < TOO_LITTLE:
        return fail("disk", detail, "make room: without it the bot takes no messages")
    return warn("disk", detail, "make room soon") if free < LITTLE else ok("disk", detail)


async def web(place: Place) -> list[Check]:
    """The address: free, or served by the bot that runs."""
    running = place.holder
    if running is not None and running.url:
        return [await _ready(running.url)]
    host, port = place.config.web.host, place.config.web.port
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return [ok("web address", f"{host}:{port} is free")]
    except OSError as error:
        return [
            fail("web address", f"{host}:{port}: {error.strerror}", "free it, or choose another: PORT=8001")
        ]


async def _ready(url: str) -> Check:
    import httpx

    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
            answer = (await http.get(f"{url}/readyz")).json()
            missing = [
                f"{each['name']} {each['detail']}".strip() for each in answer["checks"] if not each["ok"]
            ]
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        return fail(
            "web address", f"{url} does not answer: {error or type(error).__name__}", "look at the bot's log"
        )
    if missing:
        return warn("web address", f"{url} answers; not ready: {'; '.join(missing)}", "look at the bot's log")
    return ok("web address", f"{url} answers, and is ready")
