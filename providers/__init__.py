"""Image services: what each can do, how it is asked, and which of them is asked.

`KINDS` is the registry: a new kind is one file and one entry here (see "Add a
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
    """One kind of service.

    Attributes:
        make: Builds a provider of it.
        tokens: Variables its key is looked for in, the usual one first.
        account: Variable of the account's id, likewise.
        needs: What of `[providers.NAME]`, `token` included, it cannot do without.
        by_itself: It joins the default chain as soon as it has what it needs; the
            others are asked only when `chain` names them.
    """

    make: Callable[[ProviderSettings], Provider]
    tokens: tuple[str, ...] = ()
    account: str = ""
    needs: tuple[str, ...] = ("token",)
    by_itself: bool = True


#: Every kind of service, in the order of the default chain; the card last.
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
    """Return the provider an entry of the configuration describes.

    Raises:
        KeyError: No such kind; the configuration has checked that.
    """
    return KINDS[settings.kind].make(settings)
