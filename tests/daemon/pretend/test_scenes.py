"""The pretend service paints what a prompt is about, and nothing twice."""

from __future__ import annotations

import io
from itertools import combinations

import pytest
from PIL import Image, ImageChops, ImageStat

from daemon.jobs.prompt import build_prompt
from daemon.pretend.posts import POSTS
from daemon.pretend.scenes import find_scene, render_scene
from daemon.pretend.written_prompts import find_idea

_SCENE_OF_POST = {
    "Jollof or fried rice?": "render_bowls",
    "Ten years": "render_bread",
    "Market day": "render_market",
    "A word about patience": "_render_tree",
    "Sommerpause": "_render_shore",
    "Café nuevo": "render_cup",
    "We’re open": "render_shop",
    "桜ラテ": "render_cup",
    "Night shift": "_render_starry_window",
    "قهوة الصباح": "render_cup",
    "Three things": "render_bread",
    "The garden is awake": "render_herbs",
}


def _prompt_of_rule(name: str, post: str) -> str:
    return build_prompt(
        page_prompt="",
        post=post,
        title=name,
        columns={},
        template="{prompt}",
        style="",
        feedback="",
    ).text


@pytest.mark.parametrize("post", POSTS, ids=lambda post: post["Name"])
def test_the_demo_paints_what_its_posts_are_about(post: dict[str, str]) -> None:
    scene = _SCENE_OF_POST[post["Name"]]
    idea = find_idea(post["Post"])

    # Three loaves on a table, or in front of a bakery; the rule knows of a shop only.
    other = "render_shop" if post["Name"] == "Three things" else scene
    assert [find_scene(prompt).__name__ for prompt in idea.prompts] == [scene, other]
    named = find_scene(_prompt_of_rule(post["Name"], post["Post"])).__name__
    assert named == other


def test_no_picture_of_the_demo_is_there_twice() -> None:
    prompts = [_prompt_of_rule(post["Name"], post["Post"]) for post in POSTS]
    # Twice each: a tick makes another one.
    pictures = [
        Image.open(io.BytesIO(render_scene(prompt, seed, 64, 80))).convert("RGB")
        for seed, prompt in enumerate([*prompts, *prompts])
    ]

    for one, other in combinations(pictures, 2):
        apart = ImageStat.Stat(ImageChops.difference(one, other)).mean
        assert max(apart) > 2


@pytest.mark.parametrize("size", [(256, 256), (256, 320), (304, 160), (144, 256)])
@pytest.mark.parametrize(
    "prompt",
    ["", "a city", "a garden", "a salad bowl", "soup", "a cup by bread", "a focaccia"],
)
def test_every_scene_fills_every_format(prompt: str, size: tuple[int, int]) -> None:
    picture = Image.open(io.BytesIO(render_scene(prompt, 1, *size)))

    assert picture.size == size
    # A scene, and no plain ground.
    assert min(ImageStat.Stat(picture).stddev) > 10
