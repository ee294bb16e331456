"""What the account of a provider said about its credits when it was asked last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "a8_accounts"
down_revision = "a7_names"
branch_labels = None
depends_on = None


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length=length).with_variant(sa.Text(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("provider", _text(32), nullable=False),
        sa.Column("settings", _text(64), nullable=False),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("included", sa.Float(), nullable=True),
        sa.Column("used", sa.Float(), nullable=True),
        sa.Column("spend_limit", sa.Float(), nullable=True),
        sa.Column("counted_until", sa.DateTime(), nullable=False),
        sa.Column("resets_at", sa.DateTime(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("missing_rights", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("provider", name=op.f("pk_accounts")),
    )
