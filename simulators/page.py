"""GET /sim: one page on which you are the simulated people; each simulator brings a pane."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

HERE = Path(__file__).parent
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
TEMPLATES = Environment(
    loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


@dataclass(frozen=True)
class Pane:
    """One channel on the page. `key` names its script actions and its part of /sim/."""

    key: str
    title: str
    html: Callable[[], str]


def render(template: str, **values: object) -> Markup:
    # The templates escape every value that is not markup already.
    return Markup(TEMPLATES.get_template(template).render(**values))  # noqa: S704 - autoescaped by its template


def add_routes(app: web.Application, panes: Sequence[Pane]) -> None:
    async def page(_request: web.Request) -> web.Response:
        html = render("sim.html", panes=[{"key": p.key, "title": p.title, "html": p.html()} for p in panes])
        return web.Response(text=html, content_type="text/html", headers=HEADERS)

    app.router.add_get("/sim", page)
    app.router.add_get("/sim/", page)
    app.router.add_static("/sim/static", HERE / "static")
