"""Every key of postbrush.toml, with its default and one line for people."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from daemon.config.values import (
    BasePath,
    Bytes,
    Colour,
    ColumnName,
    CreditsReset,
    DatabaseUrl,
    Duration,
    DurationOrOff,
    Endpoint,
    FileHost,
    FormatName,
    HostName,
    Listen,
    MatchValue,
    Money,
    Notifiers,
    Ping,
    ProxyAddress,
    SecretName,
    SetValue,
    StoreName,
    Template,
    Url,
)
from providers.base import CardLayout


class Section(BaseModel):
    """A table of the file: unknown keys are an error, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


def _key(default: object, words: str, **more: Any) -> Any:  # noqa: ANN401 - pydantic's own signature
    return Field(default, description=words, **more)


class PropertyNames(Section):
    """The columns of the source: role = name."""

    image: ColumnName = _key("Image", "files; required")
    regenerate: ColumnName = _key("Regenerate", "checkbox; required")
    post: ColumnName = _key("Post", "the post's words: text")
    prompt: ColumnName = _key("Image prompt", "a prompt of your own: text")
    feedback: ColumnName = _key("Image feedback", "what to change next time: text")
    status: ColumnName = _key("Image status", "select, status or text; written")
    note: ColumnName = _key("Image note", "text; written")
    provider: ColumnName = _key("Image provider", "select or text; written")
    details: ColumnName = _key("Image details", "text; written: model, price, seed")
    headline: ColumnName = _key("Headline", "words to put on the image: text")
    format: ColumnName = _key("Format", "select or text: square, portrait, ...")
    variants: ColumnName = _key("Variants", "number, 1 to 4")
    pick: ColumnName = _key("Pick", "number or select: the variant to show alone")
    alt: ColumnName = _key("Alt text", "text; filled when empty")
    date: ColumnName = _key("Date", "date of publication")
    used_prompt: ColumnName = _key("Prompt used", "text; written")


class NotionSection(Section):
    """Where the posts are."""

    data_source: str = _key("", "id or link of the database; empty: the only one seen")
    poll_interval: Duration = _key(
        timedelta(seconds=10), "how often to look", ge=timedelta(milliseconds=100)
    )
    poll_active: Duration = _key(
        timedelta(seconds=2),
        "the same for five minutes after somebody did something",
        ge=timedelta(milliseconds=100),
    )
    requests_per_second: float = _key(3.0, "Notion's budget", gt=0, le=100)
    base_url: Url = _key("https://api.notion.com", "for proxies and tests")
    properties: PropertyNames = _key(PropertyNames(), "names of the columns")


class PostsSection(Section):
    """Which posts get an image, and when."""

    only: dict[ColumnName, MatchValue] = _key({}, 'such as { "Status" = "Waiting" }')
    skip: dict[ColumnName, MatchValue] = _key({}, "these get one only when ticked")
    wait_after_edit: Duration = _key(
        timedelta(minutes=2),
        "wait until a post has not been edited for this long",
        ge=timedelta(0),
    )
    approve_above: int = _key(
        25, "more new posts than this at once wait for approve; 0: never", ge=0
    )
    tries: int = _key(3, "rounds through the chain before a job fails", ge=1, le=20)
    on_edit: Literal["keep", "regenerate"] = _key("keep", "or regenerate")
    on_done: dict[ColumnName, SetValue] = _key({}, "columns to set with the image")
    on_card: dict[ColumnName, SetValue] | None = _key(
        None, "the same when it is a card; default: as on_done"
    )
    replace_cards: DurationOrOff = _key(
        timedelta(days=35), "cards younger than this are replaced; or off"
    )
    replacements_per_day: int = _key(5, "at most", ge=0)
    cover: bool = _key(False, "the image also becomes the page's cover")


class PromptSection(Section):
    """What the services are told."""

    template: Template = _key("{prompt}", "{prompt}, {title}, {column:Any Name}")
    style: str = _key("", "added to every prompt", max_length=1000)


