"""Judges calls that are over, by the very code that judges them live: the monitor is fed what was said, turn by turn.

Read `transcripts.py` (files to calls), then `judging.py` (calls to verdicts), `recordings.py` (sound to calls)
and `report.py` (verdicts to JSON, and to a page). No network is used unless an analyst is given.
"""

from ringfence.offline.judging import assess, replay

__all__ = ["assess", "replay"]
