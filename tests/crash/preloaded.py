"""All that a life imports, imported once for all of them."""

from __future__ import annotations

import tests.crash.child  # noqa: F401 - the life itself
from tests.daemon.cli.zygote import import_all

import_all()
