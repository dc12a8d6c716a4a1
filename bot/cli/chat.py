"""`bot chat`: the terminal channel."""

import asyncio
import sys
from typing import Annotated

import typer

from bot.cli.given import AsJson, place_of


def chat(
    context: typer.Context,
    conversation: Annotated[
        str, typer.Option(metavar="NAME", help="Which conversation; a new name begins a new one.")
    ] = "terminal",
    as_json: AsJson = False,
) -> None:
    """Talk to the running bot. Reminders that come later are printed too; Ctrl-D ends.

    From a pipe: one message a line, each answered before the next is sent. It ends after the last answer, with 1
    if one of them got none. With --json every answer is a JSON document on a line of its own.

    ```
    bot chat
    echo "what time is it?" | bot chat --conversation morning
    ```
    """
    from bot.cli.conversation import Conversation
    from bot.cli.terminal import Terminal, read_pipe, talk

    place = place_of(context)
    terminal = Terminal(as_json=as_json, interactive=sys.stdin.isatty())
    talking = Conversation(
        place.database,
        place.config.channels.api.token,
        conversation,
        show=terminal.show,
        note=terminal.note,
    )
    answered = asyncio.run((talk if terminal.interactive else read_pipe)(talking, terminal))
    if not answered:
        raise typer.Exit(1)
