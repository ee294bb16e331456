"""The status on each page that a later write of postbrush replaces."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "b3_statuses"
down_revision = "b2_sums"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "posts",
        sa.Column(
            "interim_status", sa.Text(), nullable=False, server_default=sa.text("''")
        ),
    )
