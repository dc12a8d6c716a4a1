"""All commands, in the order in which `bot --help` lists them."""

from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from bot.cli import (
    approvals,
    backup,
    chat,
    demo,
    doctor,
    mail,
    mail_setup,
    outbox,
    people,
    running,
    settings,
    slack,
    steering,
    threads,
)
from bot.cli.given import given_to

RUN, TALK, LOOK, TEND = "Run", "Talk", "Look and steer", "Set up and tend"

HELP = """Saywhen: one agent core, every channel, a person's word before anything risky.

`bot dev` needs nothing but itself; `bot chat` talks to it. Commands use DATABASE_URL if it is set, else a
running `bot dev` of this checkout, else saywhen.db. Every command takes --help, and --json for programs.
"""

app = typer.Typer(
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
thread = typer.Typer(no_args_is_help=True, help="One conversation: look, re-think, steer.")
people_app = typer.Typer(invoke_without_command=True, callback=people.people)
mail_app = typer.Typer(
    no_args_is_help=True, help="The mailbox: what came of its mails, and how to set it up."
)
slack_app = typer.Typer(no_args_is_help=True, help="What Slack needs to know of this bot.")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"saywhen {metadata.version('saywhen')}")
        raise typer.Exit


@app.callback()
def bot(
    context: typer.Context,
    root: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The folder of config.toml; else the current one if it has one, else the checkout.",
        ),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error comes from.")] = False,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Say which version this is.")
    ] = False,
) -> None:
    given = given_to(context)
    given.root, given.debug = root, debug


app.command("dev", rich_help_panel=RUN)(running.dev)
app.command("run", rich_help_panel=RUN)(running.run)
app.command("demo", rich_help_panel=RUN)(demo.demo)
app.command("chat", rich_help_panel=TALK)(chat.chat)
app.command("threads", rich_help_panel=LOOK)(threads.threads)
app.add_typer(thread, name="thread", rich_help_panel=LOOK)
app.command("approvals", rich_help_panel=LOOK)(approvals.approvals)
app.command("approve", rich_help_panel=LOOK)(approvals.approve)
app.command("reject", rich_help_panel=LOOK)(approvals.reject)
app.command("answer", rich_help_panel=LOOK)(approvals.answer)
app.command("tasks", rich_help_panel=LOOK)(approvals.tasks)
app.command("outbox", rich_help_panel=LOOK)(outbox.outbox)
app.command("doctor", rich_help_panel=TEND)(doctor.doctor)
app.command("config", rich_help_panel=TEND)(settings.config)
app.add_typer(people_app, name="people", rich_help_panel=TEND)
app.command("tools", rich_help_panel=TEND)(settings.tools)
app.command("prompts", rich_help_panel=TEND)(settings.prompts)
app.command("backup", rich_help_panel=TEND)(backup.backup)
app.add_typer(mail_app, name="mail", rich_help_panel=TEND)
app.add_typer(slack_app, name="slack", rich_help_panel=TEND)

thread.command("show")(threads.show)
thread.command("prompt")(threads.prompt)
thread.command("step")(steering.step)
thread.command("pause")(steering.pause)
thread.command("resume")(steering.resume)
thread.command("cancel")(steering.cancel)
people_app.command("token")(people.token)
people_app.command("link")(people.link)
mail_app.command("list")(mail.list_)
mail_app.command("show")(mail.show)
mail_app.command("retry")(mail.retry)
mail_app.command("login")(mail_setup.login)
mail_app.command("learn")(mail_setup.learn)
slack_app.command("manifest")(slack.manifest)
