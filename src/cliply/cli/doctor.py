"""`cliply doctor`: what is installed, what will be used, what is missing and how to get it."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, TypeAlias

import typer

from cliply import __version__
from cliply.cli.console import JsonFlag, print_json, settings
from cliply.cli.exit_codes import ExitCode
from cliply.cli.readyz import existing_database
from cliply.errors import CliplyError
from cliply.infra.settings import Settings, unknown_names
from cliply.media.probe import printable

State: TypeAlias = Literal["ok", "missing", "optional"]
_MARKS: dict[State, str] = {"ok": "ok", "missing": "MISSING", "optional": "-"}
# A word in each script that captions may need.
_SCRIPTS = {
    "Latin": "Straße", "Greek": "λέξη", "Cyrillic": "слово", "Arabic": "كلمة", "Hebrew": "מילה", "Devanagari": "शब्द",
    "Bengali": "শব্দ", "Tamil": "சொல்", "Telugu": "పదం", "Thai": "คำ", "Georgian": "სიტყვა", "Armenian": "բառ",
    "Chinese": "字词", "Japanese": "ことば", "Korean": "낱말", "emoji": "🐝",
}  # fmt: skip
_LEAST_MEMORY = 2.0
_LEAST_DISK = 2.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that Cliply needs or can use."""

    name: str
    state: State
    used: str
    """What will be used, or what is wrong."""
    get: str = ""
    """How to get it, where it is missing or optional."""


def register(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(json: JsonFlag = False) -> None:
    """Check what is installed, what will be used, what is missing and how to get it."""
    checks = report()
    if json:
        print_json({"checks": [asdict(check) for check in checks]})
    else:
        for check in checks:
            typer.echo(f"{_MARKS[check.state]:8} {check.name:24} {check.used}")
            if check.get:
                typer.echo(f"{'':33} {check.get}")
    if missing := [check.name for check in checks if check.state == "missing"]:
        if not json:
            typer.echo(f"\nMissing: {', '.join(missing)}.")
        raise typer.Exit(ExitCode.UNAVAILABLE)
    if not json:
        typer.echo("\nEverything that is needed is there.")


def report() -> tuple[Check, ...]:
    """All checks; each model is really loaded, so this takes a few seconds. Never holds the value of a key."""
    return tuple(_checks())


def _checks() -> Iterator[Check]:
    yield Check("Cliply", "ok", __version__)
    yield Check("Python", "ok", f"{platform.python_version()} at {sys.executable}")
    yield _tried("ffmpeg", _ffmpeg)
    yield _tried("media reader", lambda: f"PyAV {version('av')}")
    yield _tried("speech model", _speech_model)
    yield from _other_speech_models()
    yield _tried("word times (English)", _aligner)
    yield _tried("sentence comparison", _embeddings)
    yield _tried("faces", _faces)
    yield _tried("caption fonts", _fonts)
    yield _tried("caption styles", _styles)
    yield _machine()
    yield from _folders(settings())
    yield from _services(settings())
    yield _tried("database", lambda: _database(settings()))
    yield _tried("storage", lambda: _storage(settings()))
    yield _tried("plans", lambda: _plans(settings()))
    yield from _prices(settings())
    yield from _service(settings())
    for unknown in unknown_names():
        yield Check("environment", "optional", printable(unknown))


def _tried(name: str, find: Callable[[], str]) -> Check:
    """What `find` says, or why it fails; the messages of Cliply's errors say how to get what is missing."""
    try:
        return Check(name, "ok", find())
    except CliplyError as missing:
        return Check(name, "missing", "cannot be used", str(missing))
    except (ImportError, OSError, PackageNotFoundError) as broken:
        return Check(
            name, "missing", f"cannot be used: {broken}", "Install Cliply again: pip install --force-reinstall cliply"
        )


def _ffmpeg() -> str:
    from cliply.media import ffmpeg

    program = ffmpeg.program()
    said = subprocess.run([program, "-version"], capture_output=True, text=True, check=True, timeout=20).stdout
    return f"{said.split()[2]} at {program}, with {', '.join(ffmpeg.NEEDED_FILTERS)}"


def _speech_model() -> str:
    from cliply.integrations import whisper_models

    model, loaded = whisper_models.load_files()
    weights = loaded["model.bin"] if isinstance(loaded, dict) else b""
    return f"Whisper {model}, {len(weights) / 1e6:.0f} MB, whole, by faster-whisper {version('faster-whisper')}"


def _other_speech_models() -> Iterator[Check]:
    from cliply.integrations.whisper_models import BUNDLES, available_models

    there = {found.model for found in available_models()}
    for bundle in {each.model: each for each in reversed(BUNDLES)}.values():
        if bundle.model not in there:
            yield Check(
                f"speech model {bundle.model}", "optional", "not installed; --model has the choice", bundle.install
            )


def _aligner() -> str:
    from cliply.media.speech.alignment import EnglishAligner

    EnglishAligner()
    return f"pocketsphinx {version('pocketsphinx')}; other languages use a measured shift"


def _embeddings() -> str:
    from cliply.media.highlights.embeddings import Embedder

    Embedder(threads=1).embed(["Is anybody there?"])
    return f"all-MiniLM-L6-v2, 8 bits, by onnxruntime {version('onnxruntime')}"


def _faces() -> str:
    from cliply.media.framing.faces import FaceFinder

    FaceFinder()
    return f"YuNet 2023mar, by OpenCV {version('opencv-python-headless')}"


def _fonts() -> str:
    from cliply.media.captions import fonts

    first = fonts.face(fonts.families()[0])
    covered = [script for script, sample in _SCRIPTS.items() if not fonts.uncovered(sample, first)]
    return f"{len(fonts.families())} for captions, and for what they lack: {', '.join(covered)}"


def _styles() -> str:
    from cliply.media.captions.styles import load_style, style_names

    for name in style_names():
        load_style(name)
    return ", ".join(style_names())


def _machine() -> Check:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    used = f"{cores} cores, {memory:.0f} GB of memory, {platform.system()} {platform.machine()}"
    if memory < _LEAST_MEMORY:
        return Check("machine", "missing", used, f"Cliply needs {_LEAST_MEMORY:.0f} GB of memory; 4 GB is comfortable.")
    return Check("machine", "ok", used)


def _folders(now: Settings) -> Iterator[Check]:
    for name, folder, choose in (
        ("kept results", now.cache, "Name another folder in the environment variable CLIPLY_CACHE."),
        ("this folder", Path.cwd(), "Clips go to ./clips unless --out names another folder."),
    ):
        nearest = next(each for each in (folder, *folder.parents) if each.exists())
        free = shutil.disk_usage(nearest).free / 1e9
        used = f"{folder}, {free:.0f} GB free"
        if not os.access(nearest, os.W_OK | os.X_OK):
            yield Check(name, "missing", f"{folder} may not be written", choose)
        elif free < _LEAST_DISK:
            yield Check(name, "missing", f"{used}, which is little", f"Make room. {choose}")
        else:
            yield Check(name, "ok", used)


def _database(now: Settings) -> str:
    """The service's database; clips need none, so the bundled one is not made here."""
    from cliply.infra import schema
    from cliply.infra.database_url import printable
    from cliply.infra.embedded_folders import installed_programs, is_made
    from cliply.infra.opening import database_url, embedded_root

    root = embedded_root(now)
    if root is not None and not is_made(root):
        program = installed_programs() / "bin" / "postgres"
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=20).stdout
        return f"bundled PostgreSQL {said.split()[-1]}; the service will make it in {root}"
    with database_url(now) as url:
        try:
            revision = f"revision {schema.check(url)}"
        except schema.SchemaTooOld:
            if root is None:
                raise
            revision = "upgraded when the service starts"
        return f"PostgreSQL {schema.server_version(url)} {f'in {root}' if root else f'at {printable(url)}'}, {revision}"


