"""What SQLAlchemy has compiled, kept for all databases of a test process.

It keeps that by engine, and each test has engines of its own: half of a short test went
into compiling the same statements again.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


class _Statements(dict[Any, Any]):
    """Finds a statement that another engine of the same kind has compiled.

    A key begins with the dialect, of which each engine has its own.
    """

    def get(self, key: Any, default: Any = None) -> Any:  # noqa: ANN401 - SQLAlchemy's
        return super().get((type(key[0]), *key[1:]), default)

    def __setitem__(self, key: Any, value: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
        super().__setitem__((type(key[0]), *key[1:]), value)


_STATEMENTS = _Statements()


def share_compiled_statements() -> None:
    """Let every connection from now on use the statements of all."""
    sa.event.listen(sa.Engine, "engine_connect", _share)


def _share(connection: sa.Connection) -> None:
    connection.execution_options(compiled_cache=_STATEMENTS)
