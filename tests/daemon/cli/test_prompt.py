"""What people see of the prompt writer: commands, the web page, and the button."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.daemon.chat import WRITTEN, ChatServer, refused, writing_house
from tests.daemon.cli.desk import Desk
from tests.daemon.web.visitor import open_page, visiting

_ON = {"POSTBRUSH_WRITER__USE": "auto"}
_MODEL = "meta-llama/Llama-3.1-8B-Instruct"


@pytest.fixture(name="desk")
def _desk(desk: Desk) -> Desk:
    desk.environ |= _ON
    return desk


async def test_a_text_is_tried_without_notion(desk: Desk) -> None:
    shown = await desk.cli("prompt", "--text", "We bake bread. Only 4.90!", "--json")
    assert shown.code == 0
    assert "loaves" in shown.json["prompt"]
    assert shown.json["author"].startswith(f"Hugging Face ({_MODEL}")
    assert 0 < shown.json["cost"] < 0.0005
    assert shown.json["headline"]
    assert shown.json["alt"]
    assert len(desk.town.hub.chat.asked) == 1
    costs = (await desk.cli("costs", "--json")).json
    assert [(row["provider"], row["images"]) for row in costs] == [("writer:flux", 0)]
    ruled = await desk.cli(
        "prompt", "--text", "We bake bread.", POSTBRUSH_WRITER__USE="off"
    )
    assert "Written by postbrush, from the post" in ruled.out
    desk.town.hub.credits = 0
    spent = await desk.cli("prompt", "--text", "We bake bread.")
    assert "Written by postbrush, from the post (Hugging Face: You have" in spent.out


@pytest.mark.parametrize("words", [("prompt",), ("prompt", "Bread", "--text", "x")])
async def test_either_a_page_or_a_text(desk: Desk, words: tuple[str, ...]) -> None:
    result = await desk.cli(*words)
    assert result.code == 2
    assert "Name a page, or pass the text" in result.err
    assert len(result.err.splitlines()) == 1


async def test_commands_say_who_wrote_the_prompt(desk: Desk) -> None:
    page = desk.add("Bread and butter day", "We bake bread at six.")
    async with desk.daemon() as daemon:
        await daemon.says("job.done")
        used = desk.town.workspace.read_cells(page)["Prompt used"]
        assert used
        # It is shown as it was written, and no other is paid for.
        shown = (await desk.cli("prompt", "butter", "--json")).json
        assert (shown["prompt"], shown["cost"]) == (used, 0)
        assert shown["author"].endswith("for job 1")
        assert len(desk.town.hub.chat.asked) == 1
        author = f"Hugging Face ({_MODEL}"
        why = await desk.cli("why", "butter")
        assert f"The prompt was written by {author}" in why.out.replace("\n", " ")
        job = await desk.cli("job", "1")
        assert f"prompt written by {author}" in job.out
        assert "flux (prompt writer)" in job.out
        status = await desk.cli("status")
        assert "for 1 image" in status.out
        listed = (await desk.cli("providers", "--json")).json
        assert [row["calls"] for row in listed if row["provider"] == "writer:flux"] == [
            1
        ]
        reset = await desk.cli("providers", "reset", "writer:flux")
        assert "was not paused" in reset.out


async def test_check_names_the_model_and_what_a_post_costs(desk: Desk) -> None:
    rows = {row["what"]: row for row in (await desk.cli("check", "--json")).json}
    assert rows["writer"]["found"].startswith(f"Hugging Face, {_MODEL}:novita: under $")
    assert rows["writer"]["found"].endswith(" per post")
    assert not rows["writer"]["todo"] + rows["writer"]["warning"]
    # Nothing was paid for.
    assert desk.town.hub.chat.asked == []
    off = (await desk.cli("check", "--json", POSTBRUSH_WRITER__USE="off")).json
    (row,) = [row for row in off if row["what"] == "writer"]
    assert row["found"].startswith("off")
    wrong = (await desk.cli("check", "--json", HUGGINGFACE_TOKEN="hf_wrong")).json
    (row,) = [row for row in wrong if row["what"] == "writer"]
    assert "rejects the token" in row["todo"]


async def test_the_button_makes_the_prompt_the_owners_own(tmp_path: Path) -> None:
    chat = ChatServer()
    async with writing_house(tmp_path, chat) as home:
        await home.begin()
        page = home.add("Bread")
        await home.live()
        async with (
            open_page(home) as site,
            visiting(f"http://127.0.0.1:{site.port}") as visitor,
        ):
            seen = await visitor.see("/jobs/1")
            assert WRITTEN["prompt"] in seen.words
            assert "Prompt written by Your own server (small)" in seen.words
            assert f"Headline {WRITTEN['headline']}" in seen.words
            assert "wrote the prompt" in seen.words
            assert (
                "Your own server writes the prompts available"
                in (await visitor.see("/")).words
            )
            home.forget()
            answer = await visitor.press("/jobs/1/adopt-prompt")
            assert (
                "The prompt will be saved as the image prompt of “Bread”."
                in answer.words
            )
            await home.work()
            assert home.read(page)["Image prompt"] == WRITTEN["prompt"]
            assert len(home.writes()) == 1
            # From now on it is sent as it is, and no writer is asked.
            home.space.tick_box(page)
            await home.live()
            assert home.hub.served[-1].prompt == WRITTEN["prompt"]
            assert len(chat.asked) == 1
            again = await visitor.see("/jobs/2")
            assert "Prompt written by the owner, in Notion" in again.words
            assert "Use as image prompt" not in again.words


async def test_a_prompt_of_our_rule_cannot_be_adopted(tmp_path: Path) -> None:
    chat = ChatServer()
    chat.answers = [refused(500)]
    async with writing_house(tmp_path, chat) as home:
        await home.begin()
        home.add("Bread")
        await home.live()
        async with (
            open_page(home) as site,
            visiting(f"http://127.0.0.1:{site.port}") as visitor,
        ):
            seen = await visitor.see("/jobs/1")
            assert "postbrush, from the post (Your own server: no)" in seen.words
            assert "Use as image prompt" not in seen.words
            answer = await visitor.press("/jobs/1/adopt-prompt")
            assert "No prompt was written for job 1" in answer.words
