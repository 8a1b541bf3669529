"""What is wrong with how an installation is set up, though it runs: walls that are down, settings that mean harm."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from sqlalchemy import text
from sqlalchemy.orm import Session

from cliply.infra.db import APP_ROLE, SYSTEM_ROLE
from cliply.infra.settings import Settings, unknown_names

Severity: TypeAlias = Literal["error", "warning"]

_OPEN_TABLES = text("""
    SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
        AND (c.relname IN ('workspaces', 'users') OR EXISTS (
            SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'workspace_id' AND NOT a.attisdropped))
        AND NOT (c.relrowsecurity AND c.relforcerowsecurity
            AND EXISTS (
                SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = '*'
                    AND p.polroles = ARRAY[CAST(:app AS regrole)::oid]
                    AND pg_get_expr(p.polqual, c.oid) LIKE '%current_workspace()%'
                    AND pg_get_expr(p.polwithcheck, c.oid) LIKE '%current_workspace()%')
            AND NOT EXISTS (
                SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive
                    AND p.polroles <> ARRAY[CAST(:system AS regrole)::oid]
                    AND pg_get_expr(p.polqual, c.oid) NOT LIKE '%current_workspace()%'))
    ORDER BY c.relname
""")
"""Closed is: enabled, forced, one policy for all that checks what is read and written, and no other that opens it."""

_OPEN_VIEWS = text("""
    SELECT c.relname FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'workspace_id' AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('v', 'm')
        AND NOT coalesce(c.reloptions @> ARRAY['security_invoker=true'], false) ORDER BY c.relname
""")
_STRONG_ROLES = text("""
    SELECT rolname FROM pg_roles WHERE rolname IN (:app, :system) AND (rolsuper OR rolbypassrls OR rolcreaterole)
    ORDER BY rolname
""")
_OWNED_BY_ROLES = text("""
    SELECT c.relname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
    WHERE c.relnamespace = 'public'::regnamespace AND r.rolname IN (:app, :system) ORDER BY c.relname
""")
_AUDIT_IS_KEPT = text("""
    SELECT count(*) = 2 FROM pg_trigger
    WHERE tgrelid = 'audit_entries'::regclass AND tgname IN ('append_only', 'never_emptied') AND tgenabled = 'A'
""")
_FAILED = text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'")


@dataclass(frozen=True, slots=True)
class Finding:
    """`about` says in one word what it concerns; `told` what is wrong, then what to do."""

    about: str
    severity: Severity
    told: str


def findings(session: Session, settings: Settings, *, also: Iterable[Finding] = ()) -> list[Finding]:
    """In a session of the system. Nothing where all is well; worst first. Never holds the value of a setting.

    `also` is what features have found.
    """
    found = [*_walls(session), *_configuration(settings), *also]
    return sorted(found, key=lambda each: each.severity != "error")


def _walls(session: Session) -> Iterator[Finding]:
    roles = {"app": APP_ROLE, "system": SYSTEM_ROLE}
    for table in session.scalars(_OPEN_TABLES, roles):
        yield Finding(
            "workspaces",
            "error",
            f"The table {table} is not closed between workspaces. Give it the policy of cliply.migrations.tenancy.",
        )
    for view in session.scalars(_OPEN_VIEWS):
        yield Finding(
            "workspaces", "error", f"The view {view} passes row security over. Make it with security_invoker."
        )
    for role in session.scalars(_STRONG_ROLES, roles):
        yield Finding(
            "roles",
            "error",
            f"The database's role {role} may pass over row security. Run: "
            f"ALTER ROLE {role} NOSUPERUSER NOBYPASSRLS NOCREATEROLE",
        )
    for table in session.scalars(_OWNED_BY_ROLES, roles):
        yield Finding("roles", "error", f"The table {table} belongs to a role of sessions. Give it another owner.")
    if not session.scalar(_AUDIT_IS_KEPT):
        yield Finding(
            "audit", "error", "Entries of the audit log can be changed: its triggers are off. Switch them on again."
        )
    if failed := session.scalar(_FAILED):
        yield Finding("jobs", "warning", f"{failed} jobs have failed for good. Look why, then run them again.")


def _configuration(settings: Settings) -> Iterator[Finding]:
    for unknown in unknown_names():
        yield Finding("settings", "warning", unknown)
    if settings.mail.host is None:
        yield Finding("mail", "warning", "Mail is kept in a folder and not sent. Set CLIPLY_MAIL__HOST.")
    elif settings.mail.encryption == "none" and settings.mail.host not in ("localhost", "127.0.0.1", "::1"):
        yield Finding(
            "mail", "error", "Mail, with what it opens, is sent unencrypted. Set CLIPLY_MAIL__ENCRYPTION to starttls."
        )
    if settings.database.url is not None and settings.secret_key is None:
        yield Finding(
            "secrets",
            "error",
            "Each machine seals letters with a key of its own, which the others cannot open. Set CLIPLY_SECRET_KEY to "
            "the same long random text everywhere, for example what `openssl rand -hex 32` prints.",
        )
    address = settings.server.url
    if address is None:
        yield Finding(
            "address", "warning", "Mail cannot hold links that work elsewhere. Name the address in CLIPLY_SERVER__URL."
        )
    elif not settings.server.secure and urlsplit(address).hostname not in ("localhost", "127.0.0.1", "::1"):
        yield Finding(
            "address",
            "error",
            "Passwords and sessions are sent unencrypted. Serve HTTPS, and say so in CLIPLY_SERVER__URL.",
        )
    if (endpoint := settings.storage.endpoint) is not None and _is_open(endpoint):
        yield Finding("storage", "warning", "Videos are sent to the storage unencrypted. Use its https address.")


def _is_open(endpoint: str) -> bool:
    address = urlsplit(endpoint)
    return address.scheme == "http" and address.hostname not in ("localhost", "127.0.0.1", "::1")
