"""The tables of calls and of what was heard in them; changed only together with a migration."""

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

from ringfence.columns import COUNTER, Instant

metadata = MetaData()


def _of_call(*, primary_key: bool = False) -> Column[str]:
    return Column(
        "call_id",
        Text,
        ForeignKey("calls.id", ondelete="CASCADE"),
        nullable=False,
        primary_key=primary_key,
    )


calls = Table(
    "calls",
    metadata,
    Column("id", Text, primary_key=True),
    Column("sid", Text, nullable=False, unique=True),
    Column("caller_number_sealed", LargeBinary, nullable=False),
    Column("caller_number_index", Text, nullable=False),
    Column("called_number_sealed", LargeBinary, nullable=False),
    Column("called_number_index", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("attestation", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=True),
    # The next five repeat what other tables hold, so that a page of the history is one query.
    Column("level", Integer, nullable=False),
    Column("score", Double, nullable=False),
    Column("last_words", Text, nullable=False),
    Column("utterances", Integer, nullable=False),
    Column("feedback", Text, nullable=True),
    Column("facts", Text, nullable=False),
    Index("calls_by_start", "started_at", "id"),
    Index("calls_by_caller", "caller_number_index"),
    Index("calls_by_called", "called_number_index"),
    Index("calls_by_status", "status"),
)

claims = Table(
    "claims",
    metadata,
    Column("key", Text, primary_key=True),
    Column("claimed_at", Instant, nullable=False),
    Index("claims_by_age", "claimed_at"),
)

utterances = Table(
    "utterances",
    metadata,
    _of_call(primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("party", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("folded", Text, nullable=False),
    Column("start_ms", Integer, nullable=False),
    Column("end_ms", Integer, nullable=False),
    Column("engine", Text, nullable=False),
    Column("confidence", Double, nullable=True),
    Column("stored_at", Instant, nullable=False),
)

assessments = Table(
    "assessments",
    metadata,
    _of_call(primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("utterance", Integer, nullable=False),
    Column("level", Integer, nullable=False),
    Column("score", Double, nullable=False),
    Column("uncertain", Boolean, nullable=False),
    Column("indicators", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("detector", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("final", Boolean, nullable=False),
    Column("notes", Text, nullable=False),
)

gaps = Table(
    "gaps",
    metadata,
    Column("id", COUNTER, primary_key=True),
    _of_call(),
    Column("start_ms", Integer, nullable=False),
    Column("end_ms", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("party", Text, nullable=True),
    Index("gaps_by_call", "call_id"),
)

timings = Table(
    "timings",
    metadata,
    Column("id", COUNTER, primary_key=True),
    _of_call(),
    Column("step", Text, nullable=False),
    Column("utterance", Integer, nullable=False),
    Column("elapsed_ms", Double, nullable=False),
    Index("timings_by_call", "call_id"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", COUNTER, primary_key=True),
    _of_call(),
    Column("label", Text, nullable=False),
    Column("given_by", Text, nullable=False),
    Column("given_at", Instant, nullable=False),
    Index("feedback_by_call", "call_id"),
)

audio_chunks = Table(
    "audio_chunks",
    metadata,
    Column("id", COUNTER, primary_key=True),
    _of_call(),
    Column("party", Text, nullable=False),
    Column("start_ms", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("stored_at", Instant, nullable=False),
    Index("audio_chunks_by_call", "call_id", "start_ms"),
    Index("audio_chunks_by_age", "stored_at"),
)
