from hypothesis import given
from hypothesis import strategies as st
from tests.servers.consent import read_form

from cliply.dev_providers.pages import Choice, consent_form, page, paragraph, refusal, table, told

NASTY = "</td><script>alert('1')</script>\"><img src=x onerror=\"&"


def test_nothing_that_anybody_has_chosen_becomes_a_tag() -> None:
    shown = page(
        NASTY,
        paragraph(NASTY),
        table([NASTY], [[NASTY, 7]]),
        consent_form(NASTY, NASTY, [Choice(NASTY, NASTY)], [Choice(NASTY, NASTY)]),
        paragraph(told({NASTY: NASTY})),
    )
    html = bytes(shown.body).decode() + bytes(refusal(NASTY, NASTY, NASTY).body).decode()
    assert "<script" not in html
    assert "<img" not in html


@given(st.text(min_size=1).filter(lambda text: "\r" not in text and "\0" not in text))
def test_a_form_gives_back_what_it_was_given(value: str) -> None:
    form = read_form(consent_form("/there", value, [Choice(value, "")], [Choice(value, "")]))
    assert (form.hidden["visit"], form.accounts, form.scopes) == (value, [value], [value])
