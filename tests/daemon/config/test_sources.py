"""`[sources.NAME]`: what is wrong with one is said, and whose token is whose."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.config import load_settings
from daemon.errors import ConfigError


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[sources.a]\nposts = {}\n", "sources.a.data_source is missing"),
        (
            (
                f'[sources.a]\ndata_source = "{"a" * 32}"\n'
                f'[sources.b]\ndata_source = "https://notion.so/{"a" * 32}"\n'
            ),
            "sources.b.data_source is the same database as that of sources.a",
        ),
        (
            (
                f'[notion]\ndata_source = "{"a" * 32}"\n'
                f'[sources.b]\ndata_source = "{"b" * 32}"\n'
            ),
            "notion.data_source has no effect beside [sources.NAME]",
        ),
        ('[sources."A B"]\ndata_source = "x"\n', "sources.A B: the name must consist"),
        (
            f'[sources.a]\ndata_source = "{"a" * 32}"\ntoken = "ntn_1234567890"\n',
            "sources.a.token must be the name of a secret",
        ),
        (
            f'[sources.a]\ndata_source = "{"a" * 32}"\nchain = ["flox"]\n',
            "sources.a.chain: 'flox' is not a provider. Did you mean flux?",
        ),
        (
            (
                f'[sources.a]\ndata_source = "{"a" * 32}"\n'
                '[sources.a.properties]\nstatus = "Post"\n'
            ),
            "sources.a.properties: post and status name the same property",
        ),
        (
            f'[sources.a]\ndata_source = "{"a" * 32}"\n[sources.a.post]\ntries = 1\n',
            "sources.a.post is not a setting. Did you mean sources.a.posts?",
        ),
        (
            (
                f'[sources.a]\ndata_source = "{"a" * 32}"\n'
                '[sources.a.images]\nmin_free_disk = "1GiB"\n'
            ),
            (
                "sources.a.images.min_free_disk is not a setting. Did you mean "
                "images.min_free_disk?"
            ),
        ),
    ],
)
def test_what_is_wrong_with_sources_is_said(
    tmp_path: Path, toml: str, said: str
) -> None:
    (tmp_path / "postbrush.toml").write_text(toml)
    with pytest.raises(ConfigError) as refused:
        load_settings(tmp_path / "postbrush.toml", {}, tmp_path)
    assert any(line.startswith(said) for line in str(refused.value).splitlines())
    assert "ntn_1234567890" not in str(refused.value)


def test_a_token_is_the_sources_own_or_the_shared_one(tmp_path: Path) -> None:
    (tmp_path / "postbrush.toml").write_text(
        f'[sources.a-shop]\ndata_source = "{"a" * 32}"\n'
        f'[sources.b]\ndata_source = "{"b" * 32}"\ntoken = "OTHER"\n'
        f'[sources.c]\ndata_source = "{"c" * 32}"\n'
    )
    environ = {"NOTION_TOKEN": "one", "NOTION_TOKEN_A_SHOP": "two", "OTHER": "three"}
    settings = load_settings(tmp_path / "postbrush.toml", environ, tmp_path)
    tokens = [own.notion_token for own in settings.by_source().values()]
    assert [token.get_secret_value() for token in tokens if token] == [
        "two",
        "three",
        "one",
    ]
    # Redacted like every other.
    assert set(settings.secrets.all_values()) >= {"one", "two", "three"}
