"""Image services as fakes over HTTP: what each answers is in its own file.

Bodies and errors are the services' own (reference: the module docstring of each
kind); `tests/counterparts` points the services' official clients at them.
"""

from __future__ import annotations

from providers.base import ProviderSettings
from tests.providers.fakes.base import Fake
from tests.providers.fakes.cloudflare import FakeCloudflare
from tests.providers.fakes.fal import FakeFal
from tests.providers.fakes.horde import FakeHorde
from tests.providers.fakes.hugging import FakeHugging
from tests.providers.fakes.images_api import FakeImagesApi, FakeTogether
from tests.providers.fakes.nvidia import FakeNvidia
from tests.providers.fakes.replicate import FakeReplicate
from tests.providers.fakes.runpod import FakeRunPod
from tests.providers.fakes.space import FakeSpace
from tests.providers.fakes.webui import FakeWebUi

#: Every kind that asks somebody; a kind that is missing here fails the contract.
FAKES: dict[str, type[Fake]] = {
    "a1111": FakeWebUi,
    "cloudflare": FakeCloudflare,
    "fal": FakeFal,
    "flux": FakeHugging,
    "horde": FakeHorde,
    "localai": FakeImagesApi,
    "nvidia": FakeNvidia,
    "openai": FakeImagesApi,
    "replicate": FakeReplicate,
    "runpod": FakeRunPod,
    "space": FakeSpace,
    "together": FakeTogether,
}


def settings_for(kind: str, fake: Fake) -> ProviderSettings:
    """Return the configuration of a provider that asks *fake*."""
    return ProviderSettings(
        name=kind,
        kind=kind,
        token=fake.token,
        base_url=f"{fake.url}{fake.prefix}",
        hub_url=fake.url,
        account="acc",
        endpoint="my-endpoint",
    )


__all__ = ["FAKES", "Fake", "settings_for"]
