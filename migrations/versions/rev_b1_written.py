"""What the prompt writer has written for a job."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "b1_written"
down_revision = "a9_index"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("written", sa.JSON(), nullable=True))