class WriterSection(Section):
    """The language model that turns a post into an image prompt."""

    use: Literal["auto", "off"] = _key(
        "auto", "auto: the cheapest one that has what it needs; or off"
    )
    kind: Literal["huggingface", "cloudflare", "openai"] | None = _key(
        None, "huggingface, cloudflare or openai (any server that speaks its protocol)"
    )
    base_url: Url | None = _key(None, "of a server of yours: Ollama, llama.cpp, ...")
    model: str | None = _key(None, "instead of the kind's own")
    brand: str = _key(
        "", "who you are, what pictures should and should not show", max_length=2000
    )
    people: Literal["yes", "no faces", "no"] = _key("yes", "yes, no faces or no")
    timeout: Duration = _key(
        timedelta(seconds=20),
        "for one prompt",
        gt=timedelta(0),
        le=timedelta(minutes=2),
    )
    price: Money | None = _key(None, "dollars for one post")


class SourceImagesSection(Section):
    """What the images of one source can have for themselves."""

    format: FormatName = _key("square", "square, portrait, landscape, story or WxH")
    headline: Literal["off", "column", "auto"] = _key(
        "column", "words on the image: of the column; auto: else of the post; off"
    )
    headline_style: Literal["gradient", "panel"] = _key(
        "gradient", "what is behind them; or panel"
    )
    brand: bool = _key(False, "put the card's tag and logo on images, too")
    keep_days: int = _key(
        0, "older ones that no page shows go; 0: never", ge=0, le=3650
    )
    mark_ai: bool = _key(True, "say in the file that a machine made it")
    embed_prompt: bool = _key(False, "put the prompt into the public file")


class ImagesSection(SourceImagesSection):
    """The files."""

    min_free_disk: Bytes = _key(100 * 2**20, "keep this much of the disk free", ge=0)
    store: StoreName = _key("", "s3://bucket/prefix, which several machines share")
    store_endpoint: Endpoint = _key("", "its server, if it is not Amazon's")
    store_region: str = _key("", "its region; empty: AWS_REGION or us-east-1")


class CardSection(Section):
    """The card that stands in when no service can."""

    tag: str = _key("", "small line at the foot: your name", max_length=80)
    background: Colour = _key("", "#rrggbb; empty: chosen from the text")
    color: Colour = _key("", "of the letters")
    accent: Colour = _key("", "of the ornament")
    font: str = _key("", "path of a .ttf or .otf to use first")
    logo: str = _key("", "path of a .png, .jpg or .webp for the foot")
    logo_dark: str = _key("", "the same for dark backgrounds")
    layout: CardLayout = _key(
        "auto", "auto, statement, quote, list, table, event, review or versus"
    )


class BudgetSection(Section):
    """Money, in dollars; what is included by a service does not count."""

    month: Money | None = _key(5.0, "a calendar month")
    day: Money | None = _key(None, "a day; default: no limit")
    per_post_day: int | None = _key(10, "images of one post a day", ge=1)


class DatabaseSection(Section):
    """Where postbrush keeps its memory."""

    url: DatabaseUrl = _key(
        SecretStr(""), "postgresql+psycopg://USER@HOST/NAME; empty: a file in data_dir"
    )
    lease: Duration = _key(
        timedelta(minutes=3),
        "of several daemons, one silent for so long is dead",
        ge=timedelta(seconds=1),
    )


class NotifySection(Section):
    """Who is told when something begins that lasts, and when it ends."""

    urls: Notifiers = _key([], "Apprise addresses; or in NOTIFY_URLS")
    ping: Ping = _key(SecretStr(""), "a web address fetched every 5 min while well")


class WebSection(Section):
    """The daemon's own page; with WEB_PASSWORD set, it asks for it."""

    listen: Listen = _key("127.0.0.1:8787", 'ADDRESS:PORT; or "off"')
    hosts: list[HostName] = _key([], "further names it is reached by: a proxy's")
    trusted_proxies: list[ProxyAddress] = _key(
        [], "addresses of proxies whose X-Forwarded-* headers count"
    )
    base_path: BasePath = _key("", 'the path a proxy serves it at, "/postbrush"')


