"""Settings from the environment; the only reader of it. Every name is optional: nothing is needed to make clips."""

import difflib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias, get_args

import platformdirs
from pydantic import AliasChoices, BaseModel, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_ADDRESS = r"^https?://[^/?#@\s]+$"
"""Of a server: no path, no slash at its end."""


class Deepgram(BaseModel):
    """Speech recognition by Deepgram; used with `--model deepgram`."""

    key: SecretStr | None = Field(None, description="API key.")
    url: str = Field("https://api.deepgram.com", description="Address of the service.")
    model: str = Field("nova-3", description="Model to ask for.")


class OpenAI(BaseModel):
    """Speech recognition by any service that speaks OpenAI's protocol; used with `--model openai`."""

    key: SecretStr | None = Field(None, description="API key; local servers often need none.")
    url: str = Field("https://api.openai.com/v1", description="Address of the service.")
    model: str = Field("whisper-1", description="Model to ask for.")


class Judge(BaseModel):
    """A language model that may rerank moments and write titles; used when a model is named."""

    model: str | None = Field(None, description="Model to ask; without it, no language model is used.")
    key: SecretStr | None = Field(None, description="API key; local servers often need none.")
    url: str = Field("https://api.openai.com/v1", description="Address of any OpenAI-compatible service.")
    budget: int = Field(60_000, ge=1000, description="Tokens one run may use at most, in and out.")


class Database(BaseModel):
    """The service's PostgreSQL; the bundled one where no address is named."""

    url: SecretStr | None = Field(
        None,
        description="Address of a PostgreSQL server, 15 or newer: `postgresql://user:password@host/database`. "
        "Without it, the bundled one is used.",
    )
    account: str | None = Field(
        None,
        description="Account that the bundled PostgreSQL runs as where Cliply runs as root; `nobody` if none is named.",
    )


class Storage(BaseModel):
    """Where the service keeps videos and clips: an S3 bucket, or the folder `storage` where no bucket is named."""

    bucket: str | None = Field(
        None, description="Bucket of an S3 service. Without it, files are kept in the folder `storage` in CLIPLY_DATA."
    )
    endpoint: str | None = Field(
        None, description="Address of the S3 service, `https://s3.example.com`; Amazon's own if none is named."
    )
    region: str = Field("us-east-1", description="Region of the bucket; most services but Amazon's take any.")
    key: SecretStr | None = Field(
        None, description="Access key of S3; without it, the usual AWS places are asked, such as the machine's role."
    )
    secret: SecretStr | None = Field(None, description="Secret key of S3, with CLIPLY_STORAGE__KEY.")


class Mail(BaseModel):
    """How the service sends mail; without a host it is written to the folder `mail` in `CLIPLY_DATA`."""

    host: str | None = Field(
        None, description="SMTP server. Without it, mail is written to the folder `mail` in `CLIPLY_DATA`."
    )
    port: int = Field(587, ge=1, le=65535, description="Port of the SMTP server.")
    encryption: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        description="`tls` from the first byte on (mostly port 465), or `none` for a server on this machine.",
    )
    user: str | None = Field(None, description="Name to sign in to the SMTP server with, where it asks for one.")
    password: SecretStr | None = Field(None, description="Password for it.")
    sender: str = Field("Cliply <cliply@localhost>", description="Whom mail comes from.")


class Server(BaseModel):
    """The service's address, as browsers and programs see it."""

    url: str | None = Field(
        None,
        pattern=_ADDRESS,
        description="Address under which people reach the service, `https://clips.example.com`. With `https` cookies "
        "are sent over HTTPS only; links in mail begin with it.",
    )
    trusted_proxies: str = Field(
        "",
        description="Addresses of proxies in front of the service, joined by commas, whose word on where a request "
        "comes from is taken; nobody's if none is named.",
    )

    sign_up: Literal["open", "invited", "closed"] = Field(
        "invited",
        description="Who may make an account with a password: everybody (`open`), who has the code of an invitation "
        "(`invited`), or nobody (`closed`). `cliply users add` always makes one.",
    )

    @property
    def secure(self) -> bool:
        return self.url is not None and self.url.startswith("https://")


class Cron(BaseModel):
    """A scheduler outside of the service, beside the one that every worker has."""

    secret: SecretStr | None = Field(
        None,
        min_length=16,
        description="What `POST /api/cron/scan-schedules` asks for, `Authorization: Bearer ...`; without it nobody can "
        "ask there.",
    )


