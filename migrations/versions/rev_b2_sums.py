"""The index of the sums of spending covers the source, by which they are grouped.

It is a revision of its own, because a release that lacks it works with the same data:
the tests of an upgrade take such a release as the one before.
"""

from __future__ import annotations

from alembic import op

revision = "b2_sums"
down_revision = "b1_written"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_attempts_sums", "attempts")
    op.create_index(
        "ix_attempts_sums",
        "attempts",
        ["started_at", "source", "provider", "outcome", "cost", "included_cost"],
    )
