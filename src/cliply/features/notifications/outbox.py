"""Letters of a transaction: sent by a job after it is committed, and not at all if it is not."""

import json
from dataclasses import asdict
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from cliply.features.jobs.kinds import job
from cliply.features.jobs.retries import Retries
from cliply.features.jobs.runner import JobRun
from cliply.features.notifications.models import Mail
from cliply.infra.mail import Letter
from cliply.infra.sealing import Sealer, open_sealer
from cliply.infra.settings import Settings

KEPT = timedelta(days=7)
"""A letter that nobody's server has taken by then is too old to be of use."""

_RETRIES = Retries(times=12, first=15, longest=7200)


def put(session: Session, letter: Letter, *, settings: Settings) -> UUID:
    """Have it sent. The job's row holds its id only; what it says is sealed."""
    mail_id = uuid4()
    session.add(Mail(id=mail_id, sealed=_seal(open_sealer(settings), mail_id, letter)))
    session.flush()
    send_mail.start(session, mail_id=mail_id)
    return mail_id


@job("MAIL_SEND", queue="mail", timeout=timedelta(minutes=2), retries=_RETRIES)
def send_mail(run: JobRun, mail_id: UUID) -> None:
    """Send a letter once.

    Between the server's yes and our note of it a crash may still have it sent twice; then both have the same
    Message-ID, by which mail programs show one.
    """
    with run.session() as session:
        sealed = session.scalar(select(Mail.sealed).where(Mail.id == mail_id))
    if sealed is not None:
        run.runtime.mailer.send(_open(open_sealer(run.runtime.settings), mail_id, sealed))
    with run.finish() as session:
        mail = session.scalar(select(Mail).where(Mail.id == mail_id).with_for_update())
        if mail is not None and mail.sealed is not None:
            mail.sealed, mail.sent_at = None, func.now()


@job("MAILS_FORGET", queue="maintenance", timeout=timedelta(minutes=10), cron="53 * * * *")
def forget_mails(run: JobRun) -> None:
    """Forget letters that are a week old, sent or not."""
    with run.finish() as session:
        session.execute(delete(Mail).where(Mail.created_at < func.now() - KEPT))


def _seal(sealer: Sealer, mail_id: UUID, letter: Letter) -> bytes:
    written = {**asdict(letter), "reference": str(mail_id)}
    return sealer.seal(json.dumps(written), row=f"mails/{mail_id}")


def _open(sealer: Sealer, mail_id: UUID, sealed: bytes) -> Letter:
    return Letter(**json.loads(sealer.open(sealed, row=f"mails/{mail_id}")))
