"""The flow: one call from first frame to verdict."""
