"""The whole matrix of requests, judged by the vendor's own validator: what it accepts we accept, and nothing else."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from ringfence.contracts import WebhookRequest
from ringfence.telephony.carriers.twilio.signature import SignatureCheck

pytestmark = pytest.mark.unit

TOKEN = "12345"
PATH = "/api/v1/twilio/incoming-call"
FIELDS = [("CallSid", "CA1234567890ABCDE"), ("From", "+15550100"), ("To", "+15550101"), ("Note", "")]
FORM = "application/x-www-form-urlencoded"


class ManyValues(dict[str, list[str]]):
    """The shape in which the oracle takes repeated fields (Flask's, Django's)."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


def many_values(fields: Sequence[tuple[str, str]]) -> ManyValues:
    values: dict[str, list[str]] = defaultdict(list)
    for name, value in fields:
        values[name].append(value)
    return ManyValues(values)


@dataclass(frozen=True)
class Case:
    """A request as Twilio made it: the address it signed, and what reaches us of it."""

    public_url: str = "https://calls.example.org"
    media_url: str = "wss://calls.example.org/api/v1/twilio/media-stream"
    tokens: tuple[str, ...] = (TOKEN,)
    signed_url: str = "https://calls.example.org" + PATH
    signing_token: str = TOKEN
    fields: tuple[tuple[str, str], ...] = tuple(FIELDS)
    target: str = PATH
    json: bytes | None = None
    is_websocket: bool = False

    def signature(self) -> str:
        return str(
            RequestValidator(self.signing_token).compute_signature(self.signed_url, many_values(self.fields))
        )

    def request(self, **changes: object) -> WebhookRequest:
        headers = {
            "x-twilio-signature": self.signature(),
            "host": "internal:8000",
            "x-forwarded-host": "evil",
        }
        method, body = "POST", urlencode(self.fields).encode()
        if self.is_websocket or (self.json is None and not self.fields):
            method, body = "GET", b""
        elif self.json is not None:
            headers["content-type"], body = "application/json", self.json
        else:
            headers["content-type"] = FORM + "; charset=UTF-8"
        request = WebhookRequest(method, self.target, headers, body, self.is_websocket)
        return replace(request, **changes)  # type: ignore[arg-type]

    def accepts(self, request: WebhookRequest | None = None) -> bool:
        check = SignatureCheck(self.public_url, self.media_url, self.tokens)
        return check.accepts(request or self.request())

    def oracle_accepts(self, url: str) -> bool:
        validator = RequestValidator(TOKEN)
        if self.json is not None:
            return bool(validator.validate(url, self.json.decode(), self.signature()))
        return bool(validator.validate(url, many_values(self.fields), self.signature()))


JSON = b'{"event": "x"}'
JSON_TARGET = f"{PATH}?bodySHA256={hashlib.sha256(JSON).hexdigest()}"
SOCKET = Case(
    signed_url="wss://calls.example.org/api/v1/twilio/media-stream",
    target="/api/v1/twilio/media-stream",
    fields=(),
    is_websocket=True,
)

GENUINE = {
    "plain form": Case(),
    "published vector's port 443": Case(signed_url="https://calls.example.org:443" + PATH),
    "configured port signed": Case(
        public_url="https://calls.example.org:8443", signed_url="https://calls.example.org:8443" + PATH
    ),
    "configured port left out": Case(public_url="https://calls.example.org:8443"),
    "plain http": Case(public_url="http://127.0.0.1:8000", signed_url="http://127.0.0.1:8000" + PATH),
    "plain http with port 80": Case(
        public_url="http://calls.example.org", signed_url="http://calls.example.org:80" + PATH
    ),
    "path prefix taken off by the proxy": Case(
        public_url="https://calls.example.org/ring", signed_url="https://calls.example.org/ring" + PATH
    ),
    "path prefix left by the proxy": Case(
        public_url="https://calls.example.org/ring",
        signed_url="https://calls.example.org/ring" + PATH,
        target="/ring" + PATH,
    ),
    "query in its own order and spelling": Case(
        signed_url=f"https://calls.example.org{PATH}?b=2&a=1%20x+y&language=es",
        target=f"{PATH}?b=2&a=1%20x+y&language=es",
    ),
    "undecoded path": Case(signed_url=f"https://calls.example.org{PATH}/a%2Fb", target=f"{PATH}/a%2Fb"),
    "repeated fields": Case(fields=(*FIELDS, ("Tag", "b"), ("Tag", "a"), ("Tag", "b"), ("Tag", ""))),
    "unknown fields": Case(fields=(*FIELDS, ("SomethingNew", "1"), ("ñandú", "señal \u20ac & = +"))),
    "no fields": Case(fields=()),
    "second token": Case(tokens=("newer", TOKEN)),
    "first token": Case(tokens=(TOKEN, "older")),
    "JSON": Case(
        fields=(), json=JSON, signed_url="https://calls.example.org" + JSON_TARGET, target=JSON_TARGET
    ),
    "socket": SOCKET,
}


@pytest.mark.parametrize("case", GENUINE.values(), ids=GENUINE.keys())
def test_a_genuine_request_is_accepted_as_the_vendors_validator_accepts_it(case: Case) -> None:
    base = case.public_url
    if case.is_websocket:
        base = base.replace("http", "ws", 1)
    target = case.target.removeprefix(urlsplit(case.public_url).path)
    assert case.oracle_accepts(base + target)
    assert case.accepts()


def test_the_published_vector_is_accepted() -> None:
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    request = WebhookRequest(
        "POST",
        "/myapp.php?foo=1&bar=2",
        {"x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8=", "content-type": FORM},
        urlencode(fields).encode(),
    )
    assert SignatureCheck("https://mycompany.com", "wss://mycompany.com/m", ("12345",)).accepts(request)


