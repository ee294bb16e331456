"""Image services: their requests and responses, breakers and the chain.

`KINDS` is the registry.  A new kind is one file and one entry here (see "Add a
service" in the README).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from providers.a1111 import A1111
from providers.base import ProviderSettings
from providers.card_provider import CardProvider
from providers.cloudflare import Cloudflare
from providers.fal import Fal
from providers.flux import Flux
from providers.horde import Horde
from providers.localai import LocalAi
from providers.nvidia import Nvidia
from providers.openai import OpenAi
from providers.provider import Provider
from providers.replicate import Replicate
from providers.runpod import RunPod
from providers.space import Space
from providers.together import Together


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderType:
    """One kind of image service.

    Attributes:
        build: Builds a provider of this kind.
        token_variables: Environment variables that may hold its token, the usual
            one first.
        account_variable: Environment variable of the account id.
        required_settings: Settings of `[providers.NAME]`, `token` included.
        in_default_chain: A provider of this kind joins the default chain when all
            required settings are set.  Other kinds are called only if `chain` names
            them.
    """

    build: Callable[[ProviderSettings], Provider]
    token_variables: tuple[str, ...] = ()
    account_variable: str = ""
    required_settings: tuple[str, ...] = ("token",)
    in_default_chain: bool = True


_HUGGING_FACE = ("HUGGINGFACE_TOKEN", "HF_TOKEN")
#: Every kind of image service, in the order of the default chain; the card is last.
KINDS: Mapping[str, ProviderType] = {
    "flux": ProviderType(build=Flux, token_variables=_HUGGING_FACE),
    "space": ProviderType(build=Space, token_variables=_HUGGING_FACE),
    "localai": ProviderType(
        build=LocalAi,
        token_variables=("LOCALAI_API_KEY",),
        required_settings=("base_url",),
    ),
    "a1111": ProviderType(
        build=A1111,
        token_variables=("A1111_API_AUTH",),
        required_settings=("base_url",),
    ),
    "cloudflare": ProviderType(
        build=Cloudflare,
        token_variables=("CLOUDFLARE_API_TOKEN",),
        account_variable="CLOUDFLARE_ACCOUNT_ID",
        required_settings=("token", "account"),
    ),
    "replicate": ProviderType(
        build=Replicate, token_variables=("REPLICATE_API_TOKEN",)
    ),
    "runpod": ProviderType(
        build=RunPod,
        token_variables=("RUNPOD_API_KEY",),
        required_settings=("token", "endpoint"),
    ),
    "together": ProviderType(
        build=Together, token_variables=("TOGETHER_API_KEY",), in_default_chain=False
    ),
    "fal": ProviderType(
        build=Fal, token_variables=("FAL_KEY",), in_default_chain=False
    ),
    "openai": ProviderType(
        build=OpenAi, token_variables=("OPENAI_API_KEY",), in_default_chain=False
    ),
    "nvidia": ProviderType(
        build=Nvidia, token_variables=("NVIDIA_API_KEY",), in_default_chain=False
    ),
    "horde": ProviderType(
        build=Horde,
        token_variables=("HORDE_API_KEY",),
        required_settings=(),
        in_default_chain=False,
    ),
    "freeapi": ProviderType(build=CardProvider, required_settings=()),
}


def build_provider(settings: ProviderSettings) -> Provider:
    """Return the provider that an entry of the configuration describes.

    Raises:
        KeyError: The kind is unknown.  The configuration rejects such an entry.
    """
    return KINDS[settings.kind].build(settings)
