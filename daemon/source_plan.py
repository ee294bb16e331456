"""Build providers and source settings from the configuration."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta

from daemon.config import Settings, sources
from daemon.config.prompt_template import list_columns
from daemon.context import SourceSettings
from daemon.decision_settings import BudgetLimits, InputSettings, Rules
from daemon.notion.model import Role
from providers import build_provider
from providers.base import Provider
from providers.settings import ProviderSettings

#: Megapixels of the usual square image.
_USUAL_MEGAPIXELS = 1080 * 1080 / 1e6


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


def build_plan(
    settings: Settings,
    providers: Mapping[str, Provider],
    fingerprints: Mapping[str, str],
) -> SourceSettings:
    """Return the settings of one source.

    Args:
        fingerprints: Result of `provider_fingerprints`.
    """
    posts, options = settings.posts, settings.options
    chain = settings.resolved_chain()
    return SourceSettings(
        source=settings.source or sources.DEFAULT,
        rules=Rules(
            wait_after_edit=posts.wait_after_edit,
            on_edit=posts.on_edit,
            only=posts.only,
            skip=posts.skip,
        ),
        input_settings=InputSettings(
            template=settings.prompt.template,
            style=settings.prompt.style,
            format=settings.images.format,
        ),
        budget_limits=BudgetLimits(
            month=settings.budget.month,
            day=settings.budget.day,
            per_post_day=settings.budget.per_post_day,
            free_only=options.free_only,
        ),
        chain=chain,
        approve_above=posts.approve_above,
        tries=posts.tries,
        on_refusal=options.on_refusal,
        loading_wait=options.loading_wait,
        concurrency=options.concurrency,
        on_done=posts.on_done,
        on_card=posts.on_card,
        replace_cards=posts.replace_cards,
        replacements_per_day=posts.replacements_per_day,
        cover=posts.cover,
        mark_ai=settings.images.mark_ai,
        embed_prompt=settings.images.embed_prompt,
        min_free_disk=settings.images.min_free_disk,
        keep=timedelta(days=days) if (days := settings.images.keep_days) else None,
        tag=settings.card.tag,
        usual_price=providers[chain[0]].traits.price(_USUAL_MEGAPIXELS),
        fingerprints=fingerprints,
        own_budgets=settings.own_budgets(),
    )


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
