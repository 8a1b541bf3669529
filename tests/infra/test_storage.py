from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cliply.errors import Invalid
from cliply.infra.storage import ObjectKey

OWN = UUID(int=1)
GOOD = str(ObjectKey(OWN, UUID(int=2), "source", UUID(int=3)))
HOSTILE = st.one_of(
    st.text(),
    st.sampled_from(["..", "../../etc/passwd", "a/b", "\0", "SOURCE", "source\n", "source/..", ".", ""]),
    st.text().map(lambda text: f"{GOOD}{text or '/'}"),
    st.text().map(lambda text: f"{text or '/'}{GOOD}"),
)


@settings(max_examples=1000)
@given(HOSTILE)
def test_hostile_names_stay_out_of_keys(name: str) -> None:
    with pytest.raises(Invalid):
        ObjectKey.parse(name)
    if not (name.isascii() and name.isalpha() and name.islower()):
        with pytest.raises(Invalid):
            ObjectKey(OWN, OWN, name, OWN)


def test_a_key_reads_back_as_it_was_written() -> None:
    assert str(ObjectKey.parse(GOOD)) == GOOD
