"""The slash command: what somebody asks with it, as a message to the bot. Pure."""

from dataclasses import dataclass

from bot.events import Block, Incoming, MessageReceived, Sender
from channels.slack.events import NAME, Identity
from channels.slack.mrkdwn import escape
from channels.slack.presses import TRIGGER, USER
from channels.slack.shapes import Json, id_in, string
from channels.slack.text import plain

COMMAND = "/saywhen"
LONGEST_ECHO = 3_000

USAGE = f"Write what you want to ask: `{COMMAND} what time is it in Vienna?`"
NOT_STORED = "This could not be stored just now. Please ask again in a moment."
NOT_TAKEN = "I may not take questions from you."
IN_OUR_DM = "I am not in this channel, so I answer in our direct messages."


@dataclass(frozen=True, slots=True)
class Command:
    """Who used it where, with which words. `trigger` is another each time."""

    team: str
    user: str
    display: str
    channel: str
    text: str
    trigger: str

    @property
    def in_channel(self) -> bool:
        return not self.channel.startswith("D")


@dataclass(frozen=True, slots=True)
class Where:
    """The conversation a command becomes part of: a DM, or the thread under the `root` that repeats it."""

    channel: str
    root: str = ""


def parse(payload: Json, *, me: Identity) -> Command | None:
    """The command in a payload; None for one that is nobody's."""
    user, trigger = id_in(payload, "user_id"), string(payload, "trigger_id")
    channel, team = id_in(payload, "channel_id"), id_in(payload, "team_id")
    if not (channel and team and USER.fullmatch(user) and TRIGGER.fullmatch(trigger)) or user == me.user:
        return None
    text = plain(string(payload, "text"), own=me.user, name=me.name)
    return Command(team, user, string(payload, "user_name"), channel, text, trigger)


def asked(command: Command, where: Where, *, me: Identity) -> Incoming:
    """The question as a message of whoever asked it."""
    thread = (me.team, where.channel, where.root) if where.root else (me.team, where.channel)
    key = ":".join((NAME, *thread)) if where.root else f"{NAME}:command:{command.user}:{command.trigger}"
    data = MessageReceived(
        place=key,
        blocks=(Block(source="person", text=command.text),),
        sender=Sender(channel=NAME, address=f"{command.team}/{command.user}", proof="provider"),
        display=command.display,
    )
    return Incoming(
        data=data,
        channel=NAME,
        dedupe=key,
        account=me.account,
        conversation=":".join(thread),
        destination="/".join(thread),
        direct=not where.root,
        outside=command.team != me.team,
    )


def repeated(command: Command) -> str:
    """The message in a channel under which the answer comes; it mentions nobody."""
    return escape(f"{command.display or 'Somebody'} asks: {command.text}"[:LONGEST_ECHO])


def echo(command: Command) -> str:
    """What the person sees in a DM, where Slack does not show what they typed."""
    return escape(f"You asked: {command.text}"[:LONGEST_ECHO])
