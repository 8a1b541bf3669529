"""Mail to a real SMTP server on this machine, and into a folder."""

import socket
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import AuthResult, Envelope
from jinja2 import UndefinedError
from pydantic import SecretStr

from cliply.infra.mail import Letter, MailFailed, letter, mailer
from cliply.infra.settings import Mail, Settings

# The server is on this machine, and without encryption on purpose.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

PASSWORD = "very-secret-password"
LETTER = Letter("ada@example.com", "Grüße, Ada", "A code: 123\n.\nAnd a line that is only a point.\n")


class Inbox(Sink):
    """Keeps what it is sent; takes nothing for `refused@`, and has no room for `later@`."""

    def __init__(self) -> None:
        super().__init__()
        self.mail: list[EmailMessage] = []

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Envelope, to: str, _options: Any) -> str:
        if to.startswith("refused@"):
            return f"550 {PASSWORD} no such user"
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:
        if envelope.rcpt_tos[0].startswith("later@"):
            return "451 try later"
        assert isinstance(envelope.content, bytes)
        self.mail.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


def free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
    # Not handled: else aiosmtpd takes it that the refusal was sent already, and the client waits for it.
    return AuthResult(success=given.password == PASSWORD.encode(), handled=False)


@pytest.fixture(params=["open", "asks for a password"])
def inbox(request: pytest.FixtureRequest) -> Iterator[tuple[Inbox, Mail]]:
    closed = request.param != "open"
    handler, port = Inbox(), free_port()
    asks: dict[str, Any] = (
        {"authenticator": authenticate, "auth_required": True, "auth_require_tls": False} if closed else {}
    )
    server = Controller(handler, hostname="127.0.0.1", port=port, **asks)
    server.start()
    yield (
        handler,
        Mail(
            host="127.0.0.1", port=port, encryption="none", sender="Cliply <cliply@example.com>",
            user="cliply" if closed else None, password=SecretStr(PASSWORD) if closed else None,
        ),
    )  # fmt: skip
    server.stop()


def test_a_letter_arrives_as_it_was_written(inbox: tuple[Inbox, Mail]) -> None:
    there, settings = inbox
    assert mailer(Settings(mail=settings)).send(LETTER) is None
    (found,) = there.mail
    assert (found["From"], found["To"], found["Subject"]) == (settings.sender, LETTER.to, LETTER.subject)
    assert found["Auto-Submitted"] == "auto-generated"
    assert found["Message-ID"].endswith("@example.com>")
    assert found.get_content().replace("\r\n", "\n") == LETTER.text


@pytest.mark.parametrize(
    ("to", "reason"),
    [("refused@example.com", "does not take mail for this address"), ("later@example.com", "code 451")],
)
def test_a_refusal_is_told_without_what_the_server_said(inbox: tuple[Inbox, Mail], to: str, reason: str) -> None:
    with pytest.raises(MailFailed, match=reason) as failed:
        # A code of letters: digits could be part of the server's port, which the message may name.
        mailer(Settings(mail=inbox[1])).send(Letter(to, "Subject", "A code: one-time-code"))
    assert not any(each in str(failed.value) for each in (PASSWORD, "one-time-code", to))
    assert failed.value.__cause__ is None


def test_nothing_is_sent_in_the_clear_unless_that_is_asked_for(inbox: tuple[Inbox, Mail]) -> None:
    there, settings = inbox
    for encryption in ("starttls", "tls"):
        with pytest.raises(MailFailed):
            mailer(Settings(mail=settings.model_copy(update={"encryption": encryption}))).send(LETTER)
    assert there.mail == []


def test_a_wrong_password_is_told_without_it(inbox: tuple[Inbox, Mail]) -> None:
    wrong = inbox[1].model_copy(update={"user": "cliply", "password": SecretStr(f"{PASSWORD}-not")})
    # A server that asks for none says that it knows no such command.
    reason = "code 535" if inbox[1].password else "cannot do what is asked"
    with pytest.raises(MailFailed, match=reason) as failed:
        mailer(Settings(mail=wrong)).send(LETTER)
    assert PASSWORD not in str(failed.value) + repr(wrong)


def test_a_server_that_is_not_there_is_told_with_the_settings_to_look_at() -> None:
    nobody = Mail(host="127.0.0.1", port=free_port(), user="cliply", password=SecretStr(PASSWORD))
    with pytest.raises(MailFailed, match=r"no connection.*CLIPLY_MAIL__") as failed:
        mailer(Settings(mail=nobody)).send(LETTER)
    assert PASSWORD not in str(failed.value)


def test_without_a_server_mail_is_written_where_only_its_owner_reads_it(tmp_path: Path) -> None:
    file = mailer(Settings(data=tmp_path)).send(LETTER)
    assert file is not None
    assert [*(tmp_path / "mail").iterdir()] == [file]
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    found = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert (found["To"], found["Subject"]) == (LETTER.to, LETTER.subject)


def test_no_header_is_added_by_what_stands_in_another(tmp_path: Path) -> None:
    for forged in (Letter("a@example.com\nBcc: b@example.com", "S", "t"), Letter("a@example.com", "S\r\nX: y", "t")):
        with pytest.raises(ValueError, match=r"newline|linefeed|carriage"):
            mailer(Settings(data=tmp_path)).send(forged)


def test_a_template_s_first_line_is_the_subject_and_its_values_have_to_be_there(tmp_path: Path) -> None:
    template = tmp_path / "hello.txt.jinja"
    template.write_text("Hello {{ name }}\n\nHow are <you>, {{ name }}?\n")
    made = letter(template, "ada@example.com", name="Ada & Co.")
    assert (made.subject, made.text) == ("Hello Ada & Co.", "How are <you>, Ada & Co.?\n")
    assert "Ada" not in repr(made)
    with pytest.raises(UndefinedError):
        letter(template, "ada@example.com")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Engines & Co.", "Engines & Co."),
        ("J. R. R. Tolkien", "J. R. R. Tolkien"),
        ("Win at http://evil.example/prize now", "Win at http evil example prize now"),
        ("www.evil.example", "www evil example"),
        ("evil\N{IDEOGRAPHIC FULL STOP}com", "evil com"),
        ("10.1.2.3", "10 1 2 3"),
        ("ada@evil.example", "ada evil example"),
        ("one\r\ntwo\N{LINE SEPARATOR}three\N{RIGHT-TO-LEFT OVERRIDE}", "one two three"),
        ("://", "…"),
        ("x" * 100, "x" * 59 + "…"),
    ],
)
def test_a_name_in_a_letter_is_one_short_line_without_a_link(tmp_path: Path, name: str, shown: str) -> None:
    template = tmp_path / "hello.txt.jinja"
    template.write_text("Hello\n\n{{ name | as_name }}")
    assert letter(template, "ada@example.com", name=name).text == shown
