"""`bot slack ...`: what Slack needs to know of this bot."""

import json
from typing import Annotated

import typer

from bot.cli.given import AsJson


def manifest(
    name: Annotated[str, typer.Option(help="What the app is called in Slack.")] = "Saywhen",
    as_json: AsJson = False,
) -> None:
    """Print the Slack app as JSON: paste it at api.slack.com/apps, "Create New App", "From a manifest".

    It asks for exactly what is built. Then install the app, and put its bot token (xoxb-...) and an app-level
    token with the scope connections:write (xapp-...) into .env as SLACK_BOT_TOKEN and SLACK_APP_TOKEN.

    ```
    bot slack manifest --name "Office bot"
    ```
    """
    from channels.slack.manifest import manifest as made

    print(json.dumps(made(name), indent=2, ensure_ascii=False))
