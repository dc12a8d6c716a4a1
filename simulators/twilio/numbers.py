"""Phone numbers in E.164: a plus, a country that does not start with 0, at most 15 digits."""

import re

E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
COUNTRIES = {
    "+1": "US",
    "+31": "NL",
    "+33": "FR",
    "+34": "ES",
    "+39": "IT",
    "+41": "CH",
    "+43": "AT",
    "+44": "GB",
    "+49": "DE",
    "+61": "AU",
    "+81": "JP",
    "+91": "IN",
}
"""Enough for FromCountry; Twilio leaves the field empty where it does not know."""


def is_number(text: str) -> bool:
    return E164.fullmatch(text) is not None


def country(number: str) -> str:
    return next((name for prefix, name in COUNTRIES.items() if number.startswith(prefix)), "")
