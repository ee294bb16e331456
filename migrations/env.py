"""How Alembic reaches the database: the connection `db.upgrade` hands over.

From the command line, for writing and checking revisions:
`alembic -x db=FILE upgrade head`.
"""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from alembic import context

from db.tables import Utc, metadata


def plain(kind: str, value: object, _context: object) -> str | Literal[False]:
    """Write our own types as what they are: a revision must not follow the code."""
    return "sa.DateTime()" if kind == "type" and isinstance(value, Utc) else False


def migrate(connection: sa.Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,  # SQLite cannot ALTER much
        compare_server_default=True,
        render_item=plain,
    )
    with context.begin_transaction():
        context.run_migrations()


connection = context.config.attributes.get("connection")
if connection is not None:
    migrate(connection)
else:
    file = context.get_x_argument(as_dictionary=True).get("db", "")
    with sa.create_engine(f"sqlite:///{file}").begin() as connection:
        migrate(connection)
