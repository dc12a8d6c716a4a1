"""What a value in Slack's JSON has to look like to be taken; anything else reads as absent."""

import re

from bot.payloads import Json as Json, items as items, mapping as mapping, string as string

ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
TS = re.compile(r"[0-9]{1,20}\.[0-9]{1,20}")


def id_in(value: Json, key: str) -> str:
    found = string(value, key)
    return found if ID.fullmatch(found) else ""


def ts_in(value: Json, key: str) -> str:
    found = string(value, key)
    return found if TS.fullmatch(found) else ""
