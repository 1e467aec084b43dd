"""A stretch of a body, for players that jump within a recording (RFC 9110, section 14)."""

import re

from fastapi import Response

from ringfence.web.problems import problem

_RANGE = re.compile(r"bytes=(\d*)-(\d*)\Z")


def ranged(body: bytes, media_type: str, header: str | None) -> Response:
    """The whole body, the one stretch asked for, or 416. Forms that we do not serve give the whole."""
    found = _RANGE.match(header.replace(" ", "")) if header else None
    if found is None or found.groups() == ("", ""):
        return Response(body, media_type=media_type, headers={"Accept-Ranges": "bytes"})
    first, last = found.groups()
    start = int(first) if first else max(0, len(body) - int(last))
    end = min(int(last), len(body) - 1) if first and last else len(body) - 1
    if start >= len(body) or start > end:
        answer = problem(416, "The recording is shorter than that.")
        answer.headers["Content-Range"] = f"bytes */{len(body)}"
        return answer
    return Response(
        body[start : end + 1],
        206,
        media_type=media_type,
        headers={"Accept-Ranges": "bytes", "Content-Range": f"bytes {start}-{end}/{len(body)}"},
    )
