"""Tallies of posts and jobs: counting them all takes longer every year.

Amended since for PostgreSQL; SQLite gets byte for byte what it got before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "a3_tallies"
down_revision = "a2_upkeep"
branch_labels = None
depends_on = None

#: The tallies are kept by the database itself, so that they are true whoever writes.
_MORE = """INSERT INTO tallies (source, what, count) VALUES (new.source, {what}, 1)
    ON CONFLICT (source, what) DO UPDATE SET count = count + 1;"""
_LESS = """UPDATE tallies SET count = count - 1
    WHERE source = old.source AND what = {what};"""
_TALLIES = (
    "tally_posts_insert AFTER INSERT ON posts BEGIN " + _MORE.format(what="'posts'"),
    "tally_posts_delete AFTER DELETE ON posts BEGIN " + _LESS.format(what="'posts'"),
    "tally_jobs_insert AFTER INSERT ON jobs BEGIN " + _MORE.format(what="new.state"),
    "tally_jobs_delete AFTER DELETE ON jobs BEGIN " + _LESS.format(what="old.state"),
    "tally_jobs_move AFTER UPDATE OF state ON jobs WHEN old.state <> new.state BEGIN "
    + _LESS.format(what="old.state")
    + _MORE.format(what="new.state"),
)

#: A server counts fast enough, and its writers would wait for each other's tallies.
_VIEW = """CREATE VIEW tallies (source, what, count) AS
    SELECT source, 'posts'::text, count(*)::integer FROM posts GROUP BY source
    UNION ALL
    SELECT source, state::text, count(*)::integer FROM jobs GROUP BY source, state"""


def upgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute(_VIEW)
        return
    op.create_table(
        "tallies",
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source", "what", name=op.f("pk_tallies")),
    )
    op.execute(
        "INSERT INTO tallies (source, what, count) "
        "SELECT source, 'posts', count(*) FROM posts GROUP BY source "
        "UNION ALL SELECT source, state, count(*) FROM jobs GROUP BY source, state"
    )
    for trigger in _TALLIES:
        op.execute(f"CREATE TRIGGER {trigger} END")
