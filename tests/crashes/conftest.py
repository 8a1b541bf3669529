"""A mail server that keeps what it is sent."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller
from tests.crashes.installation import free_port
from tests.infra.test_mail import Inbox


@dataclass(frozen=True)
class MailServer:
    port: int
    inbox: Inbox = field(default_factory=Inbox)

    @property
    def letters(self) -> list[EmailMessage]:
        return self.inbox.mail

    @property
    def settings(self) -> dict[str, str]:
        return {
            "CLIPLY_MAIL__HOST": "127.0.0.1",
            "CLIPLY_MAIL__PORT": str(self.port),
            "CLIPLY_MAIL__ENCRYPTION": "none",
        }


@pytest.fixture
def mail() -> Iterator[MailServer]:
    made = MailServer(free_port())
    server = Controller(made.inbox, hostname="127.0.0.1", port=made.port)
    server.start()
    yield made
    server.stop()
