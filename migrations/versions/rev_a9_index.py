"""The name of the index over pending writes.

It is a revision of its own, because a release that lacks it works with the same data:
the tests of an upgrade take such a release as the one before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "a9_index"
down_revision = "a8_accounts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_jobs_owed", "jobs")
    op.create_index(
        "ix_jobs_pending_write",
        "jobs",
        ["pending_write"],
        sqlite_where=sa.text("pending_write <> ''"),
        postgresql_where=sa.text("pending_write <> ''"),
    )
