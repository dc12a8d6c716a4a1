"""Files that people share: kept by id, and served to the app for its token, as Slack does."""

import mimetypes
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import hdrs, web

from simulators.people import Person
from simulators.slack.arguments import Call
from simulators.slack.config import Json, SlackConfig
from simulators.slack.faults import Fault, Faults
from simulators.slack.limits import ApiError
from simulators.slack.methods import Method
from simulators.slack.state import SlackState, StoredFile

KEEP_FETCHED = 1_000
LOGIN_PAGE = (
    "<!DOCTYPE html><html><head><title>Slack</title></head><body>Sign in to your workspace</body></html>"
)


@dataclass(frozen=True)
class Upload:
    """A file on a person's computer; its type follows from the name unless it is given."""

    name: str
    content: bytes
    content_type: str = ""


@dataclass(frozen=True)
class Fetched:
    """One request for a file, for those who count."""

    name: str
    status: int
    authorization: str


class Files:
    def __init__(
        self, config: SlackConfig, state: SlackState, faults: Faults, *, timestamp: Callable[[], float]
    ) -> None:
        self._config = config
        self._state = state
        self._faults = faults
        self._timestamp = timestamp
        self.base_url = ""
        self.fetched: deque[Fetched] = deque(maxlen=KEEP_FETCHED)

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/slack/files-pri/{id}/{name}", self._serve)
        app.router.add_get("/slack/files-pri/{id}/download/{name}", self._serve)
        app.router.add_get("/slack/login", _login)
        app.router.add_get("/sim/slack/files/{id}", self._show)

    def methods(self) -> dict[str, Method]:
        return {"files.info": Method(self._info, "files:read")}

    def share(self, upload: Upload, owner: Person) -> Json:
        """Keep a file; returns what a message says about it."""
        guessed = mimetypes.guess_type(upload.name)[0] or "application/octet-stream"
        file_id = f"F{self._state.next_number('file'):010d}"
        self._state.put_file(
            StoredFile(
                file_id,
                upload.name,
                upload.content_type or guessed,
                owner.slack_user_id,
                int(self._timestamp()),
                upload.content,
            )
        )
        return self.about(file_id)

    def about(self, file_id: str) -> Json:
        """The file as Slack shows it, with addresses that want a token."""
        file = self._state.file(file_id)
        if file is None:
            raise ApiError("file_not_found")
        place = f"{self.base_url}/slack/files-pri/{self._config.team_id}-{file.id}"
        ending = file.name.rpartition(".")[2].lower() if "." in file.name else ""
        return {
            "id": file.id,
            "created": file.created,
            "timestamp": file.created,
            "name": file.name,
            "title": file.name,
            "mimetype": file.content_type,
            "filetype": ending or "binary",
            "pretty_type": ending.upper() or "Binary",
            "user": file.owner,
            "user_team": self._config.team_id,
            "editable": False,
            "size": len(file.content),
            "mode": "hosted",
            "is_external": False,
            "external_type": "",
            "is_public": True,
            "public_url_shared": False,
            "display_as_bot": False,
            "username": "",
            "url_private": f"{place}/{quote(file.name, safe='')}",
            "url_private_download": f"{place}/download/{quote(file.name, safe='')}",
            "permalink": f"https://{self._config.domain}.slack.com/files/{file.owner}/{file.id}/file",
            "has_rich_preview": False,
            "file_access": "visible",
        }

    def _info(self, call: Call) -> Json:
        (file_id,) = call.required("file")
        return {"file": self.about(file_id), "comments": [], "response_metadata": {"next_cursor": ""}}

    # ------------------------------------------------------------ who asks for the content

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        fault = self._faults.take("file")
        response = self._content(request) if fault is None else await self._fail(request, fault)
        authorization = request.headers.get(hdrs.AUTHORIZATION, "")
        self.fetched.append(Fetched(request.match_info["name"], response.status, authorization))
        return response

    async def _fail(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        """Only a status, or a connection that is cut, at once or after it hung."""
        if fault.kind.isdecimal():
            return web.Response(status=int(fault.kind))
        if fault.kind.startswith("hang"):
            await self._faults.hang()
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    def _content(self, request: web.Request) -> web.StreamResponse:
        token = request.headers.get(hdrs.AUTHORIZATION, "").removeprefix("Bearer ")
        if token not in self._config.bot_tokens or "files:read" not in self._config.scopes:
            # Slack does not refuse: it sends a browser, and anybody else, to its login.
            return web.Response(
                status=302, headers={hdrs.LOCATION: f"/slack/login?redir={quote(request.path)}"}
            )
        file = self._state.file(request.match_info["id"].rpartition("-")[2])
        if file is None:
            return web.Response(status=404, text="not found")
        return web.Response(body=file.content, headers={hdrs.CONTENT_TYPE: file.content_type})

    async def _show(self, request: web.Request) -> web.Response:
        """For the page, whose reader is at the simulated person's own Slack."""
        file = self._state.file(request.match_info["id"])
        if file is None:
            return web.Response(status=404, text="not found")
        is_image = file.content_type.startswith("image/") and "svg" not in file.content_type
        headers = {
            hdrs.CONTENT_TYPE: file.content_type if is_image else "application/octet-stream",
            hdrs.CONTENT_DISPOSITION: "inline" if is_image else "attachment",
            "X-Content-Type-Options": "nosniff",
        }
        return web.Response(body=file.content, headers=headers)


async def _login(_request: web.Request) -> web.Response:
    return web.Response(text=LOGIN_PAGE, content_type="text/html")
