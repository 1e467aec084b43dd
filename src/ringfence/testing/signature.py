"""How the carrier signs what it sends: HMAC-SHA1 over the address and the form, in base64.

Written for the sending side alone, apart from the server's check, so that neither can hide the other's mistake.
Rule: Twilio, "Security: validating requests"; for a socket the address is the `wss://` one of the instructions.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence

HEADER = "X-Twilio-Signature"


def sign(auth_token: str, url: str, form: Sequence[tuple[str, str]] = ()) -> str:
    """The header's value. A repeated field counts once for each distinct value, in sorted order."""
    text = url + "".join(name + value for name, value in sorted(set(form)))
    return base64.b64encode(hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()).decode()
