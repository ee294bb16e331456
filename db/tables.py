"""The tables.  Every one carries a source, so that one day there can be several.

What their columns hold is explained in `db.kinds`.
"""

from __future__ import annotations

import sqlalchemy as sa

from db.kinds import Big, Utc, Words, by_value, some
from db.states import Reason, State

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = sa.MetaData(naming_convention=NAMES)


def _source() -> sa.Column[str]:
    return sa.Column("source", Words(64), nullable=False)


def _page() -> sa.Column[str]:
    return sa.Column("page_id", Words(32), nullable=False)


#: What we know of each source: where polls stand, what the columns are called.
sync = sa.Table(
    "sync",
    metadata,
    sa.Column("source", Words(64), primary_key=True),
    sa.Column("data_source", Words(32), nullable=False),
    sa.Column("title", Words(), nullable=False),
    sa.Column("columns", sa.JSON, nullable=False),
    sa.Column("scope", Words(64), nullable=False),  # hash of source, only, columns
    sa.Column("watermark", Utc),
    sa.Column("swept_at", Utc),
    # Why it is not served: a token refused, say; empty: it is.
    sa.Column("shut", Words(), nullable=False, server_default=sa.text("''")),
)

#: One row per page: what it last showed and what we remember of it.
posts = sa.Table(
    "posts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _source(),
    _page(),
    sa.Column("url", Words(), nullable=False),
    sa.Column("title", Words(), nullable=False),
    sa.Column("date", Words(40), nullable=False),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("seen_at", Utc, nullable=False),  # first
    sa.Column("changed_at", Utc, nullable=False),  # its text, as far as we saw
    sa.Column("fingerprint", Words(64), nullable=False),
    sa.Column("inputs", sa.JSON, nullable=False),
    sa.Column("shows", sa.JSON, nullable=False),  # names in the Image column
    sa.Column("chosen", sa.Boolean, nullable=False),  # matches posts.only
    sa.Column("skipped", sa.Boolean, nullable=False),  # matches posts.skip
    sa.Column("gone", sa.Boolean, nullable=False),
    sa.Column("answered", Words(64)),  # inputs a failed or cancelled job answered
    sa.Column("made", Words(64)),  # inputs its newest image was made of
    sa.Column("alt", Words()),  # the alt text we wrote last
    sa.Column("unticked_at", Utc),
    sa.Column("replace_tried_at", Utc),
    sa.UniqueConstraint("source", "page_id"),
    sa.Index(
        "ix_posts_replace_tried",
        "source",
        "replace_tried_at",
        **some("replace_tried_at IS NOT NULL"),
    ),
)

#: Posts that wait for `postbrush approve`.
held = sa.Table(
    "held",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _source(),
    _page(),
    sa.Column("reason", by_value(Reason), nullable=False),
    sa.Column("held_at", Utc, nullable=False),
    sa.UniqueConstraint("source", "page_id"),
)

#: Sources a person has paused.
pauses = sa.Table(
    "pauses",
    metadata,
    sa.Column("source", Words(64), primary_key=True),
    sa.Column("since", Utc, nullable=False),
    sa.Column("until", Utc),  # none: until somebody resumes
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _source(),
    _page(),
    sa.Column("title", Words(), nullable=False),
    sa.Column("reason", by_value(Reason), nullable=False),
    sa.Column("state", by_value(State), nullable=False),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("due_at", Utc, nullable=False),
    sa.Column("moved_at", Utc, nullable=False),
    sa.Column("fingerprint", Words(64), nullable=False),
    sa.Column("inputs", sa.JSON, nullable=False),
    sa.Column("rounds", sa.Integer, nullable=False),  # through the chain, ended
    sa.Column("tries", sa.Integer, nullable=False),  # rounds that counted
    sa.Column("waited_since", Utc),  # for loading or rate limit, first
    sa.Column("waits_for", Words(32)),  # provider
    sa.Column("acked_at", Utc),  # Notion confirmed the un-tick
    sa.Column("owed", Words(16), nullable=False),  # a write the page still needs
    sa.Column("owed_note", Words(), nullable=False),
    sa.Column("told_waiting", sa.Boolean, nullable=False),
    sa.Column("reopened_at", Utc),  # earlier attempts no longer speak against it
    sa.Column("again", sa.JSON(none_as_null=True)),  # the next wish of this page
    sa.Column("outcome", Words(), nullable=False),  # in words, when it ended
    # The daemon that works on it; empty: none, or one from before there were several.
    sa.Column("claimed_by", Words(64), nullable=False, server_default=sa.text("''")),
    sa.Column("read_at", Utc),  # its page, for the last time before paying
    sa.Index("ix_jobs_claimed", "claimed_by", **some("state = 'generating'")),
    sa.Index("ix_jobs_state", "state"),
    sa.Index("ix_jobs_state_due", "state", "due_at"),
    sa.Index("ix_jobs_page", "source", "page_id"),
    sa.Index("ix_jobs_reason_created", "reason", "created_at"),
    sa.Index("ix_jobs_owed", "owed", **some("owed <> ''")),
    sa.Index(
        "uq_jobs_one_open_per_page",
        "source",
        "page_id",
        unique=True,
        **some("state IN ('queued', 'generating', 'uploading')"),
    ),
)

