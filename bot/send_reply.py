"""The tool behind an answer that a person sees first: what was approved becomes the reply of its turn."""

from pydantic import BaseModel, Field

from bot.drafts import SEND_REPLY
from bot.tools import Stored, Tool, ToolContext


class ReplyArgs(BaseModel):
    to: str = Field(description="who gets it")
    text: str = Field(min_length=1, description="exactly as they shall read it")


async def _send_reply(args: ReplyArgs, ctx: ToolContext) -> Stored:
    """It leaves as the reply of the turn that the yes has started."""
    return Stored(args.text)


send_reply = Tool(
    SEND_REPLY,
    "an answer to somebody whom the configuration does not know",
    ReplyArgs,
    _send_reply,
    "stored",
    then="finish",
    offered=False,
)
