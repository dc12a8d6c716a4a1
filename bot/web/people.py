"""POST /api/people/NAME/link: a code by which a person adds one more address."""

from typing import Annotated

from fastapi import APIRouter, Path

from bot.claims import LIFETIME, NoSuchPerson
from bot.config.people import OPERATOR, OWNER
from bot.web.callers import ANN, Caller
from bot.web.parts import BEARER, ByCaller, Parts
from bot.web.problems import Problem, documented
from bot.web.request_models import LinkOut
from bot.web.site import Site

Name = Annotated[str, Path(max_length=100, description="The person's name in [[people]].")]


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/api/people", tags=["people"], dependencies=[BEARER])

    @router.post("/{name}/link", summary="Make a code for one more address", responses=documented())
    async def link(name: Name, caller: ByCaller) -> LinkOut:
        """For operators and owners. Whoever sends `link CODE` to the bot becomes this person there; shown once."""
        if not may_link(caller, parts.site):
            raise Problem(403, "only an operator or owner may do this", found=caller.address)
        try:
            code = parts.site.new_link(name)
        except NoSuchPerson as error:
            raise Problem(404, str(error), found=name) from error
        return LinkOut(person=name, code=code, expires_in=int(LIFETIME.total_seconds()))

    return router


def may_link(caller: Caller, site: Site) -> bool:
    """Whoever may, could become anybody."""
    someone = site.people().get(caller.person)
    return caller == ANN or (someone is not None and bool(someone.roles & {OPERATOR, OWNER}))
