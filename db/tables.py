"""The tables.  `db.mapping` explains the types of their columns."""

from __future__ import annotations

import sqlalchemy as sa

from db.mapping import BigInt, CleanText, UtcDateTime, enum_type, partial_index
from db.states import JobReason, JobState

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = sa.MetaData(naming_convention=NAMES)


def _source_column() -> sa.Column[str]:
    return sa.Column("source", CleanText(64), nullable=False)


def _text_column(name: str, length: int | None = None) -> sa.Column[str]:
    default = sa.text("''")
    return sa.Column(name, CleanText(length), nullable=False, server_default=default)


def _page_column() -> sa.Column[str]:
    return sa.Column("page_id", CleanText(32), nullable=False)


#: State of each source: progress of polls and sweeps, names of the Notion properties.
sync = sa.Table(
    "sync",
    metadata,
    sa.Column("source", CleanText(64), primary_key=True),
    sa.Column("data_source", CleanText(32), nullable=False),
    sa.Column("title", CleanText(), nullable=False),
    sa.Column("columns", sa.JSON, nullable=False),
    # Hash of source, only, columns.
    sa.Column("sweep_scope", CleanText(64), nullable=False),
    sa.Column("watermark", UtcDateTime),
    sa.Column("last_sweep_at", UtcDateTime),
    # Why Notion cannot be used, e.g. a rejected token; empty if it can.
    _text_column("access_error"),
)

