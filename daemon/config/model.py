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

    image: ColumnName = _key("Image", "Files & media; required")
    regenerate: ColumnName = _key("Regenerate", "Checkbox; required")
    post: ColumnName = _key("Post", "Text: the text of the post")
    prompt: ColumnName = _key("Image prompt", "Text: your own prompt")
    feedback: ColumnName = _key("Image feedback", "Text: what to change next time")
    status: ColumnName = _key("Image status", "Select, Status or Text; written")
    note: ColumnName = _key("Image note", "Text; written")
    provider: ColumnName = _key("Image provider", "Select or Text; written")
    details: ColumnName = _key("Image details", "Text; written: model, price, seed")
    headline: ColumnName = _key("Headline", "Text: words to put on the image")
    format: ColumnName = _key("Format", "Select or Text: square, portrait, ...")
    variants: ColumnName = _key("Variants", "Number: images for one post, 1 to 4")
    pick: ColumnName = _key("Pick", "Number or Select: the variant to keep on the page")
    alt: ColumnName = _key("Alt text", "Text; written if empty")
    date: ColumnName = _key("Date", "Date: publication date")
    used_prompt: ColumnName = _key("Prompt used", "Text; written")


class NotionSection(Section):
    """Where the posts are."""

    data_source: str = _key("", "ID or link; empty: the only database the token sees")
    poll_interval: Duration = _key(
        timedelta(seconds=10),
        "how often to poll Notion",
        ge=timedelta(milliseconds=100),
    )
    poll_active: Duration = _key(
        timedelta(seconds=2),
        "poll interval for five minutes after a change by a person",
        ge=timedelta(milliseconds=100),
    )
    requests_per_second: float = _key(3.0, "at most; Notion allows 3", gt=0, le=100)
    base_url: Url = _key("https://api.notion.com", "only for proxies and tests")
    properties: PropertyNames = _key(PropertyNames(), "names of the properties")


class PostsSection(Section):
    """Which posts get an image, and when."""

    only: dict[ColumnName, MatchValue] = _key({}, 'posts with { "Status" = "Waiting" }')
    skip: dict[ColumnName, MatchValue] = _key(
        {}, "posts that get an image only if Regenerate is ticked"
    )
    wait_after_edit: Duration = _key(
        timedelta(minutes=2),
        "wait until a post has not been edited for this long",
        ge=timedelta(0),
    )
    approve_above: int = _key(25, "more new posts wait for approval; 0: never", ge=0)
    tries: int = _key(3, "rounds through the chain before a job fails", ge=1, le=20)
    on_edit: Literal["keep", "regenerate"] = _key(
        "keep", "when a post with an image is edited: keep or regenerate"
    )
    on_done: dict[ColumnName, SetValue] = _key({}, "properties to set with the image")
    on_card: dict[ColumnName, SetValue] | None = _key(
        None, "the same for a card; default: as on_done"
    )
    replace_cards: DurationOrOff = _key(timedelta(days=35), "of up to this age; or off")
    replacements_per_day: int = _key(5, "cards replaced per day, at most", ge=0)
    cover: bool = _key(False, "also set the image as page cover")


class PromptSection(Section):
    """What the services are told."""

    template: Template = _key("{prompt}", "{prompt}, {title}, {column:Any Name}")
    style: str = _key("", "added to every prompt", max_length=1000)


class WriterSection(Section):
    """The language model that turns a post into an image prompt."""

    use: Literal["auto", "off"] = _key("auto", "the cheapest that is set up; or off")
    kind: Literal["huggingface", "cloudflare", "openai"] | None = _key(
        None, "huggingface, cloudflare or openai (any server with its API)"
    )
    base_url: Url | None = _key(None, "your own server: Ollama, llama.cpp, ...")
    model: str | None = _key(None, "default: chosen by the kind")
    brand: str = _key(
        "", "who you are; what images should and should not show", max_length=2000
    )
    people: Literal["yes", "no faces", "no"] = _key("yes", "people: yes, no faces, no")
    timeout: Duration = _key(
        timedelta(seconds=20),
        "how long to wait for a prompt",
        gt=timedelta(0),
        le=timedelta(minutes=2),
    )
    price: Money | None = _key(None, "dollars per post")


class SourceImagesSection(Section):
    """What the images of one source can have for themselves."""

    format: FormatName = _key("square", "square, portrait, landscape, story or WxH")
    headline: Literal["off", "column", "auto"] = _key(
        "column", "words on images: column, auto (else from the post), off"
    )
    headline_style: Literal["gradient", "panel"] = _key(
        "gradient", "behind the words: gradient or panel"
    )
    brand: bool = _key(False, "put tag and logo of [card] on images")
    keep_days: int = _key(0, "delete unused images after this; 0: never", ge=0, le=3650)
    mark_ai: bool = _key(True, "mark the file as made by AI")
    embed_prompt: bool = _key(False, "store the prompt in the image file")


class ImagesSection(SourceImagesSection):
    """The files."""

    min_free_disk: Bytes = _key(100 * 2**20, "leave this much disk space free", ge=0)
    store: StoreName = _key("", "s3://bucket/prefix, shared by several machines")
    store_endpoint: Endpoint = _key("", "address of the S3 server; empty: Amazon")
    store_region: str = _key("", "region; empty: AWS_REGION or us-east-1")


