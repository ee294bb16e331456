"""An index over the pages whose status a later write replaces.

It is a revision of its own, because a release that lacks it works with the same data:
the tests of an upgrade take such a release as the one before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "b4_status_index"
down_revision = "b3_statuses"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_posts_interim",
        "posts",
        ["source"],
        sqlite_where=sa.text("interim_status <> ''"),
        postgresql_where=sa.text("interim_status <> ''"),
    )
