import pytest
from tests.features.workspaces.conftest import Office

from cliply.errors import Invalid
from cliply.features.identity.access import NoSuchWorkspace, RoleTooLow
from cliply.features.workspaces import service as workspaces
from cliply.features.workspaces.service import BrandDefaults


def test_a_workspace_has_an_address_of_its_own_and_its_maker_for_owner(office: Office) -> None:
    with office.entered("owner") as (session, caller):
        found = workspaces.get(session, caller)
        assert (found.name, caller.role) == ("Engines & Co.", "owner")
        assert found.slug.startswith("engines-co-")


@pytest.mark.parametrize("name", ["日本", "!!!", "Ü", "x" * 100])
def test_any_name_gives_an_address(office: Office, name: str) -> None:
    with office.database.system() as session:
        first, second = (workspaces.create(session, name, by=office.principal("owner")) for _ in range(2))
        assert first.slug != second.slug


def test_a_foreign_workspace_is_not_there(office: Office) -> None:
    with pytest.raises(NoSuchWorkspace), office.entered("stranger"):
        pass


def test_it_is_renamed_and_set_up_with_one_entry(office: Office) -> None:
    with office.entered("admin") as (session, caller):
        workspaces.change(session, caller, name="  Looms ", timezone="Europe/Berlin", retention_days=30)
        workspaces.change(session, caller, name="Looms")
    with office.entered("viewer") as (session, caller):
        found = workspaces.get(session, caller)
        assert (found.name, found.timezone, found.retention_days) == ("Looms", "Europe/Berlin", 30)
    assert office.entries() == [("workspace.changed", str(office.id))], "what changes nothing has no entry"


@pytest.mark.parametrize(
    ("timezone", "days"), [("Europe/Atlantis", 30), ("../etc/passwd", 30), ("UTC", 0), ("UTC", 9999)]
)
def test_settings_that_mean_nothing_are_refused(office: Office, timezone: str, days: int) -> None:
    with pytest.raises(Invalid), office.entered("owner") as (session, caller):
        workspaces.change(session, caller, timezone=timezone, retention_days=days)
    assert office.entries() == []


@pytest.mark.parametrize("name", ["member", "viewer"])
def test_who_may_not_change_it_changes_nothing(office: Office, name: str) -> None:
    with pytest.raises(RoleTooLow), office.entered(name) as (session, caller):
        workspaces.change(session, caller, name="Mine")
    with pytest.raises(RoleTooLow), office.entered(name) as (session, caller):
        workspaces.change(session, caller, timezone="UTC", retention_days=1)
    assert office.entries() == []


def test_a_brand_is_kept_and_a_style_that_does_not_exist_refused(office: Office) -> None:
    with office.entered("admin") as (session, caller):
        workspaces.change(session, caller, brand=BrandDefaults(style="karaoke", colour="#FFD400"))
        with pytest.raises(Invalid, match="There is no caption style 'nothing'"):
            workspaces.change(session, caller, brand=BrandDefaults(style="nothing"))
    with office.entered("viewer") as (session, caller):
        assert workspaces.get(session, caller).brand == {"style": "karaoke", "colour": "#FFD400"}
        with pytest.raises(RoleTooLow):
            workspaces.change(session, caller, brand=BrandDefaults())
    assert office.entries() == [("workspace.changed", str(office.id))]
