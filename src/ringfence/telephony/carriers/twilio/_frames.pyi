def read(message: bytes | str, /) -> tuple[int, int, bytes] | None:
    """A media message that is written plainly; None for anything else. See `_frames.c`."""