class LogSection(Section):
    """What is said."""

    level: Literal["debug", "info", "warning", "error"] = _key("info", "how much")
    format: Literal["auto", "pretty", "json", "journal"] = _key("auto", "how")


class ProviderOptions(Section):
    """One entry of [providers.NAME]; what is not set is the kind's default."""

    kind: str | None = _key(None, "of service; default: the entry's name")
    base_url: Url | None = _key(None, "instead of the service's own address")
    file_hosts: list[FileHost] = _key([], "further hosts its finished files are on")
    hub_url: Url | None = _key(None, "flux, space: instead of the Hub's address")
    model: str | None = _key(None, "instead of the kind's own")
    route: (
        Literal["auto", "nscale", "fal-ai", "together", "replicate", "hf-inference"]
        | None
    ) = _key(None, "flux: auto, nscale, fal-ai, together, replicate, hf-inference")
    endpoint: str | None = _key(None, "runpod: its id; empty: none in the path")
    account: str | None = _key(None, "flux: the organisation that pays; cloudflare")
    label: str | None = _key(None, "what people read on the page")
    timeout: Duration | None = _key(None, "for one image", gt=timedelta(0))
    price: Money | None = _key(None, "dollars for one image")
    included: Money | None = _key(None, "dollars that the plan includes")
    monthly_budget: Money | None = _key(None, "dollars a month it may cost")
    credits_reset: CreditsReset | None = _key(None, "monthly, daily, manual or 1h")
    concurrency: int | None = _key(None, "calls at once", ge=1, le=64)
    extra: dict[str, Any] = _key({}, "merged into the body of the request")


class SourceSection(Section):
    """One of several databases; what it does not say is as for all of them."""

    data_source: str = _key("", "id or link of the database")
    token: SecretName = _key(
        "", "name of its secret; default: NOTION_TOKEN_NAME, else NOTION_TOKEN"
    )
    chain: list[str] | None = _key(None, "who makes its images, in order")
    properties: PropertyNames = _key(PropertyNames(), "")
    posts: PostsSection = _key(PostsSection(), "")
    prompt: PromptSection = _key(PromptSection(), "")
    writer: WriterSection = _key(WriterSection(), "")
    images: SourceImagesSection = _key(SourceImagesSection(), "")
    card: CardSection = _key(CardSection(), "")
    budget: BudgetSection = _key(BudgetSection(), "")


class Options(Section):
    """The whole file."""

    data_dir: str = _key("", "database, images/, lock; default: where this file is")
    chain: list[str] | None = _key(
        None, "who makes images, in order; default: all that can, the card last"
    )
    on_refusal: Literal["fail", "next"] = _key("fail", "a refused prompt: or next")
    loading_wait: Duration = _key(
        timedelta(seconds=120), "how long a job waits for a loading model"
    )
    concurrency: int = _key(4, "jobs that generate at once", ge=1, le=64)
    free_only: bool = _key(False, "only what is free or included")
    roles: list[Literal["notion", "generate"]] = _key(
        ["notion", "generate"], "of several daemons, what this one does"
    )
    notion: NotionSection = _key(NotionSection(), "")
    posts: PostsSection = _key(PostsSection(), "")
    prompt: PromptSection = _key(PromptSection(), "")
    writer: WriterSection = _key(WriterSection(), "")
    images: ImagesSection = _key(ImagesSection(), "")
    card: CardSection = _key(CardSection(), "")
    budget: BudgetSection = _key(BudgetSection(), "")
    database: DatabaseSection = _key(DatabaseSection(), "")
    notify: NotifySection = _key(NotifySection(), "")
    web: WebSection = _key(WebSection(), "")
    log: LogSection = _key(LogSection(), "")
    providers: dict[str, ProviderOptions] = _key({}, "")
    sources: dict[str, SourceSection] = _key({}, "")
