"""Uploads as they are answered."""

from cliply.features.projects.schemas import PartArrived, PartSend, UploadRead
from cliply.features.projects.uploads import Plan


def upload_read(plan: Plan) -> UploadRead:
    upload = plan.upload
    return UploadRead(
        project_id=upload.project_id,
        size=upload.size,
        part_size=upload.part_size,
        parts=upload.parts,
        expires_at=upload.expires_at,
        arrived=[PartArrived.model_validate(each) for each in plan.arrived],
        missing=[PartSend.model_validate(each) for each in plan.missing],
    )
