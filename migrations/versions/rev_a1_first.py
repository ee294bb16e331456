"""The first tables.

Amended since for PostgreSQL; SQLite gets byte for byte what it got before.

Rules: one file per change, never edited after a release; the new program must run
on what this makes, and `postbrush restore` must still read a copy made before it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "a1_first"
down_revision = None
branch_labels = None
depends_on = None

_POSTGRES = "postgresql"


def _text(length: int) -> sa.types.TypeEngine[str]:
    """SQLite does not enforce a length, so PostgreSQL is not asked to."""
    return sa.String(length=length).with_variant(sa.Text(), _POSTGRES)


def _name() -> sa.types.TypeEngine[str]:
    """Names are looked for by what they begin with: in the order of code points."""
    return sa.Text().with_variant(sa.Text(collation="C"), _POSTGRES)


def _reason() -> sa.Enum:
    known = ("regenerate", "new", "edited", "replace")
    return sa.Enum(*known, name="reason", native_enum=False, length=16)


def _state() -> sa.Enum:
    known = ("queued", "generating", "uploading", "done", "failed", "cancelled")
    return sa.Enum(*known, name="state", native_enum=False, length=16)


def _seed() -> sa.types.TypeEngine[int]:
    return sa.Integer().with_variant(sa.BigInteger(), _POSTGRES)


def _some(where: str) -> dict[str, sa.TextClause]:
    return {"sqlite_where": sa.text(where), "postgresql_where": sa.text(where)}


def upgrade() -> None:
    op.create_table(
        "breakers",
        sa.Column("source", _text(64), nullable=False),
        sa.Column("name", _text(32), nullable=False),
        sa.Column("state", _text(16), nullable=False),
        sa.Column("reason", _text(16), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("trips", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(), nullable=True),
        sa.Column("until", sa.DateTime(), nullable=True),
        sa.Column("probe_at", sa.DateTime(), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("probe_owner", _text(64), nullable=True),
        sa.Column("probe_until", sa.DateTime(), nullable=True),
        sa.Column("settings", _text(64), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", "name", name=op.f("pk_breakers")),
    )
    op.create_table(
        "held",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", _text(64), nullable=False),
        sa.Column("page_id", _text(32), nullable=False),
        sa.Column("reason", _reason(), nullable=False),
        sa.Column("held_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_held")),
        sa.UniqueConstraint("source", "page_id", name=op.f("uq_held_source_page_id")),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", _text(64), nullable=False),
        sa.Column("page_id", _text(32), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("reason", _reason(), nullable=False),
        sa.Column("state", _state(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=False),
        sa.Column("moved_at", sa.DateTime(), nullable=False),
        sa.Column("fingerprint", _text(64), nullable=False),
        sa.Column("inputs", sa.JSON(), nullable=False),
        sa.Column("rounds", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("waited_since", sa.DateTime(), nullable=True),
        sa.Column("waits_for", _text(32), nullable=True),
        sa.Column("acked_at", sa.DateTime(), nullable=True),
        sa.Column("owed", _text(16), nullable=False),
        sa.Column("owed_note", sa.Text(), nullable=False),
        sa.Column("told_waiting", sa.Boolean(), nullable=False),
        sa.Column("reopened_at", sa.DateTime(), nullable=True),
        sa.Column("again", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.create_index(
            "ix_jobs_owed", ["owed"], unique=False, **_some("owed <> ''")
        )
        batch_op.create_index("ix_jobs_page", ["source", "page_id"], unique=False)
        batch_op.create_index("ix_jobs_state_due", ["state", "due_at"], unique=False)
        batch_op.create_index(
            "uq_jobs_one_open_per_page",
            ["source", "page_id"],
            unique=True,
            **_some("state IN ('queued', 'generating', 'uploading')"),
        )

    op.create_table(
        "posts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", _text(64), nullable=False),
        sa.Column("page_id", _text(32), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("date", _text(40), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("fingerprint", _text(64), nullable=False),
        sa.Column("inputs", sa.JSON(), nullable=False),
        sa.Column("shows", sa.JSON(), nullable=False),
        sa.Column("chosen", sa.Boolean(), nullable=False),
        sa.Column("skipped", sa.Boolean(), nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("answered", _text(64), nullable=True),
        sa.Column("made", _text(64), nullable=True),
        sa.Column("alt", sa.Text(), nullable=True),
        sa.Column("unticked_at", sa.DateTime(), nullable=True),
        sa.Column("replace_tried_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posts")),
        sa.UniqueConstraint("source", "page_id", name=op.f("uq_posts_source_page_id")),
    )
    op.create_table(
        "sync",
        sa.Column("source", _text(64), nullable=False),
        sa.Column("data_source", _text(32), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("scope", _text(64), nullable=False),
        sa.Column("watermark", sa.DateTime(), nullable=True),
        sa.Column("swept_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_sync")),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", _text(64), nullable=False),
        sa.Column("page_id", _text(32), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("provider", _text(32), nullable=False),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("price", sa.Float(), nullable=False),
        sa.Column("cost", sa.Float(), nullable=False),
        sa.Column("covered", sa.Float(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("outcome", _text(16), nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("remote", sa.Text(), nullable=True),
        sa.Column("seed", _seed(), nullable=False),
        sa.Column("file_name", _name(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_attempts_job_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sa.UniqueConstraint("file_name", name=op.f("uq_attempts_file_name")),
    )
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_attempts_job_id"), ["job_id"], unique=False
        )
        batch_op.create_index(
            "ix_attempts_open",
            ["outcome"],
            unique=False,
            **_some("outcome IS NULL"),
        )
        batch_op.create_index(
            "ix_attempts_provider_started", ["provider", "started_at"], unique=False
        )
        batch_op.create_index("ix_attempts_started", ["started_at"], unique=False)

    op.create_table(
        "events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", _text(64), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("event", _text(16), nullable=False),
        sa.Column("state", _state(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_events_job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_events_job_id"), ["job_id"], unique=False)

    op.create_table(
        "images",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", _text(64), nullable=False),
        sa.Column("page_id", _text(32), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("provider", _text(32), nullable=False),
        sa.Column("is_card", sa.Boolean(), nullable=False),
        sa.Column("card_why", sa.Text(), nullable=False),
        sa.Column("replaceable", sa.Boolean(), nullable=False),
        sa.Column("name", _name(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", _text(64), nullable=False),
        sa.Column("seed", _seed(), nullable=False),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("fingerprint", _text(64), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("upload_id", sa.Text(), nullable=True),
        sa.Column("shown_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempts.id"], name=op.f("fk_images_attempt_id")
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_images_job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_images")),
        sa.UniqueConstraint("name", name=op.f("uq_images_name")),
    )
    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_images_job_id"), ["job_id"], unique=False)
        batch_op.create_index("ix_images_page", ["source", "page_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.drop_index("ix_images_page")
        batch_op.drop_index(batch_op.f("ix_images_job_id"))

    op.drop_table("images")
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_events_job_id"))

    op.drop_table("events")
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.drop_index("ix_attempts_started")
        batch_op.drop_index("ix_attempts_provider_started")
        batch_op.drop_index("ix_attempts_open", **_some("outcome IS NULL"))
        batch_op.drop_index(batch_op.f("ix_attempts_job_id"))

    op.drop_table("attempts")
    op.drop_table("sync")
    op.drop_table("posts")
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_jobs_one_open_per_page",
            **_some("state IN ('queued', 'generating', 'uploading')"),
        )
        batch_op.drop_index("ix_jobs_state_due")
        batch_op.drop_index("ix_jobs_page")
        batch_op.drop_index("ix_jobs_owed", **_some("owed <> ''"))

    op.drop_table("jobs")
    op.drop_table("held")
    op.drop_table("breakers")
