"""Whatever of billing changes something leaves an entry in the log of the workspace."""

from sqlalchemy import select
from tests.features.billing.till import Till

from cliply.features.audit.models import AuditEntry


def entries(at: Till) -> list[tuple[str, str]]:
    with at.world.database.workspace(at.world.workspace) as session:
        rows = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    return [(row.action, str(row.actor_kind)) for row in rows if row.action.startswith(("billing.", "workspace.plan"))]


def test_who_bought_and_changed_what_is_in_the_log(at: Till) -> None:
    at.subscribe("pro")
    at.told("POST", "/api/billing/portal")
    at.told("POST", "/api/billing/change/preview", {"plan": "premium"})
    at.told("POST", "/api/billing/change", {"plan": "premium"})
    at.catch_up()
    assert entries(at) == [
        ("billing.checkout_begun", "user"),
        ("workspace.plan_changed", "system"),
        ("billing.linked", "system"),
        ("billing.portal_opened", "user"),
        ("billing.plan_changed", "user"),
        ("workspace.plan_changed", "system"),
    ]
