"""`bot people`: who is known, their API tokens, and codes by which they add an address."""

import asyncio
import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.given import AsJson, given_to, place_of

if TYPE_CHECKING:
    from bot.cli.place import Place

Name = Annotated[str, typer.Argument(metavar="NAME", help="The person's name in [[people]].")]


def people(context: typer.Context, as_json: AsJson = False) -> None:
    """List the people the bot knows, and where each can be reached.

    Demo people live in the simulators and have no rights for anything real.

    ```
    bot people --json | jq '.people[] | select(.roles | index("operator")) | .name'
    ```
    """
    if context.invoked_subcommand is not None:
        return
    from bot.cli.output import note, print_json, print_table

    known = place_of(context).config.people
    if as_json:
        shown = [
            {
                **person.model_dump(mode="json", exclude={"api_token_hash"}),
                "has_token": person.api_token_hash is not None,
            }
            for person in known
        ]
        print_json({"people": shown})
        return
    if not known:
        note("nobody is known; config.toml says how to add [[people]]")
        return
    rows = [
        (
            person.name, ", ".join(person.roles), person.timezone or "",
            ", ".join(f"{channel} {address}" for channel, address in person.addresses.items()),
            person.quiet_hours or "", "yes" if person.api_token_hash else "", "demo" if person.demo else "",
        )
        for person in known
    ]  # fmt: skip
    print_table(("name", "roles", "time zone", "addresses", "quiet", "token", ""), rows)


def token(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Make a new API token for a person and print it once; the one before it no longer works.

    Whoever sends it is that person, with all their rights. Only its hash is kept, in config.local.toml. A running bot
    takes it without a restart.

    ```
    bot people token dora
    ```
    """
    from bot.cli.output import note, print_json, say

    made = _new_token(context, name)
    if as_json:
        print_json({"person": name, "token": made})
        return
    say(made)
    note(f"this is shown once: send it as Authorization: Bearer ..., and you are {name}")


def _new_token(context: typer.Context, name: str) -> str:
    from bot.cli.place import find_root
    from bot.config import load, token_hash
    from bot.config.people import new_token
    from bot.config.write_local import Change, write_person

    _known(place_of(context), name)
    root = find_root(given_to(context).root)
    made = new_token()
    write_person(
        root,
        Change(name, api_token_hash=token_hash(made)),
        check=lambda: load(root=root, environ=os.environ, look=True),
    )
    return made


def link(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Make a code by which a person adds one more address: they send `link CODE` from there.

    It holds for 15 minutes, works once, and only while this bot runs. It makes the sender that person: give it to
    nobody else.

    ```
    bot people link dora
    ```
    """
    from bot.cli.output import note, print_json, say

    place = place_of(context)
    _known(place, name)
    made = asyncio.run(_new_link(place, name))
    if as_json:
        print_json(made)
        return
    say(f"link {made['code']}")
    note(f"send this to the bot within 15 minutes, from the address that is to be {name}'s")


async def _new_link(place: "Place", name: str) -> dict[str, Any]:
    from bot.cli.acting import only_owner
    from bot.cli.client import NoBot, client

    if place.holder is None:
        raise NoBot
    async with client(place, person=only_owner(place)) as api:
        made: dict[str, Any] = await api.post(f"/api/people/{name}/link", {})
        return made


def _known(place: "Place", name: str) -> None:
    from bot.errors import StartError

    if place.config.person_by_name(name) is None:
        names = ", ".join(person.name for person in place.config.people) or "nobody"
        raise StartError(f'nobody is called "{name}"; there are {names}', code=1)
