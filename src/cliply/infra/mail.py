"""Mail: by the SMTP server of the settings, or into a folder where none is named."""

import logging
import os
import re
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, localtime, make_msgid, parseaddr
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from jinja2 import Environment, StrictUndefined

from cliply.errors import Unavailable
from cliply.infra.settings import Mail, Settings

_log = logging.getLogger(__name__)
_TIMEOUT = 15
_LONGEST_NAME = 60
_LONGEST_SENTENCE = 300
# What mail programs make a link of, however the dot is written.
_LINKED = re.compile(r"[:/\\@]+|(?<=\w)[.\u2024\u3002\uff0e\uff61](?=\w{2}|\d)")
_LINKED_IN_SENTENCES = re.compile(r"[/\\@]+|:(?=\S)|(?<=\w)[.\u2024\u3002\uff0e\uff61](?=[^\W\d]{2})")
# Plain text: nothing is to be escaped, and what a template names has to be there.
_templates = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)  # noqa: S701 - text


def _as_name(text: str) -> str:
    """What strangers chose to be called, in a letter to somebody else: one short line in which nothing is a link."""
    return _as_line(text, _LINKED, _LONGEST_NAME)


def _as_sentence(text: str) -> str:
    """Why something failed, in which a stranger may be quoted: one line in which nothing is a link."""
    return _as_line(text, _LINKED_IN_SENTENCES, _LONGEST_SENTENCE)


def _as_line(text: str, linked: re.Pattern[str], longest: int) -> str:
    shown = " ".join("".join(char if char.isprintable() else " " for char in linked.sub(" ", text)).split())
    if not shown:
        return "…"
    return shown if len(shown) <= longest else f"{shown[: longest - 1].rstrip()}…"


_templates.filters.update(as_name=_as_name, as_sentence=_as_sentence)


class MailFailed(Unavailable):
    def __init__(self, server: str, reason: str) -> None:
        super().__init__(f"Mail could not be sent by {server}: {reason}. Check the settings CLIPLY_MAIL__...")


@dataclass(frozen=True, slots=True)
class Letter:
    """May hold a token, so it is not to be shown or logged."""

    to: str
    subject: str
    text: str
    # Makes the Message-ID, so that a letter that is sent again is known to be the same; empty for one that never is.
    reference: str = ""

    def __repr__(self) -> str:
        return "Letter(...)"


class Mailer(Protocol):
    """Takes a letter for sure, or raises MailFailed."""

    def send(self, letter: Letter) -> Path | None:
        """The file that it was written to, where nothing is sent at all."""


class SmtpMailer:
    """Hands letters to a server, which has taken them when `send` returns."""

    def __init__(self, settings: Mail, host: str) -> None:
        self._settings = settings
        self._host = host

    def send(self, letter: Letter) -> None:
        server = f"{self._host}:{self._settings.port}"
        try:
            with self._connected() as connection:
                if self._settings.user is not None and self._settings.password is not None:
                    connection.login(self._settings.user, self._settings.password.get_secret_value())
                connection.send_message(_message(letter, self._settings.sender))
        # What the library and the server say can repeat the letter, the address or the password.
        except smtplib.SMTPResponseException as refused:
            raise MailFailed(server, f"it answered with code {refused.smtp_code}") from None
        except smtplib.SMTPRecipientsRefused:
            raise MailFailed(server, "it does not take mail for this address") from None
        except smtplib.SMTPNotSupportedError:
            raise MailFailed(
                server, "it cannot do what is asked of it: encryption, signing in or this address"
            ) from None
        except (smtplib.SMTPException, OSError) as failed:
            raise MailFailed(server, f"no connection ({type(failed).__name__})") from None

    def _connected(self) -> smtplib.SMTP:
        port, trusted = self._settings.port, ssl.create_default_context()
        if self._settings.encryption == "tls":
            return smtplib.SMTP_SSL(self._host, port, timeout=_TIMEOUT, context=trusted)
        connection = smtplib.SMTP(self._host, port, timeout=_TIMEOUT)
        try:
            if self._settings.encryption == "starttls":
                connection.starttls(context=trusted)
        except BaseException:
            connection.close()
            raise
        return connection


class FolderMailer:
    """Writes letters as files that only the account itself may read."""

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    def send(self, letter: Letter) -> Path:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._folder / f"{localtime():%Y%m%d-%H%M%S}-{(letter.reference or uuid4().hex)[:8]}.eml"
        hidden = file.with_name(f".{file.name}-{uuid4().hex[:8]}")
        with os.fdopen(os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as written:
            written.write(_message(letter, self._sender).as_bytes())
        hidden.rename(file)
        _log.info("mail_written_to_folder", extra={"file": str(file)})
        return file


def mailer(settings: Settings) -> Mailer:
    if settings.mail.host is None:
        return FolderMailer(settings.data / "mail", settings.mail.sender)
    return SmtpMailer(settings.mail, settings.mail.host)


def letter(template: Path, to: str, **values: object) -> Letter:
    """From a template whose first line is the subject; names that others chose pass its filter `as_name`."""
    written = _templates.from_string(template.read_text(encoding="utf-8")).render(values)
    subject, _, text = written.partition("\n")
    return Letter(to, subject.strip(), text.lstrip("\n"))


def _message(letter: Letter, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, letter.to, letter.subject
    message["Date"] = formatdate(localtime=False)
    domain = parseaddr(sender)[1].rpartition("@")[2]
    message["Message-ID"] = f"<{letter.reference}@{domain}>" if letter.reference else make_msgid(domain=domain)
    # Nobody's notice of absence answers to this.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    return message
