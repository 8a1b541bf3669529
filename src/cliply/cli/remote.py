"""Which service the command line talks to, and which uploads to it are under way."""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from cliply.cli.console import settings
from cliply.errors import NotAllowed
from cliply.integrations.service import Service, check_address
from cliply.media.cache import write_text
from cliply.media.fingerprint import fingerprint


class NoLogin(NotAllowed):
    def __init__(self) -> None:
        super().__init__(
            "No service is known yet. Run `cliply login ADDRESS`, or set CLIPLY_REMOTE__URL and CLIPLY_REMOTE__KEY."
        )


def service() -> Service:
    """By the settings, or by the last `cliply login`. Raises NoLogin."""
    named = settings().remote
    if named.url is not None and named.key is not None:
        return Service(check_address(named.url), named.key.get_secret_value())
    try:
        saved = json.loads(_login_file().read_text(encoding="utf-8"))
        return Service(check_address(saved["url"]), saved["key"])
    except (OSError, ValueError, KeyError, TypeError):
        raise NoLogin from None


def save_login(found: Service) -> Path:
    """Keep the key where only this user reads it."""
    file = _login_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    opened = os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(opened, "w", encoding="utf-8") as writing:
        json.dump({"url": found.url, "key": found.key}, writing)
    part.replace(file)
    return file


@dataclass(frozen=True, slots=True)
class Uploads:
    """Uploads that were begun from this machine, so that one that was dropped goes on."""

    file: Path
    url: str

    def known(self, source: Path) -> str | None:
        """The project that this file was being uploaded to."""
        return self._all().get(self._name(source))

    def keep(self, source: Path, project_id: str) -> None:
        self._write(self._all() | {self._name(source): project_id})

    def forget(self, source: Path) -> None:
        left = self._all()
        left.pop(self._name(source), None)
        self._write(left)

    def _name(self, source: Path) -> str:
        return f"{self.url} {fingerprint(source)}"

    def _all(self) -> dict[str, str]:
        with suppress(OSError, ValueError):
            found: Any = json.loads(self.file.read_text(encoding="utf-8"))
            if isinstance(found, dict):
                return {str(name): str(project) for name, project in found.items()}
        return {}

    def _write(self, found: dict[str, str]) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.file, json.dumps(found))


def uploads_to(found: Service) -> Uploads:
    return Uploads(settings().cache / "uploads.json", found.url)


def _login_file() -> Path:
    return platformdirs.user_config_path("cliply") / "service.json"