#: One row per page: what it showed at the last poll, and what was stored about it.
posts = sa.Table(
    "posts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _source_column(),
    _page_column(),
    sa.Column("url", CleanText(), nullable=False),
    sa.Column("title", CleanText(), nullable=False),
    sa.Column("date", CleanText(40), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("seen_at", UtcDateTime, nullable=False),  # first poll that saw it
    sa.Column("changed_at", UtcDateTime, nullable=False),  # last seen edit of the text
    sa.Column("fingerprint", CleanText(64), nullable=False),
    sa.Column("inputs", sa.JSON, nullable=False),
    # File names in the Image property.
    sa.Column("shown_files", sa.JSON, nullable=False),
    sa.Column("matches_only", sa.Boolean, nullable=False),  # matches posts.only
    sa.Column("matches_skip", sa.Boolean, nullable=False),  # matches posts.skip
    sa.Column("removed", sa.Boolean, nullable=False),  # removed from Notion
    # Fingerprint of a failed or cancelled job.
    sa.Column("rejected_fingerprint", CleanText(64)),
    sa.Column("image_fingerprint", CleanText(64)),  # fingerprint of the newest image
    sa.Column("our_alt_text", CleanText()),  # the alt text that postbrush wrote last
    sa.Column("unticked_at", UtcDateTime),
    sa.Column("replace_tried_at", UtcDateTime),
    # A status that a later write replaces, as "Queued"; "?Queued": not confirmed.
    _text_column("interim_status"),
    sa.UniqueConstraint("source", "page_id"),
    sa.Index(
        "ix_posts_replace_tried",
        "source",
        "replace_tried_at",
        **partial_index("replace_tried_at IS NOT NULL"),
    ),
    sa.Index("ix_posts_interim", "source", **partial_index("interim_status <> ''")),
)

#: Posts that wait for approval by `postbrush approve`.
held = sa.Table(
    "held",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _source_column(),
    _page_column(),
    sa.Column("reason", enum_type(JobReason), nullable=False),
    sa.Column("held_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("source", "page_id"),
)

#: Sources a person has paused.
pauses = sa.Table(
    "pauses",
    metadata,
    sa.Column("source", CleanText(64), primary_key=True),
    sa.Column("since", UtcDateTime, nullable=False),
    sa.Column("until", UtcDateTime),  # NULL: until a person resumes it
)

#: One row per request for an image; at most one open job per page.
jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _source_column(),
    _page_column(),
    sa.Column("title", CleanText(), nullable=False),
    sa.Column("reason", enum_type(JobReason), nullable=False),
    sa.Column("state", enum_type(JobState), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("moved_at", UtcDateTime, nullable=False),
    sa.Column("fingerprint", CleanText(64), nullable=False),
    sa.Column("inputs", sa.JSON, nullable=False),
    sa.Column("rounds", sa.Integer, nullable=False),  # ended rounds through the chain
    sa.Column("tries", sa.Integer, nullable=False),  # rounds that count as a try
    sa.Column("first_waited_at", UtcDateTime),  # first wait for loading or a rate limit
    sa.Column("waiting_for_provider", CleanText(32)),  # provider
    sa.Column("acked_at", UtcDateTime),  # when Notion confirmed the un-tick
    sa.Column("pending_write", CleanText(16), nullable=False),  # empty: none
    sa.Column("pending_note", CleanText(), nullable=False),
    sa.Column("waiting_notified_at", UtcDateTime),  # of a long wait
    sa.Column("reopened_at", UtcDateTime),  # earlier attempts do not count any more
    sa.Column("again", sa.JSON(none_as_null=True)),  # the next request of this page
    sa.Column("outcome", CleanText(), nullable=False),  # in words, when it ended
    # Id of the daemon that works on it; empty if none does, or if it was claimed by a
    # release that supported only one daemon.
    _text_column("claimed_by", 64),
    sa.Column("read_at", UtcDateTime),  # when its page was last read, before paying
    sa.Column("written", sa.JSON(none_as_null=True)),  # by the prompt writer
    sa.Index("ix_jobs_claimed", "claimed_by", **partial_index("state = 'generating'")),
    sa.Index("ix_jobs_state", "state"),
    sa.Index("ix_jobs_state_due", "state", "due_at"),
    sa.Index("ix_jobs_page", "source", "page_id"),
    sa.Index("ix_jobs_reason_created", "reason", "created_at"),
    sa.Index(
        "ix_jobs_pending_write", "pending_write", **partial_index("pending_write <> ''")
    ),
    sa.Index(
        "uq_jobs_one_open_per_page",
        "source",
        "page_id",
        unique=True,
        **partial_index("state IN ('queued', 'generating', 'uploading')"),
    ),
)

#: The daemons that share this database; each updates its own row.
daemons = sa.Table(
    "daemons",
    metadata,
    sa.Column("id", CleanText(64), primary_key=True),
    sa.Column("name", CleanText(), nullable=False),  # host name, for people
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("renewed_at", UtcDateTime, nullable=False),  # last heartbeat
    sa.Column("heartbeat_count", sa.Integer, nullable=False),  # clocks may differ
    sa.Column("roles", CleanText(), nullable=False),
    sa.Column("store", CleanText(), nullable=False),  # where it stores images
)

#: The number of posts, and of jobs in each state.  On SQLite triggers maintain it (see
#: migration a7), because counting takes longer every year.  A migration that rebuilds
#: `posts` or `jobs`, as Alembic's batch mode does, has to create the triggers again.
#: On PostgreSQL it is a view that counts, because writers would wait for each other's
#: rows.
counters = sa.Table(
    "counters",
    metadata,
    sa.Column("source", CleanText(64), primary_key=True),
    sa.Column("what", CleanText(16), primary_key=True),  # "posts", or a state
    sa.Column("count", sa.Integer, nullable=False),
)

#: The history of each job.
events = sa.Table(
    "events",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _source_column(),
    sa.Column("job_id", sa.ForeignKey("jobs.id"), nullable=False, index=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("event", CleanText(16), nullable=False),
    sa.Column("state", enum_type(JobState), nullable=False),  # after the event
    sa.Column("reason", CleanText(), nullable=False),
)

#: One row per provider call, committed before the request leaves.
attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _source_column(),
    _page_column(),
    sa.Column("job_id", sa.ForeignKey("jobs.id"), index=True),  # NULL: by a command
    sa.Column("number", sa.Integer, nullable=False),  # of its image; 0: of a prompt
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("provider", CleanText(32), nullable=False),
    sa.Column("model", CleanText()),
    sa.Column("generation", sa.Integer, nullable=False),  # of the breaker at the start
    sa.Column("price", sa.Float, nullable=False),  # US dollars, by the price list
    sa.Column("cost", sa.Float, nullable=False),  # US dollars charged
    # US dollars of included credits.
    sa.Column("included_cost", sa.Float, nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
    sa.Column("outcome", CleanText(16)),  # NULL: open
    sa.Column("http_status", sa.Integer),
    sa.Column("remote_id", CleanText()),  # the provider's job id or result URL
    sa.Column("seed", BigInt, nullable=False),
    sa.Column("file_name", CleanText(by_code=True), nullable=False, unique=True),
    sa.Column("error", CleanText(), nullable=False),
    sa.Index("ix_attempts_provider_started", "provider", "started_at"),
    sa.Index("ix_attempts_started", "started_at"),
    # Covers the sums of spending, so that they read only this index.
    sa.Index(
        "ix_attempts_sums",
        *("started_at", "source", "provider", "outcome", "cost", "included_cost"),
    ),
    sa.Index("ix_attempts_open", "outcome", **partial_index("outcome IS NULL")),
)

#: One row per stored image.
images = sa.Table(
    "images",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _source_column(),
    _page_column(),
    sa.Column("job_id", sa.ForeignKey("jobs.id"), index=True),
    sa.Column("attempt_id", sa.ForeignKey("attempts.id"), nullable=False, index=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("provider", CleanText(32), nullable=False),
    sa.Column("is_card", sa.Boolean, nullable=False),
    sa.Column("card_why", CleanText(), nullable=False),  # why it is a card
    sa.Column("replaceable", sa.Boolean, nullable=False),  # a card to replace later
    sa.Column("name", CleanText(by_code=True), nullable=False, unique=True),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("bytes", sa.Integer, nullable=False),
    sa.Column("sha256", CleanText(64), nullable=False),
    sa.Column("seed", BigInt, nullable=False),
    sa.Column("model", CleanText()),
    sa.Column("prompt", CleanText(), nullable=False),
    sa.Column("fingerprint", CleanText(64), nullable=False),  # of its inputs
    sa.Column("made_at", UtcDateTime, nullable=False),
    sa.Column("upload_id", CleanText()),  # Notion's file upload
    sa.Column("shown_at", UtcDateTime),  # when Notion confirmed that the page shows it
    sa.Column("pruned_at", UtcDateTime),  # when its file was pruned
    sa.Index("ix_images_page", "source", "page_id"),
    sa.Index(
        "ix_images_replaceable",
        "source",
        "made_at",
        **partial_index("replaceable"),
    ),
)

#: What the account of a provider said when it was asked last, in US dollars.
accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("provider", CleanText(32), primary_key=True),
    sa.Column("settings", CleanText(64), nullable=False),  # as in `breakers`
    sa.Column("asked_at", UtcDateTime, nullable=False),
    sa.Column("included", sa.Float),  # NULL: not known, as are the two below
    sa.Column("used", sa.Float),  # settled use in this period
    sa.Column("spend_limit", sa.Float),  # NULL: the owner has set none
    # Calls that started later may not be in `used`.
    sa.Column("counted_until", UtcDateTime, nullable=False),
    sa.Column("resets_at", UtcDateTime, nullable=False),
    sa.Column("problem", CleanText(), nullable=False),  # why it is not known
    sa.Column("missing_rights", CleanText(), nullable=False),  # of the token
)

#: One row per provider's circuit breaker; see `db.source_state.SHARED`.
breakers = sa.Table(
    "breakers",
    metadata,
    sa.Column("source", CleanText(64), primary_key=True),
    sa.Column("name", CleanText(32), primary_key=True),
    sa.Column("state", CleanText(16), nullable=False),
    sa.Column("reason", CleanText(16)),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("consecutive_opens", sa.Integer, nullable=False),
    sa.Column("opened_at", UtcDateTime),
    sa.Column("until", UtcDateTime),
    sa.Column("probe_at", UtcDateTime),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("probe_owner", CleanText(64)),
    sa.Column("probe_until", UtcDateTime),
    sa.Column("settings", CleanText(64), nullable=False),
    sa.Column("message", CleanText(), nullable=False),
)
