"""The kind `space`: quota, refusals, other Spaces, and what the Hub says of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import web

from providers import build_provider, gradio_api
from providers.cancellation import ShuttingDown
from providers.outcomes import (
    BadRequestError,
    InvalidImageError,
    ModelLoadingError,
    NotFoundError,
    PromptRefusedError,
    ProviderError,
    RemoteJobFailedError,
    RemoteJobLostError,
    UnavailableError,
)
from tests.providers import said
from tests.providers.desk import NOW, ORDER, SpaceDesk
from tests.providers.fakes import settings_for
from tests.providers.fakes.space import SCHNELL, FakeSpace, described, parameter

DIFFUSION = [
    parameter("prompt", "string"),
    parameter("negative_prompt", "string"),
    parameter("guidance_scale", default=7.5, limits=(0, 10)),
    parameter("height", default=768, limits=(256, 1024)),
    parameter("width", default=768, limits=(256, 1024)),
    parameter("seed", default=0, limits=(0, 99)),
]


@pytest.mark.parametrize(
    ("data", "means"),
    [
        (None, RemoteJobFailedError),
        ({"error": None}, RemoteJobFailedError),
        ({"error": said.SPACE_BUSY, "title": "ZeroGPU"}, RemoteJobFailedError),
        ({"error": said.SPACE_TOO_LONG}, BadRequestError),
        ({"error": "This was flagged as NSFW"}, PromptRefusedError),
        ("404: Not Found", RemoteJobLostError),
        ("Server stopped unexpectedly.", RemoteJobLostError),
        ("GPU task aborted", RemoteJobFailedError),
        (["what", {"ever": 1}], RemoteJobFailedError),
    ],
)
async def test_an_event_ends_in_an_error(
    space_desk: SpaceDesk, data: object, means: type[ProviderError]
) -> None:
    space_desk.fake.refuses.append(data)
    with pytest.raises(means) as caught:
        await space_desk.run()
    assert type(caught.value) is means
    assert "<" not in str(caught.value)


@pytest.mark.parametrize(
    ("stage", "means"),
    [
        *((stage, ModelLoadingError) for stage in ("SLEEPING", "BUILDING")),
        ("APP_STARTING", ModelLoadingError),
        *((stage, NotFoundError) for stage in ("PAUSED", "RUNTIME_ERROR", "STOPPED")),
        ("RUNNING", UnavailableError),
        ("RUNNING_BUILDING", UnavailableError),
        ("SOMETHING_NEW", UnavailableError),
    ],
)
@pytest.mark.parametrize("status", [200, 503])
async def test_a_page_means_what_the_hub_says_of_the_space(
    space_desk: SpaceDesk, stage: str, means: type[ProviderError], status: int
) -> None:
    page = "<!doctype html><html><body>Your space is waking up</body></html>"
    space_desk.fake.stage = stage
    space_desk.fake.answers.append(
        lambda: web.Response(text=page, status=status, content_type="text/html")
    )
    # A page instead of an answer may hide an image: `charges`.
    if means is UnavailableError and status == 200:
        means = InvalidImageError
    with pytest.raises(means) as caught:
        await space_desk.run()
    assert type(caught.value) is means


async def test_another_space_is_called_as_it_says(space_desk: SpaceDesk) -> None:
    space_desk.fake.description = described("/generate", DIFFUSION)
    space_desk.ask_for(model="some.body/Diffusion_2", extra={"guidance_scale": 3})
    await space_desk.run(replace(ORDER, seed=207))
    # Its order, its limits; what nobody asked for is empty or the Space's default.
    assert space_desk.fake.orders == [{"data": ["Bread at dawn", "", 3, 1024, 832, 7]}]
    assert space_desk.provider.dropped_options(ORDER) == (
        "steps",
        "size: 832x1024 is asked for",
    )
    await space_desk.run()
    assert space_desk.fake.described == 1


async def test_a_description_is_read_again_after_a_day(space_desk: SpaceDesk) -> None:
    await space_desk.run()
    space_desk.fake.description = described("/infer", list(reversed(SCHNELL)))
    later = NOW + timedelta(hours=23)
    for now, read in ((later, 1), (later + timedelta(hours=2), 2)):
        async with space_desk.open_runner() as runner:
            # In the old order nothing is painted that was not asked for.
            run = runner.run(
                space_desk.provider,
                ORDER,
                now=now,
                save_remote_id=space_desk.save_remote_id,
                cancellation=space_desk.cancellation,
            )
            if read == 1:
                with pytest.raises(ProviderError):
                    await run
            else:
                assert (await run).data
        assert space_desk.fake.described == read


async def test_an_endpoint_that_is_gone_is_looked_up_again(
    space_desk: SpaceDesk,
) -> None:
    await space_desk.run()
    space_desk.fake.description = described("/generate", SCHNELL)
    with pytest.raises(UnavailableError):
        await space_desk.run()
    assert (await space_desk.run()).data


async def test_what_a_space_decides_itself_is_said(space_desk: SpaceDesk) -> None:
    space_desk.fake.description = described("/predict", [parameter("prompt", "string")])
    assert (await space_desk.run()).data
    assert space_desk.provider.dropped_options(ORDER) == (
        "seed",
        "steps",
        "size: the Space chooses it",
    )


@pytest.mark.parametrize(
    "description",
    [
        {},
        {"named_endpoints": []},
        {"named_endpoints": {"/infer": None}},
        described("/infer", [parameter("text", "string")]),
        described("/infer", [SCHNELL[0], parameter("image", "object")]),
        described("/../x", SCHNELL),
    ],
)
async def test_a_space_without_a_prompt_is_refused_in_one_line(
    space_desk: SpaceDesk, description: dict[str, object]
) -> None:
    space_desk.fake.description = description
    with pytest.raises(NotFoundError, match="no endpoint that makes an image"):
        await space_desk.run()
    assert space_desk.fake.orders == []


async def test_a_model_that_is_no_space_is_refused(space_desk: SpaceDesk) -> None:
    space_desk.ask_for(model="../settings", base_url=None)
    with pytest.raises(NotFoundError, match="owner/name"):
        await space_desk.run()


async def test_a_stream_is_finished_although_the_daemon_stops(
    space_desk: SpaceDesk,
) -> None:
    fake = space_desk.fake
    fake.looks = 20
    drawing = asyncio.create_task(space_desk.run())
    async with asyncio.timeout(30):
        await fake.is_streaming.wait()
    space_desk.cancellation.stopping.set()
    # Gradio forgets a result when its stream is cut; the file stays for a while.
    with pytest.raises(ShuttingDown):
        await drawing
    assert fake.painted == 1
    assert space_desk.remote_ids[-1].startswith(f"{fake.url}/files/")
    space_desk.cancellation.stopping.clear()
    assert (await space_desk.resume(left=60)).data


async def test_gradio_4_has_its_paths_at_the_top(space_desk: SpaceDesk) -> None:
    space_desk.fake.old = True
    assert (await space_desk.run()).data
    assert space_desk.remote_ids[0] == "/call/infer/job-0"


@pytest.mark.parametrize(
    ("file", "fetched"),
    [
        ({"url": "http://10.0.0.1:7860/file=/a b", "path": "/a b"}, "/a%20b"),
        ({"path": "/srv/x.webp"}, "/srv/x.webp"),
    ],
)
def test_a_file_is_fetched_from_the_spaces_own_host(
    file: dict[str, str], fetched: str
) -> None:
    provider = _public()
    step = provider._follow_file([file, 7], "/gradio_api/call/infer/e")  # type: ignore[attr-defined]  # of a Space
    base = "https://black-forest-labs-flux-1-schnell.hf.space"
    address = f"{base}/gradio_api/file={fetched}"
    assert step.remote_id == step.call.url == address
    assert step.call.is_download
    assert step.call.headers == {}


def _public() -> object:
    return build_provider(replace(settings_for("space", FakeSpace()), base_url=None))


async def test_a_file_anywhere_else_is_not_fetched(space_desk: SpaceDesk) -> None:
    space_desk.fake.keep = lambda data: "https://example.org/a.webp"  # type: ignore[method-assign]  # noqa: ARG005 - on this one fake
    with pytest.raises(InvalidImageError, match="not a host of"):
        await space_desk.run()


@pytest.mark.parametrize(
    ("space", "host"),
    [
        ("black-forest-labs/FLUX.1-schnell", "black-forest-labs-flux-1-schnell"),
        ("Some.Body/a_b", "some-body-a-b"),
    ],
)
def test_the_host_of_a_space(space: str, host: str) -> None:
    assert gradio_api.space_host(space) == f"{host}.hf.space"


def test_a_mirror_of_the_hub_is_not_given_the_token() -> None:
    given = settings_for("space", FakeSpace())
    mirror = replace(given, base_url=None, hub_url="https://mirror.example")
    call = build_provider(mirror).start(ORDER, NOW)
    # The quota is not asked for there.
    assert call.url.endswith(".hf.space/gradio_api/info")  # type: ignore[union-attr]  # not an image
    # Nor is that of a server of the owner's own, which has none.
    own = replace(given, base_url="http://gpu.local:7860", hub_url=None)
    call = build_provider(own).start(ORDER, NOW)
    assert build_provider(own).token_check_call() is None
    assert call.url == "http://gpu.local:7860/gradio_api/info"  # type: ignore[union-attr]  # not an image
