"""Build providers and source settings from the configuration."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict

from daemon.config import Settings
from daemon.config.prompt_template import list_columns
from daemon.notion.model import Role
from providers import build_provider
from providers.base import Provider
from providers.settings import ProviderSettings


def build_providers(
    own: Settings, by_source: Mapping[str, Settings]
) -> dict[str, Provider]:
    """Build every configured provider by name, those of *own* first.

    Args:
        by_source: Settings by source.
    """
    names = [
        *own.configured_providers(),
        *(
            name
            for other in by_source.values()
            for name in other.configured_providers()
        ),
    ]
    return {
        name: build_provider(own.provider_settings(name))
        for name in dict.fromkeys(names)
    }


def provider_fingerprints(by_source: Mapping[str, Settings]) -> Mapping[str, str]:
    """Return a keyed hash of each provider's token and settings.

    The key is a Notion token, so that a stored hash does not reveal a provider token.
    """
    token = next(iter(by_source.values())).notion_token
    key = token.get_secret_value().encode() if token else b"postbrush"
    return {
        name: _hash_settings(key, own.provider_settings(name))
        for own in by_source.values()
        for name in own.configured_providers()
    }


def _hash_settings(key: bytes, provider: ProviderSettings) -> str:
    values = asdict(provider) | {"extra": dict(provider.extra)}
    # The look of the card has no effect on the availability of a provider.
    del values["card"]
    text = json.dumps(values, sort_keys=True, default=str)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


def property_names(settings: Settings) -> Mapping[Role, str]:
    """Return the configured property name of each role."""
    return {role: getattr(settings.notion.properties, role.value) for role in Role}


def referenced_properties(settings: Settings) -> tuple[str, ...]:
    """Return the property names in filters, `on_done`, `on_card` and the template."""
    posts = settings.posts
    filters = (posts.only, posts.skip, posts.on_done, posts.on_card or {})
    names = [name for pairs in filters for name in pairs]
    return tuple(dict.fromkeys([*names, *list_columns(settings.prompt.template)]))
