"""How much of what a provider allows the whole installation in a day is used, counted for all processes at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from cliply.infra.db import Database

_SPEND = text("SELECT spend_quota(:bucket, :amount, :most, :resets_at)")
_EXHAUST = text("SELECT exhaust_quota(:bucket, :most, :resets_at)")


@dataclass(frozen=True, slots=True)
class Used:
    """Of one bucket; `used` is 0 again from `resets_at` on."""

    bucket: str
    used: int
    most: int
    resets_at: datetime


class Quotas:
    """Each call is a transaction of its own: what a request has cost is spent, whatever comes of it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def spend(self, bucket: str, amount: int, *, most: int, resets_at: datetime) -> bool:
        """Whether `amount` was left; then it is used. `resets_at` is when a bucket that begins now is full again."""
        with self._database.system() as session:
            wanted = {"bucket": bucket, "amount": amount, "most": most, "resets_at": resets_at}
            return bool(session.execute(_SPEND, wanted).scalar_one())

    def left(self, bucket: str, *, most: int) -> int:
        """How much of it nobody has taken yet."""
        with self._database.system() as session:
            query = text("SELECT used FROM quotas WHERE bucket = :bucket AND resets_at > now()")
            return most - (session.execute(query, {"bucket": bucket}).scalar() or 0)

    def exhaust(self, bucket: str, *, most: int, resets_at: datetime) -> None:
        """The provider says that nothing is left."""
        with self._database.system() as session:
            session.execute(_EXHAUST, {"bucket": bucket, "most": most, "resets_at": resets_at})


def of_today(session: Session) -> Sequence[Used]:
    """Of each bucket that something was taken from; in a session of the system."""
    rows = session.execute(
        text(
            "SELECT bucket, CASE WHEN resets_at <= now() THEN 0 ELSE used END AS used, most, resets_at"
            " FROM quotas ORDER BY bucket"
        )
    )
    return [Used(row.bucket, row.used, row.most, row.resets_at) for row in rows]
