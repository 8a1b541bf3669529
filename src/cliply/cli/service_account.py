"""`cliply account ...`: your own account at a service, made, looked after and left; and being signed in."""

from typing import Annotated

import typer

from cliply.cli.asking import new_password, typed
from cliply.cli.console import JsonFlag, note
from cliply.cli.login import log_in
from cliply.cli.remote import (
    NoLogin,
    account,
    end_session,
    forget_login,
    forget_session,
    known_login,
    known_session,
    move_to,
    saved_login,
    signed_in,
)
from cliply.cli.service_names import Yes, confirm, show, show_one
from cliply.errors import Conflict, NotAllowed
from cliply.integrations.service import check_address
from cliply.integrations.service_account import finish_recovery, sign_up, start_recovery

own = typer.Typer(help="Your own account at a service.")

_Address = Annotated[str, typer.Argument(help="The service, like https://clips.example.com.", show_default=False)]
_AddressOrLast = Annotated[
    str | None, typer.Argument(help="The service. Default: that of `cliply login`.", show_default=False)
]


class AnotherService(Conflict):
    def __init__(self, known: str) -> None:
        super().__init__(f"This terminal works with {known}. Run `cliply logout` first, then log in to the other.")


@own.command("new")
def make_account(
    address: _Address,
    email: Annotated[str, typer.Option(help="Your address.")],
    name: Annotated[str, typer.Option(help="Name that others see.")],
    invited: Annotated[
        bool, typer.Option("--invited", help="Join with the code of an invitation, which is asked for first.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Make an account at a service and log in with it, to the workspace that you were invited to or to one of your own.

    Code and password are asked for, or read from standard input, a line each.
    """
    url = check_address(address)
    invitation = typed("Code of the invitation").strip() if invited else None
    password = new_password()
    try:
        found = sign_up(url, email, name, password, invitation=invitation)
    except NotAllowed as refused:
        raise refused if invited else NotAllowed(f"{refused} Here: add --invited.") from None
    show_one(found, json, lambda each: f"{each['email']} has an account now.")
    if not found["email_confirmed"]:
        note("A code was sent to the address, which confirms that it is yours: cliply account confirm")
    if saved_login() is None:
        note(f"You are logged in to the workspace “{log_in(url, email, password, invitation=invitation)}”.")
    else:
        note(f"This terminal works for somebody already. To work as {email}: cliply login {url} --email {email}")


@own.command("sign-in")
def sign_in(
    address: _AddressOrLast = None,
    email: Annotated[str | None, typer.Option(help="Your address. Default: that of `cliply login`.")] = None,
    json: JsonFlag = False,
) -> None:
    """Sign in for what no API key may do: it ends after 12 hours unseen, after 30 days, or by sign-out.

    The password is asked for, or read from standard input. At a terminal the commands that need it ask by themselves.
    """
    login = known_login()
    if address is None and login is None:
        raise NoLogin
    url = check_address(address) if address is not None else login.url if login is not None else ""
    if login is not None and login.url != url:
        raise AnotherService(login.url)
    who = email or (None if login is None else login.email) or typed("E-mail", hidden=False)
    found = signed_in(url, who, typed(f"Password of {who}")).get("/api/me")["user"]
    show_one(found, json, lambda each: f"Signed in as {each['email']}.")


@own.command("sign-out")
def sign_out(
    everywhere: Annotated[bool, typer.Option("--everywhere", help="In all browsers and terminals.")] = False,
    json: JsonFlag = False,
) -> None:
    """End being signed in, here or everywhere. API keys go on."""
    if known_session() is None and not everywhere:
        show_one({"signed_out": False}, json, lambda _: "Nobody is signed in here.")
        return
    if everywhere:
        account().delete("/api/auth/sessions")
        forget_session()
    else:
        end_session()
    show_one({"signed_out": True}, json, lambda _: "Signed out.")


@own.command("sessions")
def list_sessions(json: JsonFlag = False) -> None:
    """List the browsers and terminals that are signed in to your account, the one that was there last first."""
    show(
        account().get("/api/auth/sessions"),
        json,
        lambda each: f"{each['seen_at']}  {each['ip'] or '-':<15} {'this one' if each['current'] else ''}".rstrip(),
    )


@own.command("show")
def show_account(json: JsonFlag = False) -> None:
    """Say whom the service takes you for."""
    found = account().get("/api/me")
    user = found["user"]
    known = "" if user["email_confirmed"] else ", not confirmed"
    by = "by an API key" if found["key_id"] else "signed in"
    runs = ", runs this installation" if user["is_admin"] else ""
    show_one(found, json, lambda _: f"{user['name']} <{user['email']}{known}>, {by}{runs}")


@own.command("rename")
def rename_account(
    name: Annotated[str, typer.Argument(help="Name that others see.", show_default=False)], json: JsonFlag = False
) -> None:
    """Change the name that others see."""
    show_one(account().patch("/api/me", {"name": name}), json, lambda each: f"You are {each['name']} now.")


@own.command("address")
def change_address(
    email: Annotated[str, typer.Argument(help="Your new address.", show_default=False)], json: JsonFlag = False
) -> None:
    """Change your address: a code is sent there, and `cliply account confirm` takes it.

    Your password is asked for, or read from standard input.
    """
    account().post("/api/me/address", {"email": email, "password": typed("Password") or None}, tries=1)
    show_one({"sent_to": email}, json, lambda _: f"A code was sent to {email}. Then: cliply account confirm")


@own.command("confirm")
def confirm_address(
    send: Annotated[bool, typer.Option("--send", help="Have a code sent again instead.")] = False,
    json: JsonFlag = False,
) -> None:
    """Confirm your address with the code that was sent there, which is asked for, or read from standard input."""
    if send:
        account().post("/api/me/confirmation")
        show_one({"sent": True}, json, lambda _: "A code was sent to your address.")
        return
    found = account().post("/api/me/confirmation/finish", {"token": typed("Code").strip()})
    move_to(found["email"])
    show_one(found, json, lambda each: f"{each['email']} is confirmed.")


@own.command("password")
def change_password(json: JsonFlag = False) -> None:
    """Set a new password; all other browsers and terminals are signed out.

    The old one and the new one are asked for, or read from standard input, a line each.
    """
    found = account()
    old = typed("Password until now")
    found.post("/api/me/password", {"password": old, "new_password": new_password()}, tries=1)
    show_one({"changed": True}, json, lambda _: "The password is changed.")


@own.command("recover")
def recover_account(
    address: _Address,
    email: Annotated[str, typer.Option(help="Your address.")],
    json: JsonFlag = False,
) -> None:
    """Have a code sent that sets a new password, if the address has an account; whether it has is not told."""
    start_recovery(check_address(address), email)
    show_one({"email": email}, json, lambda _: f"If {email} has an account, a code is on its way there.")
    note(f"Then: cliply account reset {address}")


@own.command("reset")
def reset_password(
    address: _Address,
    keep_keys: Annotated[bool, typer.Option("--keep-keys", help="Let your API keys go on.")] = False,
    json: JsonFlag = False,
) -> None:
    """Set a new password with a code from `cliply account recover`, sign out everywhere, revoke your API keys.

    Code and password are asked for, or read from standard input, a line each.
    """
    code = typed("Code").strip()
    finish_recovery(check_address(address), code, new_password(), revoke_keys=not keep_keys)
    show_one({"changed": True}, json, lambda _: "The password is set. Sign in with it.")


@own.command("delete")
def delete_account(yes: Yes = False, json: JsonFlag = False) -> None:
    """Delete your account at once, and with it the workspaces in which nobody else is."""
    found = account()
    email = found.get("/api/me")["user"]["email"]
    confirm(f"Delete the account {email}, and all workspaces in which nobody else is, at once?", yes=yes)
    found.delete("/api/me")
    forget_session()
    if (login := known_login()) is not None and login.email == email:
        forget_login()
    show_one({"email": email, "deleted": True}, json, lambda _: f"The account {email} is deleted.")
