import re
from types import ModuleType
from urllib.parse import urlencode

from hypothesis import given
from hypothesis import strategies as st
from tests.dev_providers.people import WEB, google, tiktok
from tests.servers.consent import open_page, read_form

from cliply.dev_providers import google_oauth, tiktok_oauth
from cliply.dev_providers.pages import (
    GOOGLE,
    STRIPE,
    TIKTOK,
    Choice,
    consent_form,
    page,
    paragraph,
    refusal,
    table,
    told,
)
from cliply.integrations.google_oauth import UPLOAD
from cliply.integrations.tiktok_oauth import BASIC

NASTY = "</td><script>alert('1')</script>\"><img src=x onerror=\"&"


def test_nothing_that_anybody_has_chosen_becomes_a_tag() -> None:
    shown = page(
        NASTY,
        paragraph(NASTY),
        table([NASTY], [[NASTY, 7]]),
        consent_form(NASTY, NASTY, [Choice(NASTY, NASTY)], [Choice(NASTY, NASTY)]),
        paragraph(told({NASTY: NASTY})),
    )
    html = bytes(shown.body).decode() + bytes(refusal(GOOGLE, NASTY, NASTY).body).decode()
    assert "<script" not in html
    assert "<img" not in html


def test_whose_page_of_consent_it_is_shows_at_a_glance_and_that_it_is_a_stand_in() -> None:
    asked = {"state": "s", "redirect_uri": WEB, "response_type": "code"}
    with google() as google_server, tiktok() as tiktok_server:
        shown = {
            GOOGLE: open_page(_at(google_server.url, google_oauth, client_id="app-id", scope=UPLOAD, **asked)).text,
            TIKTOK: open_page(_at(tiktok_server.url, tiktok_oauth, client_key="app-id", scope=BASIC, **asked)).text,
        }
    bands = {brand: re.findall(r"<header style=.*?</header>", html) for brand, html in shown.items()}
    for brand, [band] in bands.items():
        assert f"<b>{brand.name}</b>stand-in on your machine" in band
        assert f"background:{brand.colour}" in band
    assert GOOGLE.colour != TIKTOK.colour


def test_white_can_be_read_on_the_colour_of_each() -> None:
    for brand in (GOOGLE, TIKTOK, STRIPE):
        parts = [int(brand.colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
        luminance = sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
        assert 1.05 / (luminance + 0.05) >= 4.5, brand.name


def _at(url: str, provider: ModuleType, **query: str) -> str:
    return f"{url}{provider.AUTHORIZE}?{urlencode(query)}"


@given(st.text(min_size=1).filter(lambda text: "\r" not in text and "\0" not in text))
def test_a_form_gives_back_what_it_was_given(value: str) -> None:
    form = read_form(consent_form("/there", value, [Choice(value, "")], [Choice(value, "")]))
    assert (form.hidden["visit"], form.accounts, form.scopes) == (value, [value], [value])
