"""Jobs in work by who claimed them: what a daemon that comes back looks for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "a6_claimed"
down_revision = "a5_claims"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_jobs_claimed",
        "jobs",
        ["claimed_by"],
        sqlite_where=sa.text("state = 'generating'"),
        postgresql_where=sa.text("state = 'generating'"),
    )
