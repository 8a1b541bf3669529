import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from cliply.media.slug import slug


def test_titles_become_plain_names() -> None:
    assert slug("Why You Should Never Quit — Really!") == "why-you-should-never-quit-really"
    assert slug("日本語のタイトル") == "日本語のタイトル"
    assert slug("../../etc/passwd") == "etcpasswd"
    assert slug("???") == "clip"


@given(st.text(max_size=300))
def test_a_name_is_always_short_and_harmless(title: str) -> None:
    name = slug(title)
    assert 0 < len(name) <= 48
    assert len(name.encode()) <= 144
    assert not set(name) & set('/\\:*?"<>|.\n\0 ')
    assert not name.startswith("-")


def test_hostile_names_become_harmless(fixtures: Path) -> None:
    for hostile in json.loads((fixtures / "hostile" / "hostile_names.json").read_text())["names"]:
        assert "/" not in slug(hostile)
