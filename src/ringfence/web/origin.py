"""Whether a browser's request comes from a page of ours: the defence against other people's pages (CSRF)."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection


def origin_of(url: str) -> str:
    """Scheme, host and port as a browser writes them: lower case, no default port."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    default = {"http": 80, "https": 443}.get(parts.scheme)
    port = "" if parts.port in (None, default) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def is_ours(connection: HTTPConnection, public_url: str) -> bool:
    """Whether `Origin` names this server: by its public address, or by the loopback address it was asked at.

    No or an opaque origin (`null`) is not ours. A foreign name that resolves to loopback (DNS rebinding)
    does not help: then the name stands in `Host`, and it is not a loopback name."""
    origin = connection.headers.get("origin", "")
    if origin == origin_of(public_url):
        return True
    host = connection.headers.get("host", "")
    return is_loopback(urlsplit(f"//{host}").hostname or "") and origin == f"http://{host}"


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
