"""As whom the shell acts, and how a running bot knows: by the secret of the database, which only its owner can read."""

from collections.abc import Iterable
from datetime import UTC, datetime

from bot.cli.place import Place
from bot.cli.reading import open_store
from bot.codes import Keys
from bot.config import Person
from bot.config.people import OWNER
from bot.errors import StartError
from bot.secrets import Secret


def actor(place: Place, name: str | None) -> str:
    """The person named with --as, else the only owner; raises StartError.

    Whether a demo person may act here is for the bot to say: they do in `bot dev` only.
    """
    people = place.config.people
    if name is not None:
        if place.config.person_by_name(name) is None:
            raise StartError(f'nobody is called "{name}"; there are {_names(people)}', code=1)
        return name
    if owner := only_owner(place):
        return owner
    raise StartError(f"say as whom you decide, with --as NAME; there are {_names(people)}", code=1)


def only_owner(place: Place) -> str:
    """The one real person with the role owner, else the one demo person; "" if there is none, or more than one."""
    owners = [person for person in place.config.people if OWNER in person.roles]
    real = [person.name for person in owners if not person.demo]
    found = real or [person.name for person in owners]
    return found[0] if len(found) == 1 else ""


async def proof_of(place: Place, person: str) -> Secret:
    """The token with which the shell is this person for a minute, on this machine."""
    from bot.web.shell import proof

    async with open_store(place) as store:
        keys = Keys(await store.secret())
    return Secret(proof(keys, person, datetime.now(UTC)))


def _names(people: Iterable[Person]) -> str:
    return ", ".join(person.name for person in people) or "nobody"