@pytest.mark.parametrize(
    "signed_url",
    [
        "wss://calls.example.org/api/v1/twilio/media-stream",
        "wss://calls.example.org:443/api/v1/twilio/media-stream",
        "ws://calls.example.org/api/v1/twilio/media-stream",
        "ws://calls.example.org:80/api/v1/twilio/media-stream",
        "wss://media.example.org:9443/api/v1/twilio/media-stream",
        "wss://media.example.org/api/v1/twilio/media-stream",
        "ws://media.example.org:9443/api/v1/twilio/media-stream",
    ],
)
def test_a_socket_is_accepted_for_either_address_and_scheme(signed_url: str) -> None:
    case = replace(
        SOCKET, signed_url=signed_url, media_url="wss://media.example.org:9443/api/v1/twilio/media-stream"
    )
    assert case.accepts()


@pytest.mark.parametrize(
    "signed_url",
    [
        "https://calls.example.org/api/v1/twilio/media-stream",
        "wss://evil.example.org/api/v1/twilio/media-stream",
        "wss://calls.example.org/api/v1/twilio/other",
    ],
)
def test_a_socket_signed_for_another_address_is_refused(signed_url: str) -> None:
    assert not replace(SOCKET, signed_url=signed_url).accepts()


def test_a_socket_on_a_media_address_with_a_prefix_is_accepted() -> None:
    case = replace(
        SOCKET,
        media_url="wss://calls.example.org/ring/api/v1/twilio/media-stream",
        signed_url="wss://calls.example.org/ring/api/v1/twilio/media-stream",
    )
    assert case.accepts()


def test_a_form_may_not_pass_for_a_socket() -> None:
    request = SOCKET.request(is_websocket=False)
    assert not SOCKET.accepts(request)


FORGED = {
    "a field changed": Case().request(body=urlencode([*FIELDS[1:], ("CallSid", "CA2")]).encode()),
    "a field added": Case().request(body=urlencode([*FIELDS, ("Admin", "1")]).encode()),
    "a field taken away": Case().request(body=urlencode(FIELDS[1:]).encode()),
    "a blank field taken away": Case().request(body=urlencode(FIELDS[:-1]).encode()),
    "another path": Case().request(target="/api/v1/twilio/call-status"),
    "a query added": Case().request(target=PATH + "?language=es"),
    "no signature": Case().request(headers={"content-type": FORM}),
    "an empty signature": Case().request(headers={"content-type": FORM, "x-twilio-signature": ""}),
    "a strange signature": Case().request(headers={"content-type": FORM, "x-twilio-signature": "ñ\ud800"}),
    "another token": replace(Case(), signing_token="54321").request(),
    "another host": replace(Case(), signed_url="https://evil" + PATH).request(),
    "the host that was asked": replace(Case(), signed_url="https://internal:8000" + PATH).request(),
    "another scheme": replace(Case(), signed_url="http://calls.example.org" + PATH).request(),
    "another port": replace(Case(), signed_url="https://calls.example.org:8443" + PATH).request(),
    "GET with a body instead": Case().request(method="GET"),
    "JSON without its hash": replace(
        Case(), fields=(), json=JSON, signed_url="https://calls.example.org" + PATH
    ).request(),
    "JSON with another body": replace(
        Case(), fields=(), json=JSON, signed_url="https://calls.example.org" + JSON_TARGET, target=JSON_TARGET
    ).request(body=b"{}"),
    "a bare address with a body of another kind": replace(Case(), fields=()).request(
        method="POST",
        body=b"x",
        headers={"x-twilio-signature": replace(Case(), fields=()).signature(), "content-type": "text/plain"},
    ),
    "more fields than any form": Case().request(body=b"a=1&" * 2_000),
}


@pytest.mark.parametrize("request_", FORGED.values(), ids=FORGED.keys())
def test_a_forged_request_is_refused(request_: WebhookRequest) -> None:
    assert not Case().accepts(request_)


@pytest.mark.parametrize("tokens", [(), ("",)], ids=["none", "empty"])
def test_without_a_token_everything_is_refused(tokens: tuple[str, ...]) -> None:
    case = replace(Case(), tokens=tokens, signing_token="")
    assert not case.accepts()
    assert not SignatureCheck(case.public_url, case.media_url, tokens).has_token


_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@settings(max_examples=200, deadline=None)
@given(
    fields=st.lists(st.tuples(_text, _text), max_size=8),
    changed=st.lists(st.tuples(_text, _text), max_size=8),
)
def test_any_form_is_judged_as_the_vendors_validator_judges_it(
    fields: list[tuple[str, str]], changed: list[tuple[str, str]]
) -> None:
    case = Case(fields=tuple(fields))
    headers = {"x-twilio-signature": case.signature(), "content-type": FORM}
    for sent in (fields, changed):
        verdict = RequestValidator(TOKEN).validate(case.signed_url, many_values(sent), case.signature())
        assert case.accepts(WebhookRequest("POST", PATH, headers, urlencode(sent).encode())) == verdict


@settings(max_examples=200, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", ""]),
    target=_text,
    headers=st.dictionaries(st.sampled_from(["x-twilio-signature", "content-type"]), st.text(max_size=20)),
    body=st.binary(max_size=40),
    is_websocket=st.booleans(),
)
def test_nothing_a_stranger_sends_raises(
    method: str, target: str, headers: dict[str, str], body: bytes, is_websocket: bool
) -> None:
    assert not Case().accepts(WebhookRequest(method, target, headers, body, is_websocket))
