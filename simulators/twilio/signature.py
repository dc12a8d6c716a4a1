"""X-Twilio-Signature: HMAC-SHA1 with the account's token over the URL and the sorted form."""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from urllib.parse import urldefrag

Form = tuple[tuple[str, str], ...]


def sign(url: str, form: Iterable[tuple[str, str]], token: str) -> str:
    """The fragment is Twilio's own business (its retry rules) and is neither sent nor signed."""
    text = urldefrag(url).url + "".join(name + value for name, value in sorted(set(form)))
    digest = hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()
