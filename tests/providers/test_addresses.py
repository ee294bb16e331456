"""The owner's addresses: with and without a version, a password, hosts of files."""

from __future__ import annotations

import pytest

from providers import build_provider
from providers.base import FollowUp, HttpCall, ProviderSettings, Response
from providers.provider import Provider
from providers.url_checks import forbidden_reason, move_to_base, split_userinfo
from tests.providers.desk import NOW, ORDER


def provider_of(kind: str, **more: object) -> Provider:
    values: dict[str, object] = {"name": kind, "kind": kind, "token": "tok"}
    values |= {"account": "acc", "endpoint": "ep"}
    values |= {"route": "nscale" if kind == "flux" else None}
    if kind == "localai":
        values["model"] = "m"
    return build_provider(ProviderSettings(**{**values, **more}))  # type: ignore[arg-type]


def first_call(provider: Provider) -> HttpCall:
    call = provider.start(ORDER, NOW)
    assert isinstance(call, HttpCall)
    return call


OPENAI, LOCALAI = "https://api.openai.com", "http://nas:8080"


@pytest.mark.parametrize(
    ("kind", "base_url", "url"),
    [
        ("openai", None, f"{OPENAI}/v1/images/generations"),
        ("openai", OPENAI, f"{OPENAI}/v1/images/generations"),
        ("openai", f"{OPENAI}/v1", f"{OPENAI}/v1/images/generations"),
        ("openai", f"{OPENAI}/v1/", f"{OPENAI}/v1/images/generations"),
        ("openai", "https://a.test/api/v3", "https://a.test/api/v3/images/generations"),
        (
            "openai",
            "https://a.test/v1/openai",
            "https://a.test/v1/openai/images/genera",
        ),
        (
            "openai",
            "https://a.test/proxy",
            "https://a.test/proxy/v1/images/generations",
        ),
        ("localai", LOCALAI, f"{LOCALAI}/v1/models"),
        ("localai", f"{LOCALAI}/v1", f"{LOCALAI}/v1/models"),
        (
            "together",
            "https://api.together.xyz/v1",
            "https://api.together.xyz/v1/images",
        ),
        ("a1111", "http://nas:7860", "http://nas:7860/sdapi/v1/txt2img"),
        ("a1111", "http://nas:7860/sdapi/v1", "http://nas:7860/sdapi/v1/txt2img"),
        (
            "horde",
            "https://aihorde.net/api/v2",
            "https://aihorde.net/api/v2/generate/as",
        ),
        ("horde", "https://aihorde.net", "https://aihorde.net/api/v2/generate/async"),
        (
            "nvidia",
            "https://ai.api.nvidia.com/v1",
            "https://ai.api.nvidia.com/v1/genai/",
        ),
        (
            "replicate",
            "https://api.replicate.com/v1",
            "https://api.replicate.com/v1/mod",
        ),
        (
            "replicate",
            "https://api.replicate.com",
            "https://api.replicate.com/v1/models",
        ),
        ("runpod", "https://api.runpod.ai", "https://api.runpod.ai/v2/ep/run"),
        ("runpod", "https://api.runpod.ai/v2", "https://api.runpod.ai/v2/ep/run"),
        ("runpod", "http://127.0.0.1:18000", "http://127.0.0.1:18000/ep/run"),
        (
            "cloudflare",
            "https://api.cloudflare.com",
            "https://api.cloudflare.com/client/v4/accounts/acc/ai/run/",
        ),
        ("flux", "https://proxy.test/hf/", "https://proxy.test/hf/nscale/v1/images"),
    ],
)
def test_an_address_works_with_and_without_its_version(
    kind: str, base_url: str | None, url: str
) -> None:
    provider = provider_of(kind, base_url=base_url)
    assert first_call(provider).url.startswith(url)
    assert url.startswith(provider.address.rstrip("/"))


