"""Indexes for what is asked all the time, so that years of posts cost no more.

Amended since for PostgreSQL; SQLite gets byte for byte what it got before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "a4_indexes"
down_revision = "a3_tallies"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_attempts_sums",
        "attempts",
        ["started_at", "provider", "outcome", "cost", "covered"],
    )
    op.create_index("ix_jobs_state", "jobs", ["state"])
    op.create_index("ix_images_attempt_id", "images", ["attempt_id"])
    op.create_index(
        "ix_images_replaceable",
        "images",
        ["source", "made_at"],
        sqlite_where=sa.text("replaceable"),
        postgresql_where=sa.text("replaceable"),
    )
    op.create_index("ix_jobs_reason_created", "jobs", ["reason", "created_at"])
    op.create_index(
        "ix_posts_replace_tried",
        "posts",
        ["source", "replace_tried_at"],
        sqlite_where=sa.text("replace_tried_at IS NOT NULL"),
        postgresql_where=sa.text("replace_tried_at IS NOT NULL"),
    )
