"""Bodies of requests and answers about accounts on networks and what is published there."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from cliply.features.publishing.channel_settings import ChannelSettings
from cliply.features.publishing.channels import LONGEST_NAME
from cliply.features.publishing.composing import Said, Wanted
from cliply.features.publishing.models import ChannelState, PublicationState, ScheduleState
from cliply.features.publishing.publications import Verdict
from cliply.infra.bodies import Answer, Body
from cliply.integrations.publisher import Network, Standing

_Port = Annotated[
    int | None,
    Field(
        ge=1024,
        le=65535,
        description="For programs: a port of this machine on which the program waits for the browser to come back, at "
        "`/oauth`. What comes there goes to `/api/oauth/{provider}/finish`.",
        examples=[8765],
    ),
]


class OAuthProvider(StrEnum):
    """Who asks the owner of an account."""

    GOOGLE = "google"
    TIKTOK = "tiktok"

    @property
    def network(self) -> Network:
        return Network.YOUTUBE if self is OAuthProvider.GOOGLE else Network.TIKTOK

    @classmethod
    def of(cls, network: Network) -> "OAuthProvider":
        return cls.GOOGLE if network is Network.YOUTUBE else cls.TIKTOK


class ConnectStart(Body):
    account_id: UUID | None = Field(None, description="An account that is to be connected again.")
    loopback_port: _Port = None


class AccountConnect(Body):
    network: Network
    loopback_port: _Port = None


class AccountReconnect(Body):
    loopback_port: _Port = None


class ConsentRead(Answer):
    """Where the account's owner allows it, in the browser that asked."""

    consent_url: str = Field(examples=["https://accounts.google.com/o/oauth2/v2/auth?client_id=…"])
    expires_in: int = Field(description="Seconds until it has to be begun again.", examples=[600])


class ConnectFinish(Body):
    """What came back to a program's own address."""

    state: str = Field(max_length=200)
    code: str | None = Field(None, max_length=2000)
    error: str | None = Field(None, max_length=200)
    iss: str | None = Field(None, max_length=200)


class AccountUpdate(Body):
    """What is left out stays as it is."""

    name: Annotated[str | None, Field(min_length=1, max_length=LONGEST_NAME, examples=["Bees, daily"])] = None
    is_default: bool | None = Field(None, description="Whether it is meant where no account is named.")


class AccountSettings(Body):
    account_id: UUID
    settings: ChannelSettings = Field(description="Replaces what was set before.", examples=[{"daily_cap": 3}])


class LastPublication(Answer):
    id: UUID
    url: str | None
    published_at: datetime


class AccountRead(Answer):
    """An account on a network. Its tokens leave the service for nobody but that network."""

    id: UUID
    network: Network
    external_id: str = Field(description="What the network knows it by.", examples=["UCbees"])
    name: str = Field(examples=["Bees, daily"])
    handle: str | None = Field(examples=["@beesdaily"])
    picture: str | None = Field(description="Address of its picture at the network; may have expired.")
    state: ChannelState
    can_publish: bool
    reason: str | None = Field(description="Why it cannot be published on.")
    scopes: list[str] = Field(description="What its owner allowed.", examples=[["youtube.upload"]])
    refresh_expires_at: datetime | None = Field(
        description="Its owner has to allow it again by then; null where the network names no such time."
    )
    paused_until: datetime | None = Field(description="Until when the network takes nothing more of it.")
    paused_why: str | None
    is_default: bool
    is_demo: bool = Field(
        description="Whether it is one of demo mode: what is published on it goes to a folder and to no network."
    )
    settings: ChannelSettings
    created_at: datetime


class AccountDetails(AccountRead):
    last_publication: LastPublication | None


class Publish(Wanted, Body):
    """A clip to be published; what is left out is as the clip and the account have it."""

    clip_id: UUID
    account_id: UUID | None = Field(None, description="Left out: the default account, or the only one.")
    run_at: AwareDatetime | None = Field(
        None, description="When it goes; left out: at once.", examples=["2026-12-24T18:00:00+01:00"]
    )
    again: bool = Field(False, description="Publish it though this clip was published on the account before.")

    @property
    def wanted(self) -> Wanted:
        return Wanted.model_validate(self.model_dump(include=set(Wanted.model_fields)))


class PublicationUpdate(Body):
    run_at: AwareDatetime | None = Field(
        description="When it goes; null: at once.", examples=["2026-12-24T18:00:00+01:00"]
    )


class PublicationSettle(Body):
    verdict: Verdict = Field(description="`look` once more; or what somebody saw: `published`, or `absent`.")
    url: str | None = Field(None, max_length=500, pattern=r"^https://", examples=["https://youtu.be/abc"])


