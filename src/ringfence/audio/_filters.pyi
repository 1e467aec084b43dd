def interpolate(coefficients: bytes, pcm: bytes, /) -> bytes:
    """PCM with new samples between those that are there. See `_filters.c`. Raises ValueError for a wrong length."""
