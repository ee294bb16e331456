"""What the README, `docs/`, `--help` and the example say is what the program does."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from daemon import config
from daemon.cli.command_group import app
from daemon.clock import utc_now
from daemon.config.entries import DEFAULT, source_tokens
from daemon.config.model import (
    ImagesSection,
    Options,
    PropertyNames,
    SourceImagesSection,
    SourceSection,
)
from daemon.config.parsing import parse_format
from daemon.config.secret import STORE
from db.states import FINAL, TRANSITIONS, JobState
from providers import KINDS, build_provider, writers
from providers.base import ProviderSettings
from tests.make_reference import render_reference

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
PAGES = {path.stem: path.read_text() for path in sorted(ROOT.glob("docs/*.md"))}
GUIDE = "\n".join([README, *PAGES.values()])
SOURCES = "\n".join(
    path.read_text()
    for folder in ("daemon", "providers")
    for path in ROOT.glob(f"{folder}/**/*.py")
)


def _blocks(kind: str, text: str = GUIDE) -> list[str]:
    return re.findall(rf"^ *```{kind}\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)


def _table(page: str, heading: str) -> list[list[str]]:
    """Return the rows of the first table after a heading of a page."""
    after = PAGES[page].partition(heading)[2]
    table = re.search(r"(?:^\|.*\n)+", after, re.MULTILINE)
    assert table is not None, heading
    lines = table.group(0).splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" |")] for line in lines]


def _help(*words: str) -> dict[str, str]:
    said = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200"})
    listed = said.output.partition("Commands:")[2]
    found = re.findall(r"^ {2}([a-z-]+) {2,}(.+)$", listed, re.MULTILINE)
    return {name: text.strip() for name, text in found}


def test_the_two_commands_come_first() -> None:
    lines = _blocks("sh", README)[0].splitlines()
    assert [line.split("#")[0].strip() for line in lines] == ["make demo", "make test"]
    assert README.index("make demo") < 100
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_every_make_target_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`?make ([a-z0-9]+)`?", "\n".join(_blocks("sh"))):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_table_of_commands_is_what_help_says() -> None:
    rows = {row[0].strip("`"): row[1] for row in _table("commands", "# Commands")}
    reset = rows.pop("providers reset NAME")
    listed = {name.split()[0]: text for name, text in rows.items()}
    assert listed == _help()
    assert reset == _help("providers")["reset"]


def test_every_command_line_has_options_of_its_command() -> None:
    lines = re.findall(
        r"^ *(?:sudo |\S*bin/)*postbrush ([a-z-]+(?: (?:re|un)?(?:set|install))?)(.*)$",
        "\n".join(_blocks("sh")),
        re.MULTILINE,
    )
    assert len(lines) > 15
    for command, rest in lines:
        usage = CliRunner().invoke(app, [*command.split(), "--help"]).output
        for option in re.findall(r" (--[a-z-]+)", rest.partition(" #")[0]):
            assert option in usage, (command, option)


def test_the_commands_that_take_one_source_are_those_that_are_named() -> None:
    named = re.search(r"`--source club` with ((?:[`a-z, \n]|and)+)", PAGES["several"])
    assert named is not None
    taking = [
        name
        for name in _help()
        if "--source" in CliRunner().invoke(app, [name, "--help"]).output
    ]
    assert sorted(re.findall(r"`([a-z]+)`", named[1])) == sorted(taking)


def test_what_is_said_to_differ_between_sources_is_what_can() -> None:
    named = re.search(r"What can differ:(.+?)\. The rest", PAGES["several"], re.DOTALL)
    assert named is not None
    own = set(SourceSection.model_fields) - {"data_source", "token"}
    kept = set(ImagesSection.model_fields) - set(SourceImagesSection.model_fields)
    assert "min_free_disk" in kept
    assert set(re.findall(r"`([a-z]+)`", named[1])) - {"min_free_disk"} == own


def test_the_names_that_are_given_to_sources_have_the_tokens_that_are_named() -> None:
    (block,) = [one for one in _blocks("toml") if "[sources.club]" in one]
    options = Options.model_validate(tomllib.loads(block))
    expected = {"NOTION_TOKEN", "NOTION_TOKEN_CLUB"}
    assert expected == set(source_tokens(options, "club"))
    assert expected <= set(re.findall(r"NOTION_TOKEN[A-Z_]*", PAGES["several"]))
    assert DEFAULT == "default"
    assert f"[sources.{DEFAULT}]" in PAGES["several"]


def test_the_lease_that_is_named_is_the_one_there_is() -> None:
    named = re.search(r"`database\.lease` \((\d+) minutes\)", PAGES["several"])
    assert named is not None
    assert Options().database.lease == timedelta(minutes=int(named[1]))


def test_the_table_of_columns_is_the_default_mapping() -> None:
    names = [row[0] for row in _table("setup", "## 2. The database")]
    defaults = [field.default for field in PropertyNames.model_fields.values()]
    assert sorted(names) == sorted(defaults)


def test_the_table_of_writers_is_the_registry() -> None:
    rows = {
        row[0].strip("`"): row for row in _table("services", "## The prompt writer")
    }
    assert list(rows) == list(writers.KINDS)
    for name, kind in writers.KINDS.items():
        needed = set(re.findall(r"[A-Z_]{5,}", rows[name][2])) - {"WRITER_TOKEN"}
        known = {*kind.token_variables, kind.account_variable} - {""}
        assert needed == (known if "token" in kind.required_settings else set())


def test_the_table_of_services_is_the_registry() -> None:
    table = _table("services", "## Image services")
    rows = {re.findall(r"[a-z0-9]+", row[0])[0]: row for row in table}
    assert list(rows) == list(KINDS)
    for name, kind in KINDS.items():
        _, _, needs, price, _ = rows[name]
        # What it needs, in the words the program itself uses.
        assert set(re.findall(r"`([A-Z0-9_]+)`", needs)) == {
            *kind.token_variables,
            *([kind.account_variable] if kind.account_variable else []),
        }
        assert {"base_url", "endpoint"} & set(kind.required_settings) == set(
            re.findall(r"`(base_url|endpoint)`", needs)
        )
        assert ("\\*" in rows[name][0]) is not kind.in_default_chain
        assert _told(price) == _price(name)


def _told(price: str) -> float:
    """Return the dollars a square image costs, as the page says it."""
    if price == "free":
        return 0.0
    found = re.search(r"\$([0-9.]+)", price)
    assert found is not None, price
    return float(found[1])


def _price(name: str) -> float:
    provider = build_provider(
        ProviderSettings(name=name, kind=name, base_url="http://x")
    )
    return round(provider.price_of(parse_format("square"), utc_now()), 4)


def test_the_costs_of_thirty_posts_are_those_of_the_services() -> None:
    costs = README.partition("## What it costs")[2]
    price = _price("flux")
    assert f"${price} each | about $0.05 |" in costs
    assert 30 * price == pytest.approx(0.05, abs=0.006)
    assert _price("space") == _price("freeapi") == 0
    assert "some 170 a day" in costs
    assert "some 170 a day" in PAGES["services"]


def test_the_drawing_has_every_state_and_every_move_between_two() -> None:
    drawing = next(block for block in _blocks("text") if "queued ─" in block)
    named = set(re.findall(r"[a-z]{2,}", drawing))
    moves = {event.value for (old, event), new in TRANSITIONS.items() if old != new}
    assert named == {state.value for state in JobState} | moves - {"reopened"}
    assert "reopens" in PAGES["troubleshooting"]


@pytest.mark.parametrize("block", _blocks("toml"))
def test_every_piece_of_configuration_loads(block: str, tmp_path: Path) -> None:
    (tmp_path / "postbrush.toml").write_text(block)
    wanted = [
        name
        for kind in KINDS.values()
        for name in (*kind.token_variables, kind.account_variable)
    ]
    wanted += [name for names in STORE for name in names]
    environ = dict.fromkeys(filter(None, wanted), "0" * 40)
    environ["NOTION_TOKEN"] = "ntn_" + "0" * 40
    config.load_settings(None, environ, tmp_path)


def test_the_example_loads_and_changes_nothing(tmp_path: Path) -> None:
    environ = {"NOTION_TOKEN": "ntn_" + "0" * 40}
    bare = config.load_settings(None, environ, tmp_path)
    (tmp_path / "postbrush.toml").write_text(config.example_text())
    written = config.load_settings(None, environ, tmp_path)
    assert written.options.model_dump() == bare.options.model_dump()
    assert written.data_dir == bare.data_dir


def test_the_reference_of_the_configuration_is_the_example() -> None:
    page = PAGES["configuration"]
    assert page == render_reference(page), "run: make reference"


def test_every_page_opens_with_whom_it_is_for() -> None:
    for name, page in PAGES.items():
        assert page.split("\n\n")[1].startswith("For "), name
        assert f"](docs/{name}.md" in README, name


def test_every_link_leads_to_a_page_and_a_heading() -> None:
    for page in (ROOT / "README.md", *ROOT.glob("docs/*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text()):
            path, _, anchor = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            assert file.exists(), (page.name, target)
            assert not anchor or anchor in _anchors(file.read_text()), target


def _anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def test_a_renamed_event_is_logged_under_its_new_name_only() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    table = changelog.partition("### Renamed log events")[2]
    renamed = re.findall(r"^\| `([a-z_.]+)` \| `([a-z_.]+)` \|$", table, re.MULTILINE)
    assert len(renamed) == 8
    for old, new in renamed:
        assert f'"{old}"' not in SOURCES, old
        assert f'"{new}"' in SOURCES, new


def test_every_event_that_is_named_is_said_somewhere() -> None:
    named = set(re.findall(r"`((?:job|breaker|poll|daemon|store)\.[a-z_]+)`", GUIDE))
    assert named
    ends = {f"job.{state.value}" for state in FINAL}  # said of whatever state it is
    for event in named - ends:
        assert f'"{event}"' in SOURCES, event


def test_every_variable_and_option_that_is_named_exists() -> None:
    everything = SOURCES + (ROOT / "Makefile").read_text()
    everything += (ROOT / "providers" / "__init__.py").read_text()
    everything += '"ATTIC_TOKEN" "GPU_TOKEN"'  # entries of the owner's own
    for variable in set(re.findall(r"\b[A-Z]+_TOKEN\b", GUIDE)):
        assert f'"{variable}"' in everything, variable
    others = {"api", "pwprompt", "owner"}  # AUTOMATIC1111's and PostgreSQL's
    others |= {"rm", "build-arg", "pull", "no-build", "entrypoint"}  # Docker's
    others |= {"wheel", "with", "force", "pip-args"}  # uv's and pipx's
    others |= {"no-index", "find-links", "stop-timeout"}  # pip's and Podman's
    others |= {"hostname", "unprivileged", "features", "cores", "memory"}  # Proxmox's
    others |= {"rootfs", "net0", "net"}  # the same
    for option in set(re.findall(r"--([a-z]+(?:-[a-z]+)*)", GUIDE)) - others:
        argument = f"{option.replace('-', '_')}:"
        assert f'"--{option}"' in everything or argument in everything, option


def test_what_is_quoted_is_what_the_program_says() -> None:
    page = PAGES["troubleshooting"].partition("## Reading the log")[0]
    for cell in re.findall(r"^\| (.+?) \|", page, re.MULTILINE):
        for words in re.findall(r'"([^"]+)"', cell):
            said = re.sub(r" \d+$| \.\.\.$", "", words).removeprefix("postbrush run ")
            assert said in everything_said(), words


def everything_said() -> str:
    """Return all sentences of the program, split strings joined."""
    return re.sub(r'"\s*\n\s*f?"', "", SOURCES + (ROOT / "Makefile").read_text())
