"""Image services: their requests and responses, breakers and the chain.

`KINDS` is the registry.  A new kind is one file and one entry here (see "Add a
service" in the README).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from providers.a1111 import A1111
from providers.base import Provider
from providers.card_provider import CardProvider
from providers.cloudflare import Cloudflare
from providers.fal import Fal
from providers.flux import Flux
from providers.horde import Horde
from providers.localai import LocalAi
from providers.openai import OpenAi
from providers.replicate import Replicate
from providers.runpod import RunPod
from providers.settings import ProviderSettings
from providers.together import Together


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderType:
    """One kind of image service.

    Attributes:
        make: Builds a provider of this kind.
        tokens: Environment variables that may hold its token, the usual one first.
        account: Environment variable of the account id.
        needs: Settings of `[providers.NAME]`, `token` included, that are required.
        by_itself: A provider of this kind joins the default chain when all that it
            needs is set.  Other kinds are called only if `chain` names them.
    """

    make: Callable[[ProviderSettings], Provider]
    tokens: tuple[str, ...] = ()
    account: str = ""
    needs: tuple[str, ...] = ("token",)
    by_itself: bool = True


#: Every kind of image service, in the order of the default chain; the card is last.
KINDS: Mapping[str, ProviderType] = {
    "flux": ProviderType(make=Flux, tokens=("HUGGINGFACE_TOKEN", "HF_TOKEN")),
    "localai": ProviderType(
        make=LocalAi, tokens=("LOCALAI_API_KEY",), needs=("base_url",)
    ),
    "a1111": ProviderType(make=A1111, tokens=("A1111_API_AUTH",), needs=("base_url",)),
    "cloudflare": ProviderType(
        make=Cloudflare,
        tokens=("CLOUDFLARE_API_TOKEN",),
        account="CLOUDFLARE_ACCOUNT_ID",
        needs=("token", "account"),
    ),
    "replicate": ProviderType(make=Replicate, tokens=("REPLICATE_API_TOKEN",)),
    "runpod": ProviderType(
        make=RunPod, tokens=("RUNPOD_API_KEY",), needs=("token", "endpoint")
    ),
    "together": ProviderType(
        make=Together, tokens=("TOGETHER_API_KEY",), by_itself=False
    ),
    "fal": ProviderType(make=Fal, tokens=("FAL_KEY",), by_itself=False),
    "openai": ProviderType(make=OpenAi, tokens=("OPENAI_API_KEY",), by_itself=False),
    "horde": ProviderType(
        make=Horde, tokens=("HORDE_API_KEY",), needs=(), by_itself=False
    ),
    "freeapi": ProviderType(make=CardProvider, needs=()),
}


def build_provider(settings: ProviderSettings) -> Provider:
    """Return the provider that an entry of the configuration describes.

    Raises:
        KeyError: The kind is unknown.  The configuration rejects such an entry.
    """
    return KINDS[settings.kind].make(settings)
