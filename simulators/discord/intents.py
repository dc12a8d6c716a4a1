"""Gateway intents: which events a session asked for, and what it may read of them."""

from simulators.discord.config import MEMBERS, MESSAGE_CONTENT, PRESENCES, Json

GUILDS, CONTENT = 1 << 0, 1 << 15
PRIVILEGED = {MEMBERS: 1 << 1, PRESENCES: 1 << 8, MESSAGE_CONTENT: CONTENT}
ALL_BITS = sum(1 << bit for bit in (*range(17), 20, 21, 24, 25))

IN_GUILD = {
    "MESSAGE_CREATE": 1 << 9,
    "MESSAGE_UPDATE": 1 << 9,
    "MESSAGE_DELETE": 1 << 9,
    "MESSAGE_REACTION_ADD": 1 << 10,
    "MESSAGE_REACTION_REMOVE": 1 << 10,
    "TYPING_START": 1 << 11,
}
IN_DM = {name: bit << 3 for name, bit in IN_GUILD.items()}
ABOUT_GUILD = frozenset(
    {
        "GUILD_CREATE",
        "CHANNEL_UPDATE",
        "THREAD_CREATE",
        "THREAD_UPDATE",
        "THREAD_DELETE",
        "THREAD_MEMBERS_UPDATE",
    }
)


def not_granted(intents: int, granted: frozenset[str]) -> tuple[str, ...]:
    """The privileged intents that were asked for and that the app does not have."""
    return tuple(name for name, bit in PRIVILEGED.items() if intents & bit and name not in granted)


def wants(event: str, data: Json, intents: int) -> bool:
    if event in ABOUT_GUILD:
        return bool(intents & GUILDS)
    bit = (IN_GUILD if "guild_id" in data else IN_DM).get(event, 0)
    return not bit or bool(intents & bit)


def readable(message: Json, bot_id: int) -> bool:
    """May a bot without MESSAGE_CONTENT read a message of a server: its own, and one that mentions it."""
    own = message["author"]["id"] == str(bot_id)
    return own or any(user["id"] == str(bot_id) for user in message["mentions"])


def hidden(message: Json) -> Json:
    """The message as it is given to a bot that may not read it."""
    inner = message.get("referenced_message")
    more = {"referenced_message": hidden(inner)} if inner else {}
    return {**message, **more, "content": "", "embeds": [], "attachments": [], "components": []}
