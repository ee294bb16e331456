"""Pauses, and images whose file was pruned.

Amended since for PostgreSQL; SQLite gets byte for byte what it got before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "a2_upkeep"
down_revision = "a1_first"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pauses",
        sa.Column(
            "source",
            sa.String(length=64).with_variant(sa.Text(), "postgresql"),
            nullable=False,
        ),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_pauses")),
    )
    op.add_column("images", sa.Column("pruned_at", sa.DateTime(), nullable=True))
