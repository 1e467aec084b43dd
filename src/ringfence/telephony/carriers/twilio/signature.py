"""Did Twilio send this? `X-Twilio-Signature`, as in "Security: validating requests" and the vendor's own package.

The header is base64 of HMAC-SHA1, keyed with the account's token, over the address as Twilio called it and, for a
form, every field sorted by name with each distinct value once. A JSON body is covered by its hash in the address.

The address is put together from the configured one and the raw target of the request, never from `Host` or a
forwarded header. Twilio has not been consistent about ports, so an address counts with its port and without.
"""

import base64
import hmac
from hashlib import sha1, sha256
from urllib.parse import parse_qs, urlsplit

from ringfence.contracts import FormFields, WebhookRequest
from ringfence.model.errors import WireFormatError
from ringfence.telephony.carriers.twilio.forms import FORM_TYPE, content_type, parse_fields

HEADER = "x-twilio-signature"
BODY_HASH = "bodySHA256"

# The vendor's package adds 80 to every scheme but https, wss included.
_DEFAULT_PORTS = {"https": ("443",), "wss": ("443", "80"), "http": ("80",), "ws": ("80",)}


class SignatureCheck:
    """Holds the tokens. Every comparison is made, in constant time, whatever the outcome of the others."""

    def __init__(self, public_url: str, media_url: str, tokens: tuple[str, ...]) -> None:
        public = urlsplit(public_url.rstrip("/"))
        media = urlsplit(media_url)
        self._scheme, self._netloc, self._prefix = public.scheme, public.netloc, public.path
        self._media_netloc, self._media_path = media.netloc, media.path
        self._tokens = tuple(token.encode() for token in tokens if token)
        self.has_token = bool(self._tokens)

    def accepts(self, request: WebhookRequest) -> bool:
        """Whether one of the tokens signed this very request. Never raises."""
        given = request.headers.get(HEADER, "").encode("utf-8", "replace")
        fields = self._signed_fields(request)
        if fields is None or not given:
            return False
        tail = "".join(name + value for name, value in sorted(set(fields)))
        verdicts = [
            hmac.compare_digest(given, _sign(token, address + tail))
            for token in self._tokens
            for address in self._addresses(request)
        ]
        return any(verdicts)

    def _signed_fields(self, request: WebhookRequest) -> FormFields | None:
        """The fields under the signature; None when the body is not covered by it."""
        if request.method.upper() in ("GET", "HEAD") or not (request.body or content_type(request)):
            return ()
        if content_type(request) == FORM_TYPE:
            try:
                return parse_fields(request.body)
            except WireFormatError:
                return None
        promised = parse_qs(request.target.partition("?")[2]).get(BODY_HASH, [""])[0]
        actual = sha256(request.body).hexdigest()
        same = hmac.compare_digest(promised.lower().encode("utf-8", "replace"), actual.encode())
        return () if same else None

    def _addresses(self, request: WebhookRequest) -> list[str]:
        """Every way in which Twilio may have written the address of this request."""
        target = request.target if request.target.startswith("/") else "/"
        path, mark, query = target.partition("?")
        places = {(self._netloc, self._prefix + path)}
        if self._prefix and path.startswith(self._prefix + "/"):  # the proxy left the prefix in place
            places.add((self._netloc, path))
        schemes: tuple[str, ...] = (self._scheme,)
        if request.is_websocket:
            schemes = ("wss", "ws")
            if self._media_path.endswith(path):
                places.add((self._media_netloc, self._media_path))
        return [
            f"{scheme}://{netloc}{place}{mark}{query}"
            for scheme in schemes
            for host, place in places
            for netloc in _with_and_without_port(scheme, host)
        ]


def _with_and_without_port(scheme: str, netloc: str) -> list[str]:
    host, colon, port = netloc.rpartition(":")
    if colon and port.isdigit():
        return [netloc, host]
    return [netloc, *(f"{netloc}:{port}" for port in _DEFAULT_PORTS[scheme])]


def _sign(token: bytes, text: str) -> bytes:
    return base64.b64encode(hmac.new(token, text.encode("utf-8", "replace"), sha1).digest())
