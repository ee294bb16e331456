"""How Alembic reaches the database: the connection `db.upgrade` hands over.

From the command line, for writing and checking revisions:
`alembic -x db=FILE upgrade head`, or the address of a PostgreSQL database.
"""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from alembic import context

from db.mapping import CleanText, UtcDateTime
from db.tables import counters, metadata


def plain(kind: str, value: object, _context: object) -> str | Literal[False]:
    """Write our own types as what they are: a revision must not follow the code."""
    if kind == "type" and isinstance(value, UtcDateTime):
        return "sa.DateTime()"
    if kind == "type" and isinstance(value, CleanText):
        return f"sa.String(length={value.length})" if value.length else "sa.Text()"
    return False


def is_table(_object: object, name: str | None, kind: str, *_more: object) -> bool:
    """Pass over what is a view on PostgreSQL."""
    on_server = context.get_context().dialect.name == "postgresql"
    return not (on_server and kind == "table" and name == counters.name)


def migrate(connection: sa.Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,  # SQLite cannot ALTER much
        compare_server_default=True,
        render_item=plain,
        include_object=is_table,
    )
    with context.begin_transaction():
        context.run_migrations()


connection = context.config.attributes.get("connection")
if connection is not None:
    migrate(connection)
else:
    place = context.get_x_argument(as_dictionary=True).get("db", "")
    url = place if "://" in place else f"sqlite:///{place}"
    with sa.create_engine(url).begin() as connection:
        migrate(connection)