def _storage(now: Settings) -> str:
    from cliply.infra.storage.opening import check_storage

    return check_storage(now)


def _plans(now: Settings) -> str:
    from cliply.features.identity.plans import plans_of

    plans = plans_of(now)
    sold = "nothing is sold"
    if now.billing.secret_key is None and plans.sold_as:
        sold = "nothing is sold, though prices are named, since CLIPLY_BILLING__SECRET_KEY is not set"
    if now.billing.secret_key is not None:
        names = dict.fromkeys(plans.sold_as.values())
        sold = f"sold through {now.billing.url or 'Stripe'}: {', '.join(names) or 'none'}"
    return f"{', '.join(plans.defined)}; new workspaces get {plans.default_name}; {sold}"


def _prices(now: Settings) -> Iterator[Check]:
    """Whether what is sold can be bought, asked of Stripe."""
    from cliply.features.billing.selling import problems
    from cliply.features.identity.plans import plans_of
    from cliply.runtime import payments_of

    payments = payments_of(now)
    if payments is None:
        return
    try:
        found = list(problems(payments, plans_of(now)))
    except CliplyError:
        return  # the line of the plans has told it
    for each in found:
        yield Check(each.about, "missing" if each.severity == "error" else "optional", each.told)


def _service(now: Settings) -> Iterator[Check]:
    """What `cliply readyz` says of it, and what is wrong though it runs; nothing before there is a service."""
    from cliply.features.billing import checking as billing
    from cliply.features.identity.plans import plans_of
    from cliply.features.publishing import pulse
    from cliply.features.usage import ledger
    from cliply.features.workspaces import own_plan
    from cliply.infra.health import readiness
    from cliply.infra.self_audit import findings

    try:
        with existing_database(now) as database:
            checks = () if database is None else readiness(database, now, also={"scheduler": pulse.check}).checks()
            # Tables of an earlier version are upgraded when the service starts; there is nothing to ask of them before.
            current = all(check.ok for check in checks if check.name in ("database", "schema"))
            for check in checks:
                if check.name == "disk" or (check.name in ("queue", "secrets") and current):
                    yield Check(f"service: {check.name}", "ok" if check.ok else "missing", check.found)
            if database is not None and current:
                with database.system() as session:
                    plans = own_plan.findings(session, plans_of(now))
                    also = [*plans, *ledger.disagreements(session), *billing.findings(session, now)]
                    told = findings(session, now, also=also)
                for found in told:
                    state: State = "missing" if found.severity == "error" else "optional"
                    yield Check(f"service: {found.about}", state, found.told)
    except CliplyError:
        return  # the line of the database, or of the plans, has told it


def _services(now: Settings) -> Iterator[Check]:
    """Services that may be used instead; only whether their keys are set is told, never the keys."""
    for name, is_set, get in (
        ("Deepgram", now.deepgram.key is not None, "Set CLIPLY_DEEPGRAM__KEY to use --model deepgram."),
        ("OpenAI-compatible", now.openai.key is not None, "Set CLIPLY_OPENAI__KEY, or its URL, to use --model openai."),
        ("language model", now.judge.model is not None, "Set CLIPLY_JUDGE__MODEL to have moments and titles judged."),
        (
            "mail",
            now.mail.host is not None,
            "Set CLIPLY_MAIL__HOST to have mail sent; until then it is kept in a folder.",
        ),
    ):
        yield Check(name, "optional", "set" if is_set else "not set; nothing is sent anywhere", "" if is_set else get)
