"""The configuration: every mistake named at once, nothing secret shown."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon import config
from daemon.config import list_origins
from daemon.config.parsing import parse_duration, parse_size, show_bytes, show_duration
from daemon.errors import ConfigError

TOKEN = "ntn_" + "k" * 40
ENVIRON = {"NOTION_TOKEN": TOKEN}


def problems_of(folder: Path, toml: str, **environ: str) -> list[str]:
    (folder / "postbrush.toml").write_text(toml)
    with pytest.raises(ConfigError) as caught:
        config.load_settings(None, {**ENVIRON, **environ}, folder)
    assert TOKEN not in str(caught.value)
    return caught.value.problems


@pytest.mark.parametrize(
    ("toml", "tells"),
    [
        (
            '[post]\nwait_after_edit = "2m"',
            "post is not a setting. Did you mean posts?",
        ),
        (
            '[posts]\nwait_after_edits = "2m"',
            "wait_after_edits is not a setting. Did you mean posts.wait_after_edit?",
        ),
        (
            'wait_after_edit = "2m"',
            "wait_after_edit is not a setting. Did you mean posts.wait_after_edit?",
        ),
        (
            '[posts]\nwait_after_edit = "2 minutes"',
            'posts.wait_after_edit must be a duration, such as "30s"',
        ),
        ("[posts]\napprove_above = -1", "posts.approve_above must be at least 0"),
        (
            '[posts]\napprove_above = "many"',
            "posts.approve_above must be a whole number",
        ),
        (
            '[images]\nformat = "huge"',
            "images.format must be one of these formats: square",
        ),
        (
            '[images]\nmin_free_disk = "lots"',
            'images.min_free_disk must be a size, such as "100MiB"',
        ),
        ('[card]\ncolor = "red"', 'card.color must be a color such as "#1a2b3c"'),
        (
            '[prompt]\ntemplate = "{promt}"',
            "contains {promt}, which is not a placeholder. Use {prompt}",
        ),
        ("[budget]\nmonth = -5", "budget.month"),
        ('chain = ["flux", "nobody"]', "nobody"),
        ('chain = ["freeapi", "freeapi"]', "chain names a provider twice"),
        ('on_refusal = "maybe"', 'on_refusal must be "fail" or "next"'),
        ('[notion]\ntoken = "ntn_abc"', "do not put secrets in this file"),
        (
            '[notion.properties]\nimage = "A"\nregenerate = "A"',
            "name the same property",
        ),
        ('[database]\nurl = "postgresql://x"', "database.url must be postgresql"),
        ('[database]\nurl = "sqlite:///x.db"', "Leave it empty for an SQLite file"),
        ("[posts]\nonly = { Status = 3 }", "posts.only must compare with a text"),
        ("[posts]\non_done = { Status = 3 }", "posts.on_done must set a text"),
        ('[posts]\nreplace_cards = "999999d"', "at most 3650d"),
        (
            '[notion]\npoll_interval = "0s"',
            "notion.poll_interval must be at least 100ms",
        ),
        ('[card]\nfont = "/nowhere.ttf"', "card.font: /nowhere.ttf cannot be read"),
        ('[card]\nlogo = "postbrush.toml"', "is not a .png, .jpg or .webp picture"),
        ("[posts", "not valid TOML"),
        (
            '[notion]\ndata_source = "https://example.org/x"',
            "is not a Notion ID or link",
        ),
        ('[providers.flux]\nrout = "auto"', "providers.flux.rout"),
        ('[providers.flux]\nroute = "moon"', "providers.flux.route"),
        (
            '[web]\nlisten = "8787"',
            'web.listen must be ADDRESS:PORT, such as "127.0.0.1:8787"',
        ),
        (
            '[web]\nlisten = "127.0.0.1:99999"',
            "web.listen has the port 99999, but ports go from 1 to 65535",
        ),
        (
            '[posts]\nonly = "Ready"',
            'posts.only must be a table, such as { "Status" = "Ready" }',
        ),
        ("posts = 3", "posts must be a table, such as [posts] with its settings"),
        ('chain = "flux"', 'chain must be a list, such as ["first", "second"]'),
        ('free_only = "maybe"', "free_only must be true or false"),
        ("[posts]\ntries = 99", "posts.tries must be at most 20"),
        ("[prompt]\nstyle = 3", "prompt.style must be a text in quotes, such as"),
        ('[notion.properties]\nimage = ""', "must be at least one character long"),
        ('[log]\nlevel = "loud"', 'log.level must be "debug", "info", "warning" or'),
        ('[web]\nhosts = ["https://a.example"]', "web.hosts must be a host name"),
        (
            '[web]\nlisten = "0.0.0.0:8787"',
            "other machines can reach 0.0.0.0:8787. Put",
        ),
        ('[web]\nlisten = "shelf.local:80"', "WEB_PASSWORD"),
    ],
)
def test_each_mistake_says_what_is_right(tmp_path: Path, toml: str, tells: str) -> None:
    problems = problems_of(tmp_path, toml)
    assert any(tells in line for line in problems), problems
    assert problems[-1].endswith(str(tmp_path / "postbrush.toml"))


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    toml = (
        '[posts]\nwait_after_edits = "1m"\napprove_above = "x"\n[card]\ncolor = "red"\n'
    )
    problems = problems_of(
        tmp_path,
        toml,
        POSTBRUSH_POSTS__APROVE_ABOVE="3",
        HUGGINGFACE_TOKEN_FILE="/nowhere",
    )
    text = "\n".join(problems)
    for part in (
        "posts.wait_after_edits",
        "posts.approve_above",
        "card.color",
        (
            "POSTBRUSH_POSTS__APROVE_ABOVE is not a setting. Did you mean "
            "POSTBRUSH_POSTS__APPROVE_ABOVE?"
        ),
        "HUGGINGFACE_TOKEN_FILE: cannot read /nowhere",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("value", "tells"),
    [
        ("flux,freeapi", "POSTBRUSH_CHAIN must be a list"),
        ('["flx"]', "POSTBRUSH_CHAIN: 'flx' is not a provider"),
        ("[]", "POSTBRUSH_CHAIN is empty"),
    ],
)
def test_a_wrong_value_of_a_variable_names_the_variable(
    tmp_path: Path, value: str, tells: str
) -> None:
    (problem,) = problems_of(tmp_path, "", POSTBRUSH_CHAIN=value)
    assert problem.startswith(tells)


def test_the_environment_wins_over_the_file_and_both_are_named(tmp_path: Path) -> None:
    (tmp_path / "postbrush.toml").write_text(
        '[posts]\nwait_after_edit = "5m"\napprove_above = 3\n'
    )
    environ = {**ENVIRON, "POSTBRUSH_POSTS__WAIT_AFTER_EDIT": "7m"}
    settings = config.load_settings(None, environ, tmp_path)
    assert settings.options.posts.wait_after_edit == timedelta(minutes=7)
    assert settings.options.posts.approve_above == 3
    named = {key: (value, origin) for key, value, origin in list_origins(settings)}
    assert named["posts.wait_after_edit"] == ("7m", "POSTBRUSH_POSTS__WAIT_AFTER_EDIT")
    assert named["posts.approve_above"][1] == str(tmp_path / "postbrush.toml")
    assert named["notion.poll_interval"] == ("10s", "default")


@pytest.mark.parametrize(
    "listen", ["127.0.0.1:8787", "[::1]:8787", "localhost:1", "127.8.8.8:80", "off"]
)
def test_the_page_needs_no_password_where_only_this_machine_sees_it(
    tmp_path: Path, listen: str
) -> None:
    environ = {**ENVIRON, "POSTBRUSH_WEB__LISTEN": listen}
    assert config.load_settings(None, environ, tmp_path).options.web.listen == listen


def test_the_page_is_for_others_with_a_password_of_some_length(tmp_path: Path) -> None:
    toml = '[web]\nlisten = "0.0.0.0:8787"'
    problems = problems_of(tmp_path, toml, WEB_PASSWORD="short")
    assert any("WEB_PASSWORD" in problem and "eight" in problem for problem in problems)
    (tmp_path / "postbrush.toml").write_text(toml)
    # A person's words: spaces and any letters.
    environ = {**ENVIRON, "WEB_PASSWORD": "süß ist der Schlaf"}
    settings = config.load_settings(None, environ, tmp_path)
    assert "Schlaf" not in repr(settings)
    assert settings.secrets.web_password is not None


def test_with_only_a_token_everything_works(tmp_path: Path) -> None:
    settings = config.load_settings(None, ENVIRON, tmp_path)
    assert settings.data_dir == tmp_path
    assert settings.resolved_chain() == ("freeapi",)
    with_account = {**ENVIRON, "HF_TOKEN": "hf_" + "a" * 20}
    assert config.load_settings(None, with_account, tmp_path).resolved_chain() == (
        "flux",
        "space",
        "freeapi",
    )


@pytest.mark.parametrize("way", ["variable", "file", "loaded", "imported"])
def test_a_token_from_anywhere_is_shown_nowhere(tmp_path: Path, way: str) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    file = "postbrush.NOTION_TOKEN" if way == "imported" else "NOTION_TOKEN"
    (folder / file).write_text(f"{TOKEN}\n")
    environ = {
        "variable": ENVIRON,
        "file": {"NOTION_TOKEN_FILE": str(folder / "NOTION_TOKEN")},
    }.get(way, {"CREDENTIALS_DIRECTORY": str(folder)})
    settings = config.load_settings(None, environ, tmp_path)
    assert settings.notion_token is not None
    assert settings.notion_token.get_secret_value() == TOKEN
    assert TOKEN not in repr(settings)
    assert TOKEN not in str(list(list_origins(settings)))


@pytest.mark.parametrize("value", ["tök", "x\x00y", "x" * 1001])
def test_what_does_not_look_like_a_token_is_said_without_it(
    tmp_path: Path, value: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load_settings(None, {"NOTION_TOKEN": value}, tmp_path)
    assert "is not a token" in str(caught.value)
    assert value not in str(caught.value)


def test_the_data_folder_is_the_files_or_the_state_directory(tmp_path: Path) -> None:
    inner = tmp_path / "etc"
    inner.mkdir()
    file = inner / "postbrush.toml"
    file.write_text('data_dir = "here"\n')
    assert config.load_settings(file, ENVIRON, tmp_path).data_dir == inner / "here"
    file.write_text("")
    environ = {**ENVIRON, "STATE_DIRECTORY": str(tmp_path / "state")}
    assert config.load_settings(file, environ, tmp_path).data_dir == tmp_path / "state"


@given(st.integers(0, 10**9))
def test_durations_are_read_as_they_are_shown(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)
    assert parse_duration(show_duration(duration)) == duration


@given(st.integers(1024, 2**50).map(lambda size: size // 1024 * 1024))
def test_sizes_are_read_as_they_are_shown(size: int) -> None:
    if size // 1024 < 10**9:
        assert parse_size(show_bytes(size)) == size


@given(st.text(max_size=200))
def test_any_text_is_a_configuration_or_a_list_ofproblems(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "postbrush.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        config.load_settings(None, ENVIRON, folder)
    except ConfigError as error:
        assert error.problems  # noqa: PT017 - either is right
    else:
        written = (folder / "postbrush.toml").read_text("utf-8")
        assert isinstance(tomllib.loads(written), dict)


def test_a_table_in_the_environment_is_json(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, "", POSTBRUSH_POSTS__ONLY='{"Status"="A"}')
    assert any(
        "POSTBRUSH_POSTS__ONLY is not valid JSON" in problem for problem in problems
    )


def test_a_file_from_a_windows_editor_is_read(tmp_path: Path) -> None:
    (tmp_path / "postbrush.toml").write_text("\ufeff[posts]\napprove_above = 3\n")
    assert config.load_settings(None, {}, tmp_path).options.posts.approve_above == 3


def test_a_folder_in_the_files_place_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "postbrush.toml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        config.load_settings(None, {}, tmp_path)
