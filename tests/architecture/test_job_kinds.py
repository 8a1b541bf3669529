"""Every kind of job that is asked for is there, and says what it is."""

from datetime import timedelta

from cliply.features.jobs.kinds import REGISTRY
from cliply.worker import queues

NAMED = ("YOUTUBE_DOWNLOAD", "TRANSCRIBE", "HIGHLIGHT_DETECT", "CLIP_RENDER", "THUMBNAIL_GEN")


def test_every_kind_has_a_handler_a_schema_an_explanation_and_a_limit() -> None:
    assert set(NAMED) <= {kind.name for kind in REGISTRY}
    for kind in REGISTRY:
        assert callable(kind.handler), kind.name
        assert (kind.handler.__doc__ or "").strip().endswith("."), kind.name
        assert kind.arguments.model_json_schema()["additionalProperties"] is False, kind.name
        assert timedelta(seconds=10) <= kind.timeout <= timedelta(hours=12), kind.name
        assert kind.queue in queues(), kind.name


def test_what_needs_a_machine_s_cores_is_apart_from_housekeeping() -> None:
    assert {kind.queue for kind in REGISTRY if kind.name in NAMED} == {"media"}
