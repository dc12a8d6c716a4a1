"""`bot slack ...`: what Slack needs to know of this bot."""

import json
from typing import Annotated

import typer

from bot.cli.given import AsJson


def manifest(
    name: Annotated[str, typer.Option(help="What the app is called in Slack.")] = "Saywhen",
    url: Annotated[
        str, typer.Option(help="The bot's public address: Slack calls it there, and no socket is used.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Print the Slack app as JSON: paste it at api.slack.com/apps, "Create New App", "From a manifest".

    It asks for exactly what is built. Then install the app, and put its bot token (xoxb-...) and an app-level
    token with the scope connections:write (xapp-...) into .env as SLACK_BOT_TOKEN and SLACK_APP_TOKEN. With
    --url put the app's signing secret there instead of the app-level token, as SLACK_SIGNING_SECRET.

    ```
    bot slack manifest --name "Office bot"
    bot slack manifest --url https://bot.example.org
    ```
    """
    from channels.slack.manifest import manifest as made

    print(json.dumps(made(name, public_url=url), indent=2, ensure_ascii=False))
