"""Where on earth: the places whose time the demo brain knows."""

import re
from collections.abc import Mapping

_ZONES = """
Europe/Berlin: berlin, germany, munich
Europe/Vienna: vienna
Europe/Zurich: zurich
Europe/Paris: paris, france
Europe/London: london, uk, england
Europe/Dublin: dublin
Europe/Lisbon: lisbon
Europe/Madrid: madrid, spain
Europe/Rome: rome, italy
Europe/Amsterdam: amsterdam
Europe/Brussels: brussels
Europe/Copenhagen: copenhagen
Europe/Stockholm: stockholm
Europe/Oslo: oslo
Europe/Helsinki: helsinki
Europe/Warsaw: warsaw
Europe/Prague: prague
Europe/Athens: athens
Europe/Istanbul: istanbul
Europe/Kyiv: kyiv
Europe/Moscow: moscow
America/New_York: new york, nyc, boston
America/Toronto: toronto
America/Chicago: chicago
America/Denver: denver
America/Los_Angeles: los angeles, san francisco, california, seattle
America/Vancouver: vancouver
America/Mexico_City: mexico city
America/Sao_Paulo: sao paulo
America/Argentina/Buenos_Aires: buenos aires
Africa/Cairo: cairo
Africa/Lagos: lagos
Africa/Nairobi: nairobi
Africa/Johannesburg: johannesburg
Asia/Dubai: dubai
Asia/Kolkata: mumbai, delhi, india
Asia/Bangkok: bangkok
Asia/Singapore: singapore
Asia/Hong_Kong: hong kong
Asia/Shanghai: shanghai, beijing, china
Asia/Tokyo: tokyo, japan
Asia/Seoul: seoul
Australia/Sydney: sydney
Australia/Melbourne: melbourne
Pacific/Auckland: auckland
Pacific/Honolulu: honolulu
UTC: utc, gmt
"""

PLACES: Mapping[str, str] = {
    place.strip(): zone
    for zone, places in (line.split(": ") for line in _ZONES.strip().splitlines())
    for place in places.split(",")
}
_ZONE = re.compile(r"[A-Za-z]+(?:/[A-Za-z_+-]+[0-9]*){1,2}")


def find_zone(place: str) -> str | None:
    """The IANA name of a place in our short list, or of something that is written like one."""
    place = " ".join(place.split()).strip(" ?.!,")
    known = {name.lower(): name for name in PLACES.values()}
    lowered = place.lower()
    named = PLACES.get(lowered.removeprefix("the ")) or known.get(lowered.replace(" ", "_"))
    return named or (place if _ZONE.fullmatch(place) else None)
