"""Clips as they are answered."""

from cliply.features.clips.digests import video_digest
from cliply.features.clips.models import Clip
from cliply.features.clips.schemas import CandidateRead, ClipDetails, ClipRead, DimensionRead, FileRead
from cliply.features.clips.service import highlight_of, title_of


def candidate_read(clip: Clip) -> CandidateRead:
    highlight = highlight_of(clip)
    return CandidateRead(
        id=clip.id,
        project_id=clip.project_id,
        rank=clip.rank,
        score=clip.score,
        title=title_of(clip),
        text=highlight.text,
        reason=highlight.reason,
        dimensions=[DimensionRead.model_validate(each) for each in highlight.dimensions],
        start=clip.start_ms,
        end=clip.end_ms,
    )


def clip_read(clip: Clip) -> ClipRead:
    edit = clip.clip_edit
    return ClipRead(
        **candidate_read(clip).model_dump(),
        state=clip.state,
        error=clip.error,
        review=clip.review,
        version=clip.version,
        changed=edit is not None and clip.rendered_from != video_digest(edit),
        files={kind: FileRead.model_validate(file) for kind, file in clip.files.items()},
        findings=clip.findings,
        created_at=clip.created_at,
        updated_at=clip.updated_at,
    )


def clip_details(clip: Clip) -> ClipDetails:
    return ClipDetails(**clip_read(clip).model_dump(), edit=clip.edit)
