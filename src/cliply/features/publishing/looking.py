"""A look at the network: what became of what was sent, without sending anything."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from cliply.errors import CliplyError
from cliply.features.jobs.runner import JobRun
from cliply.features.publishing.composing import Said
from cliply.features.publishing.models import Publication, PublicationState
from cliply.features.publishing.outcomes import DOUBTS, Outcome, next_doubt
from cliply.features.publishing.sending import note_failure
from cliply.features.publishing.steps import absent, handle_of, put_off, saw, wanted, with_token
from cliply.infra.sealing import open_sealer
from cliply.infra.storage.keys import ObjectKey
from cliply.integrations.publisher import Phase, PublishFailure, Rejected, Sighting, Unknown
from cliply.media.scratch import scratch_folder

SURE_AFTER = 3
"""Looks in a row that have to find nothing before it is taken as not being there."""
_LAGGING_LOOKS = 3
"""Looks after the sending that may find nothing of what a network has given a number."""
_GONE = "gone"
"""The code of those looks, by which they are counted."""
_GIVES_UP_AFTER = len(DOUBTS) + 3
"""Looks in a row that could not tell, after which it is left to people."""


def look(run: JobRun, publication_id: UUID, version: int) -> None:
    """Note what is there, with the end of the job; and see to what is set once a network is done with a video."""
    with run.session() as session:
        publication = wanted(session, publication_id, version)
    if publication is None or publication.handle_sealed is None:
        with run.finish():
            return
    try:
        sighting = _seen(run, publication)
        if sighting is not None and sighting.phase is Phase.PUBLISHED and sighting.external_id is not None:
            sighting = _dressed(run, publication, sighting)
    except Unknown as unclear:
        with run.finish() as session:
            now = wanted(session, publication_id, version)
            if now is not None:
                _cannot_tell(session, now, unclear)
        return
    except PublishFailure as failed:
        note_failure(run, publication, failed)
        return
    with run.finish() as session:
        now = wanted(session, publication_id, version)
        if now is None:
            return
        if sighting is None or sighting.phase is Phase.GONE:
            _not_there(session, now, surely=sighting is not None)
        else:
            saw(session, now, sighting)


def _seen(run: JobRun, publication: Publication) -> Sighting | None:
    """None where it was not found; one that is gone where it is certain that it never was there. Raises Unknown where
    nobody can tell."""
    publisher = run.runtime.providers.of(publication.network).publisher
    handle = handle_of(open_sealer(run.runtime.settings), publication)
    assert handle is not None  # noqa: S101 - whoever calls this has looked
    sighting = with_token(
        run.runtime, publication, lambda token: publisher.look(token, handle, publication.external_id)
    )
    if sighting.phase is not Phase.GONE:
        return sighting
    label = publication.network.label
    if sighting.surely_absent:
        return sighting
    if publication.external_id is not None:
        if publication.state is PublicationState.PROCESSING and publication.attempts < _LAGGING_LOOKS:
            # It has said the number itself: what it tells of a post can be behind what it did with it.
            return Sighting(Phase.PROCESSING, external_id=publication.external_id)
        raise Rejected(f"It was there, and was deleted on {label} before it was done.", "deleted")
    post, since = Said.model_validate(publication.post).post(None), publication.begun_at or publication.created_at
    return with_token(
        run.runtime,
        publication,
        lambda token: publisher.find(token, mark=str(publication.id), post=post, since=since),
    )


def _dressed(run: JobRun, publication: Publication, sighting: Sighting) -> Sighting:
    """Its cover, where the network takes one only now. A post without it is a post."""
    publisher = run.runtime.providers.of(publication.network).publisher
    external_id, said = sighting.external_id or "", Said.model_validate(publication.post)
    with scratch_folder("cover") as folder:
        cover = None
        if said.cover and (kept := (publication.files or {}).get("cover")) is not None:
            cover = folder / "cover.jpg"
            try:
                run.runtime.storage.download(ObjectKey.parse(kept["key"]), cover)
            except CliplyError:
                return replace(sighting, note=f"{sighting.note} The cover was not set: it was not found.".strip())
        note = with_token(run.runtime, publication, lambda token: publisher.dress(token, external_id, said.post(cover)))
    told = " ".join(part for part in (sighting.note, note) if part)
    return replace(sighting, note=told)


def _cannot_tell(session: Session, publication: Publication, unclear: Unknown) -> None:
    """Looked for again for a while; after that somebody has to look."""
    looks = _looks_that_said(publication, unclear.code)
    again = None if looks >= _GIVES_UP_AFTER else next_doubt(looks, datetime.now(UTC))
    asks = " See whether it is there, then settle it." if again is None else ""
    put_off(session, publication, Outcome(PublicationState.UNKNOWN, f"{unclear}{asks}", unclear.code, again))


def _not_there(session: Session, publication: Publication, *, surely: bool) -> None:
    """Once it is certain that nothing of it is there, it is begun anew."""
    looks, known = _looks_that_said(publication, _GONE), publication.state is PublicationState.UNKNOWN
    if known and (surely or looks + 1 >= SURE_AFTER):
        absent(session, publication)
        return
    told = f"{publication.network.label} knows nothing of it; it is looked for again before it is sent anew."
    # A network's lists can be minutes behind.
    again = datetime.now(UTC) if surely else next_doubt(looks + 2, datetime.now(UTC))
    put_off(session, publication, Outcome(PublicationState.UNKNOWN, told, _GONE, again))


def _looks_that_said(publication: Publication, code: str) -> int:
    """How many in a row, so far."""
    same = publication.state is PublicationState.UNKNOWN and publication.error_code == code
    return publication.attempts if same else 0