class Metrics(BaseModel):
    """Figures for Prometheus; nothing is shown unless asked for."""

    port: int | None = Field(
        None, ge=0, le=65535, description="Port on which `cliply worker` shows its figures for Prometheus."
    )
    host: str = Field("127.0.0.1", description="Address to listen on for it; `0.0.0.0` lets other machines ask.")
    token: SecretStr | None = Field(
        None, min_length=16, description="What the API's `/metrics` asks for, `Authorization: Bearer ...`; without it "
        "there is no such page."
    )  # fmt: skip


class Sentry(BaseModel):
    """Where faults are reported: a Sentry, or what speaks its protocol; nowhere unless one is named."""

    dsn: SecretStr | None = Field(None, description="Sentry's address for this installation, its DSN.")
    environment: str = Field("production", min_length=1, max_length=64, description="What it is shown as there.")


class Uploads(BaseModel):
    """What sources the service takes."""

    largest: int = Field(20_000_000_000, ge=1, description="Largest file that may be uploaded or downloaded, in bytes.")
    longest: float = Field(12, gt=0, description="Longest video, in hours.")
    patience: float = Field(
        10,
        ge=0,
        description="Seconds that whoever completes an upload waits for its check; where that takes longer, a job does "
        "it.",
    )


class Downloads(BaseModel):
    """Videos from links, fetched with yt-dlp; off until whoever runs the service says that it may be done."""

    rights_confirmed: bool = Field(
        False,
        description="Set to 1 to take links: you confirm that only what your users may download is downloaded. Most "
        "platforms' terms forbid it otherwise.",
    )
    hosts: list[str] = Field(
        ["youtube.com", "www.youtube.com", "m.youtube.com", "youtu.be"],
        description="Hosts whose links are taken, as JSON; by https and its own port unless one says otherwise.",
    )
    extractors: list[str] = Field(["youtube"], description="Extractors of yt-dlp that may be used, as JSON.")
    networks: list[str] = Field(
        [], description='Private networks that may be reached all the same, as JSON: `["10.1.2.0/24"]`.'
    )
    rate: int | None = Field(None, ge=1000, description="Bytes a second at most; as fast as it comes without.")
    minutes: int = Field(120, ge=1, description="How long one download may take.")


class Remote(BaseModel):
    """A service that the command line talks to, instead of the one that `cliply login` has saved."""

    url: str | None = Field(None, description="Address of the service for `cliply upload`, `projects` and the like.")
    key: SecretStr | None = Field(None, description="API key of a workspace there.")


class Speech(BaseModel):
    """How the service recognises speech."""

    model: str = Field(
        "auto",
        description="Speech model of the service: `auto`, `base`, `tiny.en`, a folder with a faster-whisper model, or "
        "a hosted service: `deepgram`, `openai`.",
    )


