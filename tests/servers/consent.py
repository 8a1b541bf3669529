"""A person with a browser at a provider's page of consent: reads the form, ticks, and is sent back."""

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import httpx2


@dataclass
class Form:
    action: str = ""
    method: str = ""
    hidden: dict[str, str] = field(default_factory=dict)
    accounts: list[str] = field(default_factory=list)
    scopes: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.form = Form()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        match (tag, told.get("type"), told.get("name")):
            case ("form", _, _):
                self.form.action, self.form.method = told["action"], told["method"]
            case ("input", "hidden", name) if name:
                self.form.hidden[name] = told["value"]
            case ("input", "radio", "account"):
                self.form.accounts.append(told["value"])
            case ("input", "checkbox", "scope"):
                self.form.scopes.append(told["value"])
            case ("button", _, "answer"):
                self.form.answers.append(told["value"])


def read_form(page: str) -> Form:
    reader = _Reader()
    reader.feed(page)
    return reader.form


@cache
def browser() -> httpx2.Client:
    """One for all: to make another takes longer than what it is asked for."""
    return httpx2.Client(follow_redirects=False)


def open_page(url: str) -> httpx2.Response:
    return browser().get(url)


def answer(
    url: str, *, account: str = "", without: Collection[str] = (), allow: bool = True
) -> tuple[str, dict[str, str]]:
    """Open the page at `url`, choose the account whose value holds `account`, untick, and answer. Where one is sent
    back to, and what comes along."""
    page = open_page(url)
    assert page.status_code == 200, page.text
    form = read_form(page.text)
    sent = [
        *form.hidden.items(),
        ("account", next(each for each in form.accounts if account in each)),
        *(("scope", each) for each in form.scopes if each not in without),
        ("answer", "allow" if allow else "deny"),
    ]
    return came_back(post_form(urljoin(url, form.action), sent))


def post_form(url: str, form: list[tuple[str, str]]) -> httpx2.Response:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return browser().post(url, content=urlencode(form), headers=headers)


def came_back(reply: httpx2.Response) -> tuple[str, dict[str, str]]:
    assert reply.status_code == 302, reply.text
    where = urlsplit(reply.headers["location"])
    return where._replace(query="").geturl(), dict(parse_qsl(where.query))