class PublicationRead(Answer):
    id: UUID
    account_id: UUID
    network: Network
    clip_id: UUID | None = Field(description="Null once the clip was deleted.")
    state: PublicationState
    post: Said
    run_at: datetime | None = Field(description="When it was asked to go; null for at once.")
    schedule: ScheduleState | None = Field(
        description="Where it is as a schedule, `/api/schedules/{id}` with the same id; null where it has no time."
    )
    next_at: datetime | None = Field(description="When something happens next, where it waits.")
    external_id: str | None = Field(description="The network's number of it.", examples=["dQw4w9WgXcQ"])
    url: str | None = Field(examples=["https://youtu.be/dQw4w9WgXcQ"])
    note: str | None = Field(description="What people should know of it.")
    error: str | None = Field(description="Why it is where it is, for people.")
    error_code: str | None = Field(description="The same for programs, in the network's word.")
    job_id: int | None = Field(description="The job that goes on with it.", examples=[12])
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None


class PublicationEventRead(Answer):
    """What became of it."""

    id: int
    at: datetime
    state: PublicationState
    said: str | None
    next_at: datetime | None


class PublicationDetails(PublicationRead):
    events: list[PublicationEventRead]


_NOT_TOLD = "Null where the network does not tell it."
_Count = Annotated[int | None, Field(description=_NOT_TOLD, examples=[1234])]
_Views = Annotated[
    int | None,
    Field(
        description="How often it was played, as the network counts that: YouTube counts from the first frame on, "
        f"since 27 August 2026. {_NOT_TOLD}",
        examples=[1234],
    ),
]
_Watched = Annotated[
    float | None,
    Field(
        description="How long it was watched by all together. YouTube tells it two to three days late, where the "
        f"account allows `yt-analytics.readonly`; TikTok does not. {_NOT_TOLD}",
        examples=[5400.0],
    ),
]
_Share = Annotated[
    float | None,
    Field(
        description="Which part of it was watched on average: 0.5 is half, and more than 1 is more than once. Told "
        f"where `watched_seconds` is. {_NOT_TOLD}",
        examples=[0.72],
    ),
]


class SnapshotRead(Answer):
    """What the network had counted when it was asked, since the post was published."""

    age_hours: int = Field(description="The age it is for: 1, 3, 6, 24, 72, 168 or 672 hours.", examples=[24])
    taken_at: datetime
    real_age_hours: float = Field(
        description="How old the post was when the network was asked; more than `age_hours` where that came late.",
        examples=[24.05],
    )
    views: _Views
    likes: _Count
    comments: _Count
    shares: _Count
    watched_seconds: _Watched
    average_share_watched: _Share


class PublicationMetrics(Answer):
    publication_id: UUID
    account_id: UUID
    network: Network
    counts_from: datetime | None = Field(
        description="Ages count from here: when it was published, or is made public by its network. Null before."
    )
    standing: Standing | None = Field(
        description="Who sees it: `shown` to more than its owner, `private`, `hidden` (private or deleted: the network "
        "does not tell which), or `gone`. Null until the network has told it.",
        examples=["shown"],
    )
    gone_at: datetime | None = Field(description="When it was found to be deleted; null as long as it was not.")
    next_at: datetime | None = Field(description="When its network is asked next; null where it is not any more.")
    problem: str | None = Field(
        description="Why there were no figures when they were last asked for, or never will be; null otherwise."
    )
    snapshots: list[SnapshotRead] = Field(
        description="By age, each once. An age that was missed, as by an outage, is left out and never made up."
    )


class MetricsSums(Answer):
    """Figures of several publications together: sums of those that a network tells, null where none does."""

    publications: int = Field(description="How many were published.", examples=[12])
    measured: int = Field(description="How many of them there are figures of.", examples=[11])
    views: _Views
    likes: _Count
    comments: _Count
    shares: _Count
    watched_seconds: _Watched
    average_share_watched: _Share = Field(description="Averaged by views, of those whose network tells it.")


class NetworkMetrics(MetricsSums):
    network: Network


class AccountMetrics(MetricsSums):
    account_id: UUID
    name: str = Field(examples=["Bees, daily"])
    network: Network


class PeriodMetrics(MetricsSums):
    begins: date = Field(description="Its first day; of a week, a Monday.")


class MetricsSummary(Answer):
    """What was published on these days, and how it does: of each post the latest figures, or those at one age."""

    since: date
    until: date = Field(description="The last day, included.")
    age_hours: int | None = Field(description="The age of all figures; null: the latest of each post.", examples=[24])
    total: MetricsSums
    networks: list[NetworkMetrics]
    accounts: list[AccountMetrics]
    periods: list[PeriodMetrics] = Field(description="By when it was published; those with nothing are left out.")