Algorithm: TypeAlias = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""How tokens may be signed: by a key pair only, since a shared secret would let everybody who knows it sign."""


class Oidc(BaseModel):
    """Signing in with an account elsewhere: any OpenID Connect service, or Supabase."""

    issuer: str | None = Field(
        None,
        pattern=r"^https?://[^?#@\s]+$",
        description="Who issues the tokens, exactly as `iss` in them: `https://accounts.example.com`, or for Supabase "
        "`https://PROJECT.supabase.co/auth/v1`.",
    )
    audience: str | None = Field(
        None,
        description="Whom the tokens are for, as `aud` in them; for Supabase `authenticated`. Needed with an issuer.",
    )
    keys_url: str | None = Field(
        None,
        pattern=r"^https?://[^?#@\s]+$",
        description="Where the issuer's public keys are (JWKS), if its discovery document does not say so.",
    )
    addresses_verified: bool = Field(
        False,
        description="Set to 1 if the issuer gives tokens to nobody whose address it has not verified, and does not say "
        "so in them (`email_verified`): Supabase with “Confirm email” on.",
    )
    algorithms: str = Field(
        "RS256,ES256,EdDSA", description="How its tokens may be signed, joined by commas; by key pairs only."
    )

    @property
    def allowed(self) -> frozenset[str]:
        return frozenset(each.strip() for each in self.algorithms.split(",") if each.strip())

    @model_validator(mode="after")
    def _whole(self) -> Self:
        known = get_args(Algorithm)
        if unknown := sorted(self.allowed - set(known)):
            raise ValueError(f"tokens cannot be signed by {', '.join(unknown)}; there are: {', '.join(known)}")
        if (self.issuer is None) != (self.audience is None):
            raise ValueError("an issuer and an audience belong together: set both, or neither")
        return self


class Google(BaseModel):
    """Publishing on YouTube, with an app of your own in the Google Cloud console."""

    client_id: str | None = Field(
        None,
        description="Client ID of your app, from “Credentials” in the Google Cloud console (type “Web application”, "
        "YouTube Data API v3 enabled). Without it, no YouTube channel can be connected.",
    )
    client_secret: SecretStr | None = Field(None, description="Client secret that belongs to it.")
    url: str | None = Field(
        None,
        pattern=_ADDRESS,
        description="Address of a server that stands in for all of Google's, as `cliply dev-providers` does; Google's "
        "own if none is named.",
    )
    uploads_a_day: int = Field(
        100, ge=0, description="Videos that Google lets your app upload in a day, for all workspaces together."
    )
    units_a_day: int = Field(10_000, ge=0, description="Units of quota that Google gives your app for a day.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.client_id is None) != (self.client_secret is None):
            raise ValueError("a client ID and its secret belong together: set both, or neither")
        return self


class TikTok(BaseModel):
    """Publishing on TikTok, with an app of your own at TikTok for Developers."""

    client_key: str | None = Field(
        None,
        description="Client key of your app at TikTok for Developers, with Login Kit and the Content Posting API. "
        "Without it, no TikTok account can be connected.",
    )
    client_secret: SecretStr | None = Field(None, description="Client secret that belongs to it.")
    url: str | None = Field(
        None,
        pattern=_ADDRESS,
        description="Address of a server that stands in for all of TikTok's, as `cliply dev-providers` does; TikTok's "
        "own if none is named.",
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.client_key is None) != (self.client_secret is None):
            raise ValueError("a client key and its secret belong together: set both, or neither")
        return self


class Billing(BaseModel):
    """Selling plans through a Stripe account of your own; off unless a key is named."""

    secret_key: SecretStr | None = Field(
        None, description="Secret key of your Stripe account, `sk_...` or `rk_...`. Without it, nothing is sold."
    )
    webhook_secrets: list[SecretStr] = Field(
        [],
        description='Signing secrets of the webhook endpoint at Stripe, as JSON: `["whsec_..."]`; two while one '
        "replaces the other. Needed with a key.",
    )
    url: str | None = Field(
        None,
        pattern=_ADDRESS,
        description="Address of a server that stands in for Stripe, as `cliply dev-providers` does; Stripe's own if "
        "none is named.",
    )
    grace_days: int = Field(
        14, ge=0, le=90, description="Days for which a plan is kept though a payment is overdue, while Stripe tries on."
    )
    trial_days: int = Field(
        0, ge=0, le=730, description="Days for which a workspace that subscribes for the first time pays nothing."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.secret_key is not None:
            _check_key(self.secret_key.get_secret_value(), elsewhere=self.url is not None)
            if not self.webhook_secrets:
                raise ValueError("a key needs the signing secret of an endpoint: set CLIPLY_BILLING__WEBHOOK_SECRETS")
        if not all(each.get_secret_value().startswith("whsec_") for each in self.webhook_secrets):
            raise ValueError(
                "CLIPLY_BILLING__WEBHOOK_SECRETS are signing secrets, which begin with whsec_; Stripe's dashboard "
                "shows one at each webhook endpoint"
            )
        return self


def _check_key(key: str, *, elsewhere: bool) -> None:
    if not key.startswith(("sk_", "rk_")):
        kind = "a publishable key, which is for browsers" if key.startswith("pk_") else "none of Stripe's secret keys"
        raise ValueError(f"CLIPLY_BILLING__SECRET_KEY is {kind}: name one that begins with sk_ or rk_")
    if elsewhere and key.startswith(("sk_live_", "rk_live_")):
        raise ValueError(
            "CLIPLY_BILLING__URL names another server than Stripe, and CLIPLY_BILLING__SECRET_KEY is a live key, which "
            "nobody else may see"
        )


def _data_folder() -> Path:
    # Root's own folder is closed to the account that the database runs as.
    return Path("/var/lib/cliply") if os.geteuid() == 0 else platformdirs.user_data_path("cliply")


class Settings(BaseSettings):
    """`CLIPLY_...` variables; nested names are joined by two underscores, `CLIPLY_DEEPGRAM__KEY`."""

    model_config = SettingsConfigDict(
        env_prefix="CLIPLY_",
        env_nested_delimiter="__",
        extra="ignore",
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    cache: Path = Field(
        default_factory=lambda: platformdirs.user_cache_path("cliply"),
        description="Folder where results are kept between runs.",
    )
    data: Path = Field(
        default_factory=_data_folder,
        description="Folder where the service keeps its database and files; `/var/lib/cliply` if Cliply runs as root.",
    )
    progress: Literal["auto", "lines"] = Field("auto", description="`lines` shows plain lines on a terminal too.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least that the service writes down."
    )
    log_format: Literal["auto", "json", "plain", "brief"] = Field(
        "auto",
        description=(
            "How the service writes it down: `auto` is plain on a terminal and JSON lines elsewhere; `brief`, which is "
            "`auto` of `cliply up` on a terminal, leaves out all that goes well."
        ),
    )
    log_sample_rate: float = Field(
        1.0,
        ge=0,
        le=1,
        validation_alias=AliasChoices("CLIPLY_LOG_SAMPLE_RATE", "LOG_SAMPLE_RATE"),
        description="Share of requests and jobs whose lines are written; warnings and errors always are. "
        "`LOG_SAMPLE_RATE` means the same.",
    )
    secret_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="Seals secrets in the database, such as letters that are not sent yet; the same for every process. "
        "Without it, one is made and kept in `CLIPLY_DATA`, which is enough for one machine.",
    )
    secret_keys_before: list[Annotated[SecretStr, Field(min_length=32)]] = Field(
        [],
        description="Keys that `CLIPLY_SECRET_KEY` has replaced, as JSON: they open what was sealed with them, and "
        "seal nothing more.",
    )
    providers: Literal["networks", "demo"] = Field(
        "networks",
        description="Where clips are published: on the networks, or with `demo` in a folder, for trying it out.",
    )
    plans: Path | None = Field(
        None,
        description="File that changes plans of workspaces or adds some, as TOML, or as JSON if its name ends with "
        "`.json`.",
    )
    plan: str = Field("unlimited", description="Plan of new workspaces.")
    deepgram: Deepgram = Deepgram()
    openai: OpenAI = OpenAI()
    judge: Judge = Judge()
    cron: Cron = Cron()
    database: Database = Database()
    mail: Mail = Mail()
    metrics: Metrics = Metrics()
    oidc: Oidc = Oidc()
    sentry: Sentry = Sentry()
    storage: Storage = Storage()
    uploads: Uploads = Uploads()
    speech: Speech = Speech()
    remote: Remote = Remote()
    downloads: Downloads = Downloads()
    server: Server = Server()
    google: Google = Google()
    tiktok: TikTok = TikTok()
    billing: Billing = Billing()


_PREFIX = "CLIPLY_"
# Read by the tests and measurements of Cliply itself.
_OWN = ("CLIPLY_FIXTURES", "CLIPLY_SCORERS", "CLIPLY_TEST_SERVER")


def hand_on(name: str, value: str) -> None:
    """Have a setting be so for this process, once it reads them again, and for all that it starts."""
    os.environ[f"{_PREFIX}{name.upper()}"] = value


def unknown_names(names: Iterable[str] | None = None) -> Iterator[str]:
    """What to say of each of `names`, the environment's, that looks like a setting and is none; never its value."""
    known = [*_names(Settings, _PREFIX)]
    for name in sorted(os.environ if names is None else names):
        upper = name.upper()
        if not upper.startswith(_PREFIX) or upper in (*known, *_OWN):
            continue
        # What all of them begin with would make any short name look alike.
        near = difflib.get_close_matches(upper[len(_PREFIX) :], [each[len(_PREFIX) :] for each in known], n=1)
        yield f"{name} is no setting of Cliply and is ignored." + (f" Did you mean {_PREFIX}{near[0]}?" if near else "")


def _names(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        full = f"{prefix}{name.upper()}"
        yield full
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _names(field.annotation, f"{full}__")