@pytest.mark.parametrize("kind", ["localai", "a1111", "openai", "flux"])
def test_a_password_in_an_address_is_sent_and_never_shown(kind: str) -> None:
    base_url = "http://ada:s%40cret1@nas:8080/v1"
    settings = ProviderSettings(
        name=kind, kind=kind, base_url=base_url, model="m", route="nscale"
    )
    provider = build_provider(settings)
    call = first_call(provider)
    assert call.headers["Authorization"] == "Basic YWRhOnNAY3JldDE="
    shown = [
        repr(settings),
        repr(provider.traits),
        provider.address,
        call.url,
        repr(call),
    ]
    assert not any("cret1" in text or "ada" in text for text in shown)


def test_a_token_comes_before_the_password_of_an_address() -> None:
    provider = provider_of("localai", base_url="http://ada:secret@nas:8080")
    assert first_call(provider).headers["Authorization"] == "Bearer tok"


@pytest.mark.parametrize(
    ("url", "clean", "userinfo"),
    [
        ("http://a:b@h:1/p?q", "http://h:1/p?q", "a:b"),
        ("http://a@b:c@h/p", "http://h/p", "a@b:c"),
        ("http://h/p@x", "http://h/p@x", ""),
        ("", "", ""),
    ],
)
def test_user_and_password_are_taken_out(url: str, clean: str, userinfo: str) -> None:
    assert split_userinfo(url) == (clean, userinfo)


@pytest.mark.parametrize(
    ("url", "moved"),
    [
        ("http://localhost:8080/a.png?x=1", "http://nas:9000/a.png?x=1"),
        ("http://127.0.0.1:8080/a.png", "http://nas:9000/a.png"),
        ("http://0.0.0.0:5500/images/a.png", "http://nas:9000/images/a.png"),
        ("http://[::1]:8080/a.png", "http://nas:9000/a.png"),
        ("https://nas/a.png", "http://nas:9000/a.png"),
        ("http://NAS:8080/a.png", "http://nas:9000/a.png"),
        ("http://other:8080/a.png", "http://other:8080/a.png"),
        ("http://169.254.169.254/a", "http://169.254.169.254/a"),
        ("http://localhost.evil.test/a", "http://localhost.evil.test/a"),
        ("file:///etc/passwd", "file:///etc/passwd"),
        ("http://[bad/a.png", "http://[bad/a.png"),
    ],
)
def test_a_file_on_the_server_itself_is_fetched_from_its_address(
    url: str, moved: str
) -> None:
    assert move_to_base(url, "http://nas:9000/v1") == moved


@pytest.mark.parametrize(
    ("base_url", "fetched"),
    [
        ("http://nas:9000", "http://nas:9000/generated-images/a.png"),
        # A hosted service cannot name this machine.
        (None, "http://localhost:8080/generated-images/a.png"),
    ],
)
def test_a_server_that_names_itself_localhost_is_understood(
    base_url: str | None, fetched: str
) -> None:
    provider = provider_of("openai", base_url=base_url)
    body = b'{"data": [{"url": "http://localhost:8080/generated-images/a.png"}]}'
    step = first_call(provider).read(Response(200, {}, body))
    assert isinstance(step, FollowUp)
    assert step.call.url == fetched
    is_refused = forbidden_reason(fetched, provider.traits) is not None
    assert is_refused is (base_url is None)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://bucket.example.org/a.png", None),
        ("https://x.cdn.example.org/a.png", None),
        ("http://minio.local:9000/a.png", None),
        ("http://bucket.example.org/a.png", "not https"),
        ("http://minio.local:9001/a.png", "not https"),
        ("https://other.example.org/a.png", "not a host of RunPod's"),
        ("https://image.runpod.ai/a.png", None),
    ],
)
def test_the_owner_names_further_hosts_of_files(url: str, why: str | None) -> None:
    hosts = ("bucket.example.org", ".cdn.example.org", "http://minio.local:9000")
    assert forbidden_reason(url, provider_of("runpod", file_hosts=hosts).traits) == why
