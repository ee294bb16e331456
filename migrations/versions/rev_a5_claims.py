"""Who has claimed a job, when its page was read, and which daemons there are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "a5_claims"
down_revision = "a4_indexes"
branch_labels = None
depends_on = None


def _text(length: int) -> sa.types.TypeEngine[str]:
    """SQLite does not enforce a length, so PostgreSQL is not asked to."""
    return sa.String(length=length).with_variant(sa.Text(), "postgresql")


def upgrade() -> None:
    # The default is for the rows there are, and for a release before this one.
    op.add_column(
        "jobs",
        sa.Column(
            "claimed_by", _text(64), nullable=False, server_default=sa.text("''")
        ),
    )
    op.add_column("jobs", sa.Column("read_at", sa.DateTime(), nullable=True))
    op.add_column(
        "sync",
        sa.Column("shut", sa.Text(), nullable=False, server_default=sa.text("''")),
    )
    op.create_table(
        "daemons",
        sa.Column("id", _text(64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("renewed_at", sa.DateTime(), nullable=False),
        sa.Column("beats", sa.Integer(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_daemons")),
    )
