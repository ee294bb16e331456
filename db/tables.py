"""The tables.  Every one carries a source, so that one day there can be several.

Times are UTC; SQLite keeps them without a zone and `Utc` puts it back.  States and
reasons are stored by value in columns of fixed length without a CHECK, so that a
new member needs no migration.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from db.states import Reason, State

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = sa.MetaData(naming_convention=NAMES)


class Utc(sa.TypeDecorator[datetime]):
    """An aware datetime, stored in UTC."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        del dialect
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        del dialect
        return value.replace(tzinfo=UTC) if value else None


def _by_value(kind: type[StrEnum]) -> sa.Enum:
    return sa.Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=16,
        values_callable=lambda members: [member.value for member in members],
    )


def _source() -> sa.Column[str]:
    return sa.Column("source", sa.String(64), nullable=False)


def _page() -> sa.Column[str]:
    return sa.Column("page_id", sa.String(32), nullable=False)


#: What we know of each source: where polls stand, what the columns are called.
sync = sa.Table(
    "sync",
    metadata,
    sa.Column("source", sa.String(64), primary_key=True),
    sa.Column("data_source", sa.String(32), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("columns", sa.JSON, nullable=False),
    sa.Column("scope", sa.String(64), nullable=False),  # hash of source, only, columns
    sa.Column("watermark", Utc),
    sa.Column("swept_at", Utc),
)

#: One row per page: what it last showed and what we remember of it.
posts = sa.Table(
    "posts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _source(),
    _page(),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("date", sa.String(40), nullable=False),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("seen_at", Utc, nullable=False),  # first
    sa.Column("changed_at", Utc, nullable=False),  # its text, as far as we saw
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("inputs", sa.JSON, nullable=False),
    sa.Column("shows", sa.JSON, nullable=False),  # names in the Image column
    sa.Column("chosen", sa.Boolean, nullable=False),  # matches posts.only
    sa.Column("skipped", sa.Boolean, nullable=False),  # matches posts.skip
    sa.Column("gone", sa.Boolean, nullable=False),
    sa.Column("answered", sa.String(64)),  # inputs a failed or cancelled job answered
    sa.Column("made", sa.String(64)),  # inputs its newest image was made of
    sa.Column("alt", sa.Text),  # the alt text we wrote last
    sa.Column("unticked_at", Utc),
    sa.Column("replace_tried_at", Utc),
    sa.UniqueConstraint("source", "page_id"),
    sa.Index(
        "ix_posts_replace_tried",
        "source",
        "replace_tried_at",
        sqlite_where=sa.text("replace_tried_at IS NOT NULL"),
    ),
)

#: Posts that wait for `postbrush approve`.
held = sa.Table(
    "held",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _source(),
    _page(),
    sa.Column("reason", _by_value(Reason), nullable=False),
    sa.Column("held_at", Utc, nullable=False),
    sa.UniqueConstraint("source", "page_id"),
)

#: Sources a person has paused.
pauses = sa.Table(
    "pauses",
    metadata,
    sa.Column("source", sa.String(64), primary_key=True),
    sa.Column("since", Utc, nullable=False),
    sa.Column("until", Utc),  # none: until somebody resumes
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _source(),
    _page(),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("reason", _by_value(Reason), nullable=False),
    sa.Column("state", _by_value(State), nullable=False),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("due_at", Utc, nullable=False),
    sa.Column("moved_at", Utc, nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("inputs", sa.JSON, nullable=False),
    sa.Column("rounds", sa.Integer, nullable=False),  # through the chain, ended
    sa.Column("tries", sa.Integer, nullable=False),  # rounds that counted
    sa.Column("waited_since", Utc),  # for loading or rate limit, first
    sa.Column("waits_for", sa.String(32)),  # provider
    sa.Column("acked_at", Utc),  # Notion confirmed the un-tick
    sa.Column("owed", sa.String(16), nullable=False),  # a write the page still needs
    sa.Column("owed_note", sa.Text, nullable=False),
    sa.Column("told_waiting", sa.Boolean, nullable=False),
    sa.Column("reopened_at", Utc),  # earlier attempts no longer speak against it
    sa.Column("again", sa.JSON(none_as_null=True)),  # the next wish of this page
    sa.Column("outcome", sa.Text, nullable=False),  # in words, when it ended
    sa.Index("ix_jobs_state", "state"),
    sa.Index("ix_jobs_state_due", "state", "due_at"),
    sa.Index("ix_jobs_page", "source", "page_id"),
    sa.Index("ix_jobs_reason_created", "reason", "created_at"),
    sa.Index("ix_jobs_owed", "owed", sqlite_where=sa.text("owed <> ''")),
    sa.Index(
        "uq_jobs_one_open_per_page",
        "source",
        "page_id",
        unique=True,
        sqlite_where=sa.text("state IN ('queued', 'generating', 'uploading')"),
    ),
)

#: How many posts there are, and jobs in each state: kept by triggers (the migration
#: a3 has them), since counting takes longer every year.  A migration that makes
#: `posts` or `jobs` anew, as Alembic's batch mode does, makes their triggers anew.
tallies = sa.Table(
    "tallies",
    metadata,
    sa.Column("source", sa.String(64), primary_key=True),
    sa.Column("what", sa.String(16), primary_key=True),  # "posts", or a state
    sa.Column("count", sa.Integer, nullable=False),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _source(),
    sa.Column("job_id", sa.ForeignKey("jobs.id"), nullable=False, index=True),
    sa.Column("at", Utc, nullable=False),
    sa.Column("event", sa.String(16), nullable=False),
    sa.Column("state", _by_value(State), nullable=False),  # after it
    sa.Column("reason", sa.Text, nullable=False),
)

#: One row per provider call, committed before the request leaves.
attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _source(),
    _page(),
    sa.Column("job_id", sa.ForeignKey("jobs.id"), index=True),  # none: by hand
    sa.Column("number", sa.Integer, nullable=False),  # of the image within its job
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("provider", sa.String(32), nullable=False),
    sa.Column("model", sa.Text),
    sa.Column("generation", sa.Integer, nullable=False),  # of the breaker when asked
    sa.Column("price", sa.Float, nullable=False),
    sa.Column("cost", sa.Float, nullable=False),  # money; 0 when free or included
    sa.Column("covered", sa.Float, nullable=False),  # by what is included
    sa.Column("started_at", Utc, nullable=False),
    sa.Column("ended_at", Utc),
    sa.Column("outcome", sa.String(16)),  # none: open
    sa.Column("http_status", sa.Integer),
    sa.Column("remote", sa.Text),  # a job id or result URL
    sa.Column("seed", sa.Integer, nullable=False),
    sa.Column("file_name", sa.Text, nullable=False, unique=True),
    sa.Column("error", sa.Text, nullable=False),
    sa.Index("ix_attempts_provider_started", "provider", "started_at"),
    sa.Index("ix_attempts_started", "started_at"),
    # All that sums of money need, so that they are read from it alone.
    sa.Index(
        "ix_attempts_sums",
        *("started_at", "provider", "outcome", "cost", "covered"),
    ),
    sa.Index("ix_attempts_open", "outcome", sqlite_where=sa.text("outcome IS NULL")),
)

images = sa.Table(
    "images",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _source(),
    _page(),
    sa.Column("job_id", sa.ForeignKey("jobs.id"), index=True),
    sa.Column("attempt_id", sa.ForeignKey("attempts.id"), nullable=False, index=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("provider", sa.String(32), nullable=False),
    sa.Column("is_card", sa.Boolean, nullable=False),
    sa.Column("card_why", sa.Text, nullable=False),  # why no service made it
    sa.Column("replaceable", sa.Boolean, nullable=False),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("bytes", sa.Integer, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("seed", sa.Integer, nullable=False),
    sa.Column("model", sa.Text),
    sa.Column("prompt", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),  # of what it was made
    sa.Column("made_at", Utc, nullable=False),
    sa.Column("upload_id", sa.Text),
    sa.Column("shown_at", Utc),  # Notion confirmed that the page shows it
    sa.Column("pruned_at", Utc),  # its file was removed on purpose
    sa.Index("ix_images_page", "source", "page_id"),
    sa.Index(
        "ix_images_replaceable",
        "source",
        "made_at",
        sqlite_where=sa.text("replaceable"),
    ),
)

breakers = sa.Table(
    "breakers",
    metadata,
    sa.Column("source", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(16)),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("trips", sa.Integer, nullable=False),
    sa.Column("opened_at", Utc),
    sa.Column("until", Utc),
    sa.Column("probe_at", Utc),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("probe_owner", sa.String(64)),
    sa.Column("probe_until", Utc),
    sa.Column("settings", sa.String(64), nullable=False),
    sa.Column("message", sa.Text, nullable=False),
)
