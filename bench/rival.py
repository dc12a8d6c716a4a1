"""What people would build instead: slack-bolt and pydantic-ai, one tool, the conversation kept in memory.

It keeps nothing over a restart, answers an event twice that Slack delivers twice, and its prompts grow for ever.
"""

import asyncio
import os
from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp, AsyncSay
from slack_sdk.web.async_client import AsyncWebClient

provider = AnthropicProvider(
    api_key=os.environ["ANTHROPIC_API_KEY"], base_url=os.environ["ANTHROPIC_BASE_URL"]
)
agent = Agent(
    AnthropicModel("claude-sonnet-5-5", provider=provider),
    system_prompt="You are an assistant that people reach by chat. Answer short and plain.",
    model_settings={"max_tokens": 1024},  # as ours; without it pydantic-ai streams, which costs more
)


@agent.tool_plain
async def current_time(timezone: str) -> str:
    """The date and time in a time zone."""
    return datetime.now(ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M:%S, %A")


async def main() -> None:
    client = AsyncWebClient(token=os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"])
    app = AsyncApp(client=client)
    conversations: dict[str, list[ModelMessage]] = {}

    @app.event("app_mention")
    async def answer(event: dict[str, str], say: AsyncSay) -> None:
        thread = event.get("thread_ts") or event["ts"]
        result = await agent.run(event["text"], message_history=conversations.get(thread))
        conversations[thread] = result.all_messages()
        await say(text=result.output, thread_ts=thread)

    handler = AsyncSocketModeHandler(app, os.environ["SLACK_APP_TOKEN"], web_client=client)
    await handler.start_async()  # type: ignore[no-untyped-call]  # slack-bolt says so


if __name__ == "__main__":
    asyncio.run(main())