class CardSection(Section):
    """The card that stands in when no service can."""

    tag: str = _key("", "small line at the bottom: your name", max_length=80)
    background: Colour = _key("", "#rrggbb; empty: chosen from the text")
    color: Colour = _key("", "text color")
    accent: Colour = _key("", "ornament color")
    font: str = _key("", "path of a .ttf or .otf file to prefer")
    logo: str = _key("", "path of a .png, .jpg or .webp file")
    logo_dark: str = _key("", "logo for dark backgrounds")
    layout: CardLayout = _key(
        "auto", "auto, statement, quote, list, table, event, review or versus"
    )


class BudgetSection(Section):
    """Money, in dollars; what is included by a service does not count."""

    month: Money | None = _key(5.0, "dollars per calendar month")
    day: Money | None = _key(None, "dollars per day; default: no limit")
    per_post_day: int | None = _key(10, "images for one post per day, at most", ge=1)


class DatabaseSection(Section):
    """Where postbrush keeps its memory."""

    url: DatabaseUrl = _key(
        SecretStr(""), "postgresql+psycopg://USER@HOST/NAME; empty: a file in data_dir"
    )
    lease: Duration = _key(
        timedelta(minutes=3),
        "consider a daemon dead after this long without a heartbeat",
        ge=timedelta(seconds=1),
    )


class NotifySection(Section):
    """Who is told when something begins that lasts, and when it ends."""

    urls: Notifiers = _key([], "Apprise addresses; or use NOTIFY_URLS")
    ping: Ping = _key(SecretStr(""), "address to request every 5 minutes while healthy")


class WebSection(Section):
    """The daemon's own page; with WEB_PASSWORD set, it asks for it."""

    listen: Listen = _key("127.0.0.1:8787", 'ADDRESS:PORT; or "off"')
    hosts: list[HostName] = _key([], "further host names, such as a reverse proxy's")
    trusted_proxies: list[ProxyAddress] = _key([], "proxies trusted for X-Forwarded-*")
    base_path: BasePath = _key("", 'path behind a reverse proxy, such as "/postbrush"')


class LogSection(Section):
    """What is said."""

    level: Literal["debug", "info", "warning", "error"] = _key(
        "info", "debug, info, warning or error"
    )
    format: Literal["auto", "pretty", "json", "journal"] = _key(
        "auto", "auto, pretty, json or journal"
    )


class ProviderOptions(Section):
    """One entry of [providers.NAME]; what is not set is the kind's default."""

    kind: str | None = _key(None, "kind of service; default: the name of the entry")
    base_url: Url | None = _key(None, "default: the address of the service")
    file_hosts: list[FileHost] = _key([], "other hosts where the service stores images")
    hub_url: Url | None = _key(None, "flux, space: default: the address of the Hub")
    model: str | None = _key(None, "default: chosen by the kind")
    route: (
        Literal["auto", "nscale", "fal-ai", "together", "replicate", "hf-inference"]
        | None
    ) = _key(None, "flux: auto, nscale, fal-ai, together, replicate, hf-inference")
    endpoint: str | None = _key(None, "runpod: endpoint ID; empty: a local test server")
    account: str | None = _key(None, "flux: paying organization; cloudflare: its ID")
    label: str | None = _key(None, "name that people see")
    timeout: Duration | None = _key(None, "how long an image may take", gt=timedelta(0))
    price: Money | None = _key(None, "dollars per image")
    included: Money | None = _key(None, "dollars of credits included in your plan")
    monthly_budget: Money | None = _key(None, "dollars per month for this service")
    credits_reset: CreditsReset | None = _key(None, "monthly, daily, manual or 1h")
    concurrency: int | None = _key(None, "calls at the same time", ge=1, le=64)
    extra: dict[str, Any] = _key({}, "added to the body of each request")


class SourceSection(Section):
    """One of several databases; what it does not say is as for all of them."""

    data_source: str = _key("", "ID or link of the database")
    token: SecretName = _key(
        "", "name of its secret; default: NOTION_TOKEN_NAME, else NOTION_TOKEN"
    )
    chain: list[str] | None = _key(None, "image services to use, in this order")
    properties: PropertyNames = _key(PropertyNames(), "")
    posts: PostsSection = _key(PostsSection(), "")
    prompt: PromptSection = _key(PromptSection(), "")
    writer: WriterSection = _key(WriterSection(), "")
    images: SourceImagesSection = _key(SourceImagesSection(), "")
    card: CardSection = _key(CardSection(), "")
    budget: BudgetSection = _key(BudgetSection(), "")


class Options(Section):
    """The whole file."""

    data_dir: str = _key("", "for database and images; default: folder of this file")
    chain: list[str] | None = _key(
        None, "image services to use; default: all that are set up, card last"
    )
    on_refusal: Literal["fail", "next"] = _key(
        "fail", "when a service refuses a prompt: fail or next (try the next service)"
    )
    loading_wait: Duration = _key(timedelta(seconds=120), "wait for a model to load")
    concurrency: int = _key(4, "jobs generating at the same time", ge=1, le=64)
    free_only: bool = _key(False, "send no request that might be charged")
    roles: list[Literal["notion", "generate"]] = _key(
        ["notion", "generate"], "what this daemon does, if there are several"
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
