"""How much of one mail is looked at: what is larger is refused before anything is parsed."""

from bot.errors import SaywhenError

LONGEST_MAIL = 30 << 20
LONGEST_HEADER_BLOCK = 256 * 1024
LONGEST_HEADER = 100 * 1024
MOST_HEADERS = 1_000
DEEPEST = 30
MOST_PARTS = 1_000
MOST_DELIMITERS = 20_000
"""Lines that may be a boundary, over all levels."""

LONGEST_HTML = 600_000
LONGEST_TEXT = 200_000
MOST_ATTACHMENTS = 200
LONGEST_CALENDAR = 64 * 1024
LONGEST_TNEF = 15 << 20
MOST_NOTES = 50


class Unreadable(SaywhenError):
    """This mail cannot be read."""
