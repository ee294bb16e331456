"""Addresses that are secrets: where they come from, and that none gets out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon import config
from daemon.config import addresses, checks, list_origins
from daemon.service.log import Redactor
from tests.daemon.config.test_config import ENVIRON, problems_of

KEY = "AbcdefKey0123"
TELEGRAM = f"tgram://123456789:{KEY}/42"
NTFY = f"ntfys://me:secret-pass@ntfy.example.org/{KEY}?priority=high"
MAIL = f"mailto://me:{KEY}@example.org?to=a@example.org,b@example.org"
_PING = f"https://watch.example.org/api/push/{KEY}"
_NOTIFY = f'[notify]\nurls = ["{TELEGRAM}", "{NTFY}"]\nping = "{_PING}"\n'


@pytest.mark.parametrize("way", ["variable", "file", "credentials"])
@pytest.mark.parametrize("between", [",", "\n", ", \n"])
def test_notifiers_come_from_the_file_and_from_a_variable_each_once(
    tmp_path: Path, way: str, between: str
) -> None:
    (tmp_path / "postbrush.toml").write_text(_NOTIFY)
    written = between.join([MAIL, TELEGRAM])
    environ = dict(ENVIRON)
    (tmp_path / "NOTIFY_URLS").write_text(f"{written}\n")
    if way == "variable":
        environ["NOTIFY_URLS"] = written
    elif way == "file":
        environ["NOTIFY_URLS_FILE"] = str(tmp_path / "NOTIFY_URLS")
    else:
        environ["CREDENTIALS_DIRECTORY"] = str(tmp_path)
    notifiers = config.load_settings(None, environ, tmp_path).list_notifiers()
    assert [
        (notifier.place, notifier.url.get_secret_value()) for notifier in notifiers
    ] == [
        ("notify.urls no. 1 (tgram)", TELEGRAM),
        ("notify.urls no. 2 (ntfys)", NTFY),
        ("NOTIFY_URLS no. 1 (mailto)", MAIL),
    ]


def test_no_address_is_shown_and_the_log_knows_its_secret_parts(tmp_path: Path) -> None:
    (tmp_path / "postbrush.toml").write_text(_NOTIFY)
    environ = {**ENVIRON, "NOTIFY_URLS": MAIL, "POSTBRUSH_NOTIFY__PING": _PING}
    settings = config.load_settings(None, environ, tmp_path)
    rows = {key: (value, origin) for key, value, origin in list_origins(settings)}
    assert rows["notify.urls"][0] == "2 (secret)"
    assert rows["notify.ping"] == (
        "watch.example.org (the rest is secret)",
        "POSTBRUSH_NOTIFY__PING",
    )
    assert rows["NOTIFY_URLS"] == ("set", "NOTIFY_URLS")
    shown = (
        f"{rows}{settings}{settings.list_notifiers()}{settings.options.model_dump()}"
    )
    clean = Redactor(settings.secrets.all_values())
    for secret in (KEY, "secret-pass"):
        assert secret not in shown
        assert secret not in clean(f"POST /x/{secret} failed")
    # What is no secret is still said.
    words = "localhost example.org watch.example.org me priority high postbrush"
    assert clean(words) == words


@pytest.mark.parametrize(
    ("toml", "environ", "tells"),
    [
        (
            '[notify]\nurls = ["https://x.org", "nokey0123"]',
            {},
            "urls has an entry (no. 2) that is not",
        ),
        ('[notify]\nurls = "ntfy://nokey0123"', {}, "notify.urls must be"),
        ('[notify]\nping = "nokey0123"', {}, "notify.ping must be an address"),
        ('[notify]\nping = "file:///nokey0123"', {}, "notify.ping must be an"),
        ('[notify]\nurl = ["x"]', {}, "Did you mean notify.urls"),
        (
            "",
            {"NOTIFY_URLS": "nokey0123"},
            "NOTIFY_URLS has an entry (no. 1) that is not an address",
        ),
        ("", {"NOTIFY_URLS": "ntfy://nokey0123ä"}, "must be addresses such as"),
        ("", {"POSTBRUSH_NOTIFY__URLS": "[nokey0123"}, "is not valid JSON"),
    ],
)
def test_a_wrong_notifier_is_named_by_its_place(
    tmp_path: Path, toml: str, environ: dict[str, str], tells: str
) -> None:
    said = "\n".join(problems_of(tmp_path, toml, **environ))
    assert tells in said
    assert "nokey0123" not in said


def test_without_apprise_notifiers_are_a_problem_that_says_how_to_install_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "postbrush.toml").write_text(_NOTIFY)
    settings = config.load_settings(None, ENVIRON, tmp_path)
    (problem,) = checks.check_notifiers(
        settings.options, settings.secrets, installed=False
    )
    assert problem.startswith("notify.urls: Apprise, which sends notifications, is not")
    assert "`make notify`" in problem
    assert not list(
        checks.check_notifiers(settings.options, settings.secrets, installed=True)
    )
    (tmp_path / "postbrush.toml").write_text("")
    bare = config.load_settings(None, ENVIRON, tmp_path)
    assert not list(checks.check_notifiers(bare.options, bare.secrets, installed=False))


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_address_is_taken_apart(text: str, more: str) -> None:
    for one in (text, f"{text}://{more}"):
        assert one in addresses.secret_parts(one)
        assert isinstance(addresses.host_of(one), str)
        assert addresses.split_addresses(f"{one}\n,{one}") is not None