#: The daemons that share this database, as each last said of itself.
daemons = sa.Table(
    "daemons",
    metadata,
    sa.Column("id", Words(64), primary_key=True),
    sa.Column("name", Words(), nullable=False),  # of the machine, for people
    sa.Column("started_at", Utc, nullable=False),
    sa.Column("renewed_at", Utc, nullable=False),
    sa.Column("beats", sa.Integer, nullable=False),  # grows: clocks may differ
    sa.Column("roles", Words(), nullable=False),
    sa.Column("store", Words(), nullable=False),  # where its images are
)

#: How many posts there are, and jobs in each state.  On SQLite it is kept by triggers
#: (the migration a3 has them), since counting takes longer every year; a migration
#: that makes `posts` or `jobs` anew, as Alembic's batch mode does, makes these anew.
#: On PostgreSQL it is a view that counts: writers would wait for each other's rows.
tallies = sa.Table(
    "tallies",
    metadata,
    sa.Column("source", Words(64), primary_key=True),
    sa.Column("what", Words(16), primary_key=True),  # "posts", or a state
    sa.Column("count", sa.Integer, nullable=False),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _source(),
    sa.Column("job_id", sa.ForeignKey("jobs.id"), nullable=False, index=True),
    sa.Column("at", Utc, nullable=False),
    sa.Column("event", Words(16), nullable=False),
    sa.Column("state", by_value(State), nullable=False),  # after it
    sa.Column("reason", Words(), nullable=False),
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
    sa.Column("provider", Words(32), nullable=False),
    sa.Column("model", Words()),
    sa.Column("generation", sa.Integer, nullable=False),  # of the breaker when asked
    sa.Column("price", sa.Float, nullable=False),
    sa.Column("cost", sa.Float, nullable=False),  # money; 0 when free or included
    sa.Column("covered", sa.Float, nullable=False),  # by what is included
    sa.Column("started_at", Utc, nullable=False),
    sa.Column("ended_at", Utc),
    sa.Column("outcome", Words(16)),  # none: open
    sa.Column("http_status", sa.Integer),
    sa.Column("remote", Words()),  # a job id or result URL
    sa.Column("seed", Big, nullable=False),
    sa.Column("file_name", Words(by_code=True), nullable=False, unique=True),
    sa.Column("error", Words(), nullable=False),
    sa.Index("ix_attempts_provider_started", "provider", "started_at"),
    sa.Index("ix_attempts_started", "started_at"),
    # All that sums of money need, so that they are read from it alone.
    sa.Index(
        "ix_attempts_sums",
        *("started_at", "provider", "outcome", "cost", "covered"),
    ),
    sa.Index("ix_attempts_open", "outcome", **some("outcome IS NULL")),
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
    sa.Column("provider", Words(32), nullable=False),
    sa.Column("is_card", sa.Boolean, nullable=False),
    sa.Column("card_why", Words(), nullable=False),  # why no service made it
    sa.Column("replaceable", sa.Boolean, nullable=False),
    sa.Column("name", Words(by_code=True), nullable=False, unique=True),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("bytes", sa.Integer, nullable=False),
    sa.Column("sha256", Words(64), nullable=False),
    sa.Column("seed", Big, nullable=False),
    sa.Column("model", Words()),
    sa.Column("prompt", Words(), nullable=False),
    sa.Column("fingerprint", Words(64), nullable=False),  # of what it was made
    sa.Column("made_at", Utc, nullable=False),
    sa.Column("upload_id", Words()),
    sa.Column("shown_at", Utc),  # Notion confirmed that the page shows it
    sa.Column("pruned_at", Utc),  # its file was removed on purpose
    sa.Index("ix_images_page", "source", "page_id"),
    sa.Index(
        "ix_images_replaceable",
        "source",
        "made_at",
        **some("replaceable"),
    ),
)

breakers = sa.Table(
    "breakers",
    metadata,
    sa.Column("source", Words(64), primary_key=True),
    sa.Column("name", Words(32), primary_key=True),
    sa.Column("state", Words(16), nullable=False),
    sa.Column("reason", Words(16)),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("trips", sa.Integer, nullable=False),
    sa.Column("opened_at", Utc),
    sa.Column("until", Utc),
    sa.Column("probe_at", Utc),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("probe_owner", Words(64)),
    sa.Column("probe_until", Utc),
    sa.Column("settings", Words(64), nullable=False),
    sa.Column("message", Words(), nullable=False),
)
