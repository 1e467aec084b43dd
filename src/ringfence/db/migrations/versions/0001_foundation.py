"""Calls and what is kept of them, claims, the audit log, and who may come in."""

import sqlalchemy as sa
from alembic import op

revision = "0001_foundation"
down_revision = None


def upgrade() -> None:
    _calls()
    _what_was_heard()
    _audit_log()
    _access()


def _instant(name: str, *, nullable: bool = False) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> "sa.Column[object]":
    return sa.Column(name, sa.Text, nullable=nullable)


def _whole(name: str) -> "sa.Column[object]":
    return sa.Column(name, sa.Integer, nullable=False)


def _counter(name: str) -> "sa.Column[object]":
    # SQLite numbers rows by itself only where the type is spelled INTEGER.
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True)


def _of_call(*, primary_key: bool = False) -> "sa.Column[object]":
    return sa.Column(
        "call_id",
        sa.Text,
        sa.ForeignKey("calls.id", ondelete="CASCADE"),
        nullable=False,
        primary_key=primary_key,
    )


def _calls() -> None:
    op.create_table(
        "calls",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("sid", sa.Text, nullable=False, unique=True),
        sa.Column("caller_number_sealed", sa.LargeBinary, nullable=False),
        _text("caller_number_index"),
        sa.Column("called_number_sealed", sa.LargeBinary, nullable=False),
        _text("called_number_index"),
        _text("language"),
        _text("direction"),
        _text("attestation"),
        _text("status"),
        _instant("started_at"),
        _instant("ended_at", nullable=True),
        _whole("level"),
        sa.Column("score", sa.Double, nullable=False),
        _text("last_words"),
        _whole("utterances"),
        _text("feedback", nullable=True),
        _text("facts"),
    )
    op.create_index("calls_by_start", "calls", ["started_at", "id"])
    op.create_index("calls_by_caller", "calls", ["caller_number_index"])
    op.create_index("calls_by_called", "calls", ["called_number_index"])
    op.create_index("calls_by_status", "calls", ["status"])
    op.create_table(
        "claims",
        sa.Column("key", sa.Text, primary_key=True),
        _instant("claimed_at"),
    )
    op.create_index("claims_by_age", "claims", ["claimed_at"])


def _what_was_heard() -> None:
    op.create_table(
        "utterances",
        _of_call(primary_key=True),
        sa.Column("index", sa.Integer, primary_key=True),
        _text("party"),
        _text("text"),
        _text("folded"),
        _whole("start_ms"),
        _whole("end_ms"),
        _text("engine"),
        sa.Column("confidence", sa.Double, nullable=True),
        _instant("stored_at"),
    )
    op.create_table(
        "assessments",
        _of_call(primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True),
        _whole("utterance"),
        _whole("level"),
        sa.Column("score", sa.Double, nullable=False),
        sa.Column("uncertain", sa.Boolean, nullable=False),
        _text("indicators"),
        _text("text"),
        _text("detector"),
        _text("source"),
        _instant("made_at"),
        sa.Column("final", sa.Boolean, nullable=False),
        _text("notes"),
    )
    op.create_table(
        "gaps",
        _counter("id"),
        _of_call(),
        _whole("start_ms"),
        _whole("end_ms"),
        _text("reason"),
        _text("party", nullable=True),
    )
    op.create_index("gaps_by_call", "gaps", ["call_id"])
    op.create_table(
        "timings",
        _counter("id"),
        _of_call(),
        _text("step"),
        _whole("utterance"),
        sa.Column("elapsed_ms", sa.Double, nullable=False),
    )
    op.create_index("timings_by_call", "timings", ["call_id"])
    op.create_table(
        "feedback",
        _counter("id"),
        _of_call(),
        _text("label"),
        _text("given_by"),
        _instant("given_at"),
    )
    op.create_index("feedback_by_call", "feedback", ["call_id"])
    op.create_table(
        "audio_chunks",
        _counter("id"),
        _of_call(),
        _text("party"),
        _whole("start_ms"),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        _instant("stored_at"),
    )
    op.create_index("audio_chunks_by_call", "audio_chunks", ["call_id", "start_ms"])
    op.create_index("audio_chunks_by_age", "audio_chunks", ["stored_at"])


def _audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        _instant("at"),
        _text("who"),
        _text("action"),
        _text("subject"),
        _text("hash"),
    )
    if op.get_context().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_log_refuses_{change.lower()} BEFORE {change} ON audit_log "
                "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION refuse_audit_log_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_log_refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_log_change()"
    )


def _access() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text, primary_key=True),
        _text("name"),
        _text("role"),
        _text("secret_hash"),
        _instant("created_at"),
        _instant("revoked_at", nullable=True),
        _instant("last_used_at", nullable=True),
    )
    op.create_table(
        "sign_in_links",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("token_hash", sa.Text, nullable=False, unique=True),
        _text("name"),
        _text("role"),
        _instant("created_at"),
        _instant("expires_at"),
        _instant("used_at", nullable=True),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("token_hash", sa.Text, nullable=False, unique=True),
        _text("name"),
        _text("role"),
        _text("key_id", nullable=True),
        _instant("created_at"),
        _instant("expires_at"),
        _instant("revoked_at", nullable=True),
    )
