"""POST /sign-in: the token once, in a form; then a cookie that proves it, without anything kept here."""

from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment
from starlette.requests import HTTPConnection

from bot.web.callers import COOKIE, HOW_TO_OPEN, SESSION, new_session, same
from bot.web.problems import Problem
from bot.web.site import Site

FORM = "application/x-www-form-urlencoded"


class SignIn:
    """The form, and what becomes of it."""

    def __init__(self, site: Site, templates: Environment) -> None:
        self._site = site
        self._template = templates.get_template("sign_in.html")

    def refused(self, connection: HTTPConnection, problem: Problem) -> Response:
        """Instead of an error: the form, if a person asks for a page and a token would help."""
        path = connection.url.path
        is_page = path in ("/", "/threads", "/approvals") or path.startswith("/threads/")
        wants_page = "text/html" in connection.headers.get("accept", "")
        if problem.status == 401 and is_page and wants_page and connection.scope["method"] == "GET":
            return self._form(problem.status, "", back=path)
        return problem.response

    def routes(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/sign-in", self._show, methods=["GET"])
        router.add_api_route("/sign-in", self._take, methods=["POST"])
        router.add_api_route("/sign-out", self._leave, methods=["POST"])
        return router

    async def _show(self) -> Response:
        return self._form(200, "", back="/")

    async def _take(self, request: Request) -> Response:
        kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind != FORM:
            raise Problem(415, "send the form of this page", found=kind, allowed=FORM)
        fields = parse_qs((await request.body()).decode(errors="replace"), max_num_fields=10)
        back = _own_page(fields.get("back", ["/"])[0])
        token = self._site.service_token()
        if token is None or not same(fields.get("token", [""])[0].strip(), token.reveal()):
            return self._form(401, HOW_TO_OPEN if token is None else "This is not the token.", back=back)
        answer = RedirectResponse(back, 303)
        answer.set_cookie(
            COOKIE,
            new_session(token, self._site.clock()),
            max_age=int(SESSION.total_seconds()),
            httponly=True,
            samesite="strict",
            secure=self._is_https(request),
        )
        return answer

    async def _leave(self) -> Response:
        answer = Response(status_code=204)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    def _form(self, status: int, error: str, *, back: str) -> HTMLResponse:
        possible = self._site.service_token() is not None
        error = error if possible else HOW_TO_OPEN
        body = self._template.render(error=error, possible=possible, back=back, version=self._site.version)
        return HTMLResponse(body, status)

    def _is_https(self, request: Request) -> bool:
        return request.url.scheme == "https" or self._site.public_url.startswith("https:")


def _own_page(path: str) -> str:
    """Only an address of this site: nobody is sent elsewhere after signing in."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() else "/"
