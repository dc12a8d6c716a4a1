"""Files that people send: what they are called, what they are, and what of them the model gets to see.

A process that only reads files needs no more than this; `bot.files.shown` makes blocks of them.
"""

from bot.files.attachment import (
    LARGEST_READ as LARGEST_READ,
    Attachment as Attachment,
    attachment as attachment,
    is_read as is_read,
    unread as unread,
)
from bot.files.names import LONGEST_NAME as LONGEST_NAME, shown_name as shown_name
