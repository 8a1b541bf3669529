from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cliply.errors import Invalid
from cliply.infra.storage.keys import ObjectKey, prefix

OWN = UUID(int=1)
GOOD = str(ObjectKey(OWN, UUID(int=2), "source", UUID(int=3)))
HOSTILE = st.one_of(
    st.text(),
    st.sampled_from(["..", "../../etc/passwd", "a/b", "\0", "SOURCE", "source\n", "source/..", ".", "", GOOD.upper()]),
    st.text().map(lambda text: f"{GOOD}{text or '/'}"),
    st.text().map(lambda text: f"{text or '/'}{GOOD}"),
)


@settings(max_examples=1000)
@given(HOSTILE)
def test_hostile_names_stay_out_of_keys(name: str) -> None:
    with pytest.raises(Invalid):
        ObjectKey.parse(name)
    if not (name.isascii() and name.isalpha() and name.islower() and len(name) <= 20):
        with pytest.raises(Invalid):
            ObjectKey(OWN, OWN, name, OWN)


@given(st.builds(ObjectKey, st.uuids(), st.uuids(), st.from_regex("[a-z]{1,20}", fullmatch=True), st.uuids()))
def test_a_key_reads_back_as_it_was_written_and_lies_in_its_workspace_and_project(key: ObjectKey) -> None:
    assert ObjectKey.parse(str(key)) == key
    assert str(key).startswith(prefix(key.workspace, key.project))
    assert prefix(key.workspace, key.project).startswith(prefix(key.workspace))
