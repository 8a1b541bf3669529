"""`cliply plans ...`: what workspaces may do, in the hands of whoever runs the service."""

from copy import deepcopy
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cliply.cli.console import JsonFlag, print_json, settings
from cliply.errors import Invalid
from cliply.infra.quantities import size

if TYPE_CHECKING:
    from cliply.features.identity.plans import Terms
    from cliply.features.workspaces.own_plan import WorkspacePlan

app = typer.Typer(help="Plans of workspaces, for whoever runs the service.")

_Workspace = Annotated[str, typer.Argument(help="The workspace, by its id or its slug.")]


_IN_BYTES = ("largest_file", "storage_bytes")


class WrongOverride(Invalid):
    def __init__(self, said: str) -> None:
        super().__init__(
            f"{said!r} is no limit. Say for example members=20, members=unlimited, scheduling=yes or "
            "rates.publish.workspace=5/minute; "
            "`cliply plans list` shows what there is."
        )


@app.command("list")
def list_plans(json: JsonFlag = False) -> None:
    """Show every plan with its limits, and which one new workspaces get."""
    from cliply.features.identity.plans import plans_of

    plans = plans_of(settings())
    if json:
        defined = {name: terms.model_dump() for name, terms in plans.defined.items()}
        sold = {name: plans.prices(name) for name in plans.defined}
        print_json({"plans": defined, "default": plans.default_name, "prices": sold})
        return
    for name, terms in plans.defined.items():
        typer.echo(f"{name}{' (of new workspaces)' if name == plans.default_name else ''}")
        if prices := plans.prices(name):
            typer.echo(f"  sold as {', '.join(prices)}")
        _show(terms)


@app.command()
def show(workspace: _Workspace, json: JsonFlag = False) -> None:
    """Show the plan of a workspace, and what it may do."""
    from cliply.features.identity.plans import plans_of
    from cliply.features.workspaces import own_plan
    from cliply.infra.opening import open_database

    with open_database(settings()) as database, database.system() as session:
        found = own_plan.find(session, workspace, plans_of(settings()))
    _tell(found, json=json)


@app.command("set")
def set_plan(
    workspace: _Workspace,
    name: Annotated[str | None, typer.Argument(help="The plan; as it is, if none is named.")] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(help="A limit of this workspace alone, members=20 or members=unlimited. Can be repeated."),
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Take back what was set for this workspace alone.")] = False,
    json: JsonFlag = False,
) -> None:
    """Give a workspace another plan, or limits of its own. All that it has stays."""
    from cliply.features.audit.models import ActorKind
    from cliply.features.audit.service import Actor
    from cliply.features.identity.plans import plans_of
    from cliply.features.workspaces import own_plan
    from cliply.infra.opening import open_database

    own = [_override(said) for said in limit or ()]
    plans = plans_of(settings())
    with open_database(settings()) as database, database.system() as session:
        before = {} if reset else own_plan.find(session, workspace, plans, locked=True).workspace.plan_overrides
        wanted = _with(before, own) if own or reset else None
        by = Actor(ActorKind.OPERATOR)
        found = own_plan.assign(session, workspace, plans, name=name, overrides=wanted, by=by)
    _tell(found, json=json)


@app.command()
def sync() -> None:
    """Have a worker compare all subscriptions with Stripe now, as it does every night, and put right what differs."""
    from cliply.features.billing.syncing import BillingOff
    from cliply.features.billing.tasks import check_subscriptions
    from cliply.infra.opening import open_database

    if settings().billing.secret_key is None:
        raise BillingOff
    with open_database(settings()) as database, database.system() as session:
        check_subscriptions.start(session)
    typer.echo("A worker begins with it in a moment. `cliply doctor` says what is wrong then.")


def _override(said: str) -> tuple[list[str], Any]:
    name, equals, value = said.partition("=")
    path = name.split(".")
    known: dict[str, Any] = {"yes": True, "no": False, "unlimited": None}
    if not equals or not (value in known or value.isdecimal() or len(path) > 1):
        raise WrongOverride(said)
    return path, int(value) if value.isdecimal() else known.get(value, value)


def _with(before: dict[str, Any], own: list[tuple[list[str], Any]]) -> dict[str, Any]:
    """Each limit that was said beside those that were said before, down to a single rate."""
    wanted = deepcopy(before)
    for (*groups, name), value in own:
        group = wanted
        for each in groups:
            group = group.setdefault(each, {})
        group[name] = value
    return wanted


def _tell(found: "WorkspacePlan", *, json: bool) -> None:
    workspace, plan = found.workspace, found.plan
    if json:
        told = {"workspace": str(workspace.id), "slug": workspace.slug, "plan": plan.name}
        print_json({**told, "overrides": workspace.plan_overrides, "terms": plan.terms.model_dump()})
        return
    typer.echo(f"{workspace.slug} has the plan {plan.name}")
    if plan.name != workspace.plan:
        typer.echo(f"  since “{workspace.plan}” is not defined any more")
    _show(plan.terms, own=workspace.plan_overrides)


def _show(terms: "Terms", own: dict[str, Any] | None = None) -> None:
    told = terms.model_dump()
    rates, own = told.pop("rates"), own or {}
    wide = max(map(len, told))
    for name, value in told.items():
        match value:
            case None:
                shown = "unlimited"
            case bool():
                shown = "yes" if value else "no"
            case _:
                shown = f"{value:,}"
                if name in _IN_BYTES:
                    shown += f" ({size(value)})"
        typer.echo(f"  {name:{wide}} {shown}{'  (its own)' if name in own else ''}")
    for name, often in rates.items():
        shown = ", ".join(f"{who} {rate}" for who, rate in often.items() if rate is not None)
        its_own = "  (its own)" if name in own.get("rates", {}) else ""
        typer.echo(f"  {f'rates.{name}':{wide}} {shown or 'unlimited'}{its_own}")
