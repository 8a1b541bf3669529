"""Passwords and codes: never options, which everybody on the machine sees and the shell's history keeps."""

import sys

import typer


def at_a_terminal() -> bool:
    return sys.stdin.isatty()


def typed(what: str, *, hidden: bool = True) -> str:
    """Asked for at a terminal, or else the next line of standard input."""
    if at_a_terminal():
        return str(typer.prompt(what, hide_input=hidden, err=True))
    return sys.stdin.readline().rstrip("\r\n")


def new_password() -> str:
    """Twice at a terminal, where a slip is not seen."""
    if at_a_terminal():
        return str(typer.prompt("New password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")
