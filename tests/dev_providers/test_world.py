from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.dev_providers.people import google_world

from cliply.dev_providers.clock import Clock
from cliply.dev_providers.ledger import Ledger, mark_of, sha256
from cliply.dev_providers.world import Code, Consent, GoogleAccount, GoogleWorld

HOUR = timedelta(hours=1)


def consent_of(world: GoogleWorld, person: int = 0) -> Consent[GoogleAccount]:
    someone = world.people[person]
    channel = someone.channels[0] if someone.channels else None
    return Consent(world.apps[0], GoogleAccount(someone, channel), frozenset({"read"}))


def of(consent: Consent[GoogleAccount]) -> Callable[[GoogleAccount], bool]:
    return lambda account: account.person is consent.account.person


def test_a_bearer_is_whoever_a_token_was_given_to_until_it_ends() -> None:
    world = google_world()
    token = world.tokens.issue(consent_of(world), HOUR, prefix="p.")
    found = world.bearer(f"bearer {token}")
    assert found is not None
    assert (found.account.person, found.scopes, found.mark) == (world.people[0], frozenset({"read"}), mark_of(token))
    assert [world.bearer(each) for each in (None, "", token, f"Basic {token}", "Bearer guessed")] == [None] * 5
    world.clock.advance(HOUR)
    assert world.bearer(f"Bearer {token}") is None


def test_one_refresh_token_more_than_a_person_may_have_ends_the_oldest() -> None:
    world = google_world()
    mine, theirs = consent_of(world), consent_of(world, 1)
    others = world.tokens.issue_refresh(theirs, None, prefix="")
    held = []
    for _ in range(5):
        world.tokens.make_room(mine, 3, same=of(mine))
        held.append(world.tokens.issue_refresh(mine, None, prefix=""))
    alive = [world.tokens.refreshed(each, rotate=False) is not None for each in (*held, others)]
    assert alive == [False, False, True, True, True, True]


def test_a_code_is_taken_once_and_the_second_try_ends_what_the_first_brought() -> None:
    world = google_world()
    consent = consent_of(world)
    written = world.tokens.new_code(Code(consent, "x", None, world.clock.now() + HOUR), prefix="")
    assert world.tokens.take_code("guessed") is None
    assert world.tokens.take_code(written) is not None
    token = world.tokens.issue(consent, HOUR, prefix="")
    assert world.tokens.take_code(written) is None
    assert world.bearer(f"Bearer {token}") is None
    assert list(world.tokens.consents()) == []


def test_a_clock_moves_when_it_is_told_to() -> None:
    still = Clock(datetime(2026, 3, 8, tzinfo=UTC))
    assert still.now() == still.now()
    still.advance(HOUR)
    assert still.now() == datetime(2026, 3, 8, 1, tzinfo=UTC)
    still.move_to(datetime(2027, 1, 1, tzinfo=UTC))
    assert still.now() == datetime(2027, 1, 1, tzinfo=UTC)
    going = Clock()
    going.advance(HOUR)
    assert going.now() > datetime.now(UTC) + timedelta(minutes=59)
    going.move_to(datetime(2030, 1, 1, tzinfo=UTC))
    assert going.now() >= datetime(2030, 1, 1, tzinfo=UTC)


def test_a_ledger_keeps_what_was_done_in_its_order() -> None:
    ledger = Ledger(Clock())
    ledger.add("google", "token_issued", who="ada", token=mark_of("secret"))
    ledger.add("tiktok", "published", who="bob", sha256=sha256(b"bytes"))
    ledger.add("google", "published", who="ada")
    assert [entry.number for entry in ledger.entries()] == [1, 2, 3]
    assert [entry.who for entry in ledger.entries("published")] == ["bob", "ada"]
    assert [entry.what for entry in ledger.entries(who="ada")] == ["token_issued", "published"]
    assert ledger.count("published", who="ada") == 1
    assert "secret" not in repr(ledger.entries())
