"""Names of the field for columns, the table of counts, and outcomes of calls.

SQLite renames columns and tables in place, without copying rows.  Only `jobs` is
rewritten, where a truth value becomes the time when it became true.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "a7_names"
down_revision = "a6_claimed"
branch_labels = None
depends_on = None

_COLUMNS = {
    "jobs": {
        "owed": "pending_write",
        "owed_note": "pending_note",
        "waits_for": "waiting_for_provider",
        "waited_since": "first_waited_at",
    },
    "posts": {
        "shows": "shown_files",
        "chosen": "matches_only",
        "skipped": "matches_skip",
        "gone": "removed",
        "answered": "rejected_fingerprint",
        "made": "image_fingerprint",
        "alt": "our_alt_text",
    },
    "sync": {
        "shut": "access_error",
        "scope": "sweep_scope",
        "swept_at": "last_sweep_at",
    },
    "attempts": {"covered": "included_cost", "remote": "remote_id"},
    "breakers": {"trips": "consecutive_opens"},
    "daemons": {"beats": "heartbeat_count"},
}
_OUTCOMES = {
    "throttled": "rate_limited",
    "token": "unauthorized",
    "unusable": "invalid_image",
    "rejected": "bad_request",
    "gone": "not_found",
}

#: The triggers of migration a3, with the new name of their table.
_OLD_TRIGGERS = (
    *("tally_posts_insert", "tally_posts_delete"),
    *("tally_jobs_insert", "tally_jobs_delete", "tally_jobs_move"),
)
_MORE = """INSERT INTO counters (source, what, count) VALUES (new.source, {what}, 1)
    ON CONFLICT (source, what) DO UPDATE SET count = count + 1;"""
_LESS = """UPDATE counters SET count = count - 1
    WHERE source = old.source AND what = {what};"""
_TRIGGERS = (
    "count_posts_insert AFTER INSERT ON posts BEGIN " + _MORE.format(what="'posts'"),
    "count_posts_delete AFTER DELETE ON posts BEGIN " + _LESS.format(what="'posts'"),
    "count_jobs_insert AFTER INSERT ON jobs BEGIN " + _MORE.format(what="new.state"),
    "count_jobs_delete AFTER DELETE ON jobs BEGIN " + _LESS.format(what="old.state"),
    "count_jobs_move AFTER UPDATE OF state ON jobs WHEN old.state <> new.state BEGIN "
    + _LESS.format(what="old.state")
    + _MORE.format(what="new.state"),
)


def upgrade() -> None:
    _rename_counters()
    for table, names in _COLUMNS.items():
        for old, new in names.items():
            op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    op.add_column("jobs", sa.Column("waiting_notified_at", sa.DateTime()))
    # The last change of state is the closest time that is known.
    op.execute("UPDATE jobs SET waiting_notified_at = moved_at WHERE told_waiting")
    op.execute("ALTER TABLE jobs DROP COLUMN told_waiting")
    for table, column in (("attempts", "outcome"), ("breakers", "reason")):
        words = sa.column(column, sa.Text())
        op.execute(
            sa.table(table, words)
            .update()
            .where(words.in_(list(_OUTCOMES)))
            .values({column: sa.case(_OUTCOMES, value=words)})
        )


def _rename_counters() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER VIEW tallies RENAME TO counters")
        return
    for trigger in _OLD_TRIGGERS:
        op.execute(f"DROP TRIGGER {trigger}")
    op.execute("ALTER TABLE tallies RENAME TO counters")
    for trigger in _TRIGGERS:
        op.execute(f"CREATE TRIGGER {trigger} END")
