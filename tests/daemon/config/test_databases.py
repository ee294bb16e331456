"""`database.url`: what is taken, and that its password gets out nowhere."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon import app, config
from daemon.config import addresses, checks, list_origins
from daemon.service.log import Redactor
from db.sqlite import Sqlite
from tests.daemon.config.test_config import ENVIRON, problems_of

_PASSWORD = "s3cret-Pass/word"
_URL = "postgresql://me:s3cret-Pass%2Fword@db.example.org:5433/brush?sslmode=require"


def test_a_password_in_the_address_is_used_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "postbrush.toml").write_text(f'[database]\nurl = "{_URL}"')
    settings = config.load_settings(None, ENVIRON, tmp_path)
    place = app.database_backend(settings)
    assert str(place) == "db.example.org:5433/brush (PostgreSQL)"
    assert settings.options.database.url.get_secret_value() == _URL.replace(
        "postgresql", "postgresql+psycopg"
    )
    rows = {key: (value, origin) for key, value, origin in list_origins(settings)}
    assert rows["database.url"] == (
        "postgresql+psycopg://me@db.example.org:5433/brush",
        str(tmp_path / "postbrush.toml"),
    )
    shown = f"{rows}{settings}{settings.options.model_dump()}{place}{place!r}"
    clean = Redactor(settings.secrets.all_values())
    for secret in (_PASSWORD, "s3cret-Pass%2Fword"):
        assert secret not in shown
        assert secret not in clean(f"FATAL: {secret} is wrong")
    assert clean("brush db.example.org me") == "brush db.example.org me"


@pytest.mark.parametrize("way", ["variable", "file", "credentials", "secrets"])
def test_a_password_comes_from_where_secrets_come_from(
    tmp_path: Path, way: str
) -> None:
    environ = {**ENVIRON, "POSTBRUSH_DATABASE__URL": "postgres://me@db.example.org/x"}
    written = "pass w:/@rd ä"
    folder = tmp_path / ("secrets" if way == "secrets" else "elsewhere")
    folder.mkdir()
    (folder / "DATABASE_PASSWORD").write_text(f"{written}\n")
    if way == "variable":
        environ["DATABASE_PASSWORD"] = written
    elif way == "file":
        environ["DATABASE_PASSWORD_FILE"] = str(folder / "DATABASE_PASSWORD")
    elif way == "credentials":
        environ["CREDENTIALS_DIRECTORY"] = str(folder)
    settings = config.load_settings(None, environ, tmp_path)
    place = app.database_backend(settings)
    assert not isinstance(place, Sqlite)
    assert place.connection_parameters()["password"] == written  # type: ignore[attr-defined]  # of PostgreSQL's
    rows = {key: value for key, value, _ in list_origins(settings)}
    assert rows["DATABASE_PASSWORD"] == "set"
    assert written not in f"{rows}{settings}{place!r}"


def test_without_an_address_it_is_the_file_in_the_data_folder(tmp_path: Path) -> None:
    settings = config.load_settings(None, ENVIRON, tmp_path)
    place = app.database_backend(settings)
    assert isinstance(place, Sqlite)
    assert place.path == tmp_path / "postbrush.db"


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///nokey0123.db",
        "mysql://me:nokey0123@h/x",
        "postgresql+asyncpg://me:nokey0123@h/x",
        "postgresql:me:nokey0123@h/x",
        "postgresql://me:nokey0123@h",
        "postgresql://me:nokey0123@h/",
        "postgresql://me:nokey0123@h:port/x",
        "postgresql://me:nokey0123/x@h/",
        "nokey0123",
    ],
)
def test_what_is_no_address_of_postgresql_is_one_line_that_does_not_say_it(
    tmp_path: Path, url: str
) -> None:
    problems = problems_of(tmp_path, f'[database]\nurl = "{url}"')
    (said,) = [problem for problem in problems if problem.startswith("database.url")]
    assert "postgresql+psycopg://USER@HOST" in said
    assert "nokey0123" not in "\n".join(problems)


def test_without_the_driver_it_is_a_problem_that_says_how_to_install_it(
    tmp_path: Path,
) -> None:
    environ = {**ENVIRON, "POSTBRUSH_DATABASE__URL": _URL}
    settings = config.load_settings(None, environ, tmp_path)
    (problem,) = checks.check_database(settings.options, installed=False)
    assert problem.startswith("database.url: psycopg, the PostgreSQL driver, is")
    assert "`make postgres`" in problem
    assert not list(checks.check_database(settings.options, installed=True))
    bare = config.load_settings(None, ENVIRON, tmp_path)
    assert not list(checks.check_database(bare.options, installed=False))


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_address_is_refused_or_has_one_scheme(text: str, more: str) -> None:
    for url in (text, f"postgres://{text}", f"postgresql://{text}@{more}/x"):
        with suppress(ValueError):
            made = addresses.normalize_database_url(url)
            assert made == "" or made.startswith("postgresql+psycopg://")
            assert addresses.normalize_database_url(made) == made
            assert isinstance(addresses.mask_database_url(made), str)
