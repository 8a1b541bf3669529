"""Rules that no single module can keep by itself."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from tests.features.jobs.working import runtime_in

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "cliply"
LONGEST_MODULE = 450
"""Lines; a module of 100 to 250 reads well, and beyond this one it is two."""


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def python_files(*folders: str) -> list[Path]:
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


def tracked() -> list[Path]:
    """Every file of the repository that git knows or would add, and that is text."""
    git = shutil.which("git")
    if git is None:
        pytest.skip("git is not installed")
    listed = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    if listed.returncode != 0:
        pytest.skip("not a git work tree")
    files = [ROOT / name.decode() for name in listed.stdout.split(b"\0") if name]
    return [file for file in files if file.is_file() and b"\0" not in file.read_bytes()[:4096]]


def test_imports_only_point_down() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    checked = subprocess.run([program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_no_module_grows_past_what_can_be_read() -> None:
    lengths = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in python_files("src", "tools")}
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_no_test_sleeps() -> None:
    """A test that waits for time is slow on a quick machine and fails on a busy one."""
    sleeping = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in python_files("tests")
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.Attribute | ast.Name)
        and (node.attr if isinstance(node, ast.Attribute) else node.id) == "sleep"
    ]
    assert sleeping == []


def test_nothing_is_left_to_do_in_a_comment() -> None:
    marks = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    found = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in python_files("src", "tools", "tests", "benchmarks")
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if marks.search(line)
    ]
    assert found == []


def test_no_file_names_a_machine_or_an_index_of_packages() -> None:
    """Whoever clones this has other folders, and another index."""
    private = re.compile(
        "|".join(("/wor" + "k/", "/roo" + "t/", r"index[-_]url\s*=", "//pypi" + r"\.", "registry" + r"\.npm"))
    )
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for file in tracked()
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if private.search(line)
    ]
    assert found == []


def imports_of(file: Path) -> Iterator[tuple[str, bool]]:
    """Names of imported modules, and whether the import runs when the module is loaded."""
    tree = parsed(file)
    at_load = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], id(node) in at_load) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0], id(node) in at_load


def test_heavy_libraries_are_loaded_where_they_are_used() -> None:
    """`cliply --help` has to be quick, so none of these may be imported with a module."""
    heavy = {"cv2", "onnxruntime", "faster_whisper", "ctranslate2", "pocketsphinx", "tokenizers", "av"}
    alone = {"probe_child.py", "whisper_child.py", "whisper_recogniser.py", "whisper_windows.py"}
    found = [
        f"{file.relative_to(ROOT)}: {name}"
        for file in python_files("src")
        for name, at_load in imports_of(file)
        if at_load and name in heavy and file.name not in alone
    ]
    assert found == []


def test_a_stranger_s_file_is_opened_with_pyav_only_in_its_own_process() -> None:
    """The exception looks at files that we have just written ourselves."""
    users = {file.name for file in python_files("src") for name, _ in imports_of(file) if name == "av"}
    assert users <= {"probe_child.py", "verify.py"}


def test_only_the_settings_read_the_environment() -> None:
    readers = [
        str(file.relative_to(SOURCE))
        for file in python_files("src")
        if re.search(r"os\.environ\b(?!\[\"ORT_)|os\.getenv", file.read_text())
    ]
    assert readers == ["infra/settings.py"]


def test_what_sees_every_workspace_is_listed_here() -> None:
    """A session of the system passes the walls between workspaces; each use of one is a decision."""
    users = {
        str(file.relative_to(SOURCE))
        for file in python_files("src")
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "system"
        and ast.unparse(node.func.value) != "platform"
    }
    assert users <= {
        # Jobs without a workspace are the installation's own.
        "features/jobs/runner.py",
        # An account belongs to no workspace.
        "features/identity/accounts.py",
        "cli/users.py",
        # Plans of workspaces, in the hands of whoever runs the service; a worker lets the queue follow them.
        "cli/plans.py",
        "worker.py",
        "features/identity/routes.py",
        "features/recovery/routes.py",
        "features/account/routes.py",
        "features/account/signing_up.py",
        # Who calls is known before in which workspace; and some things belong to none.
        "features/identity/dependencies.py",
        # A machine has copies of any workspace's sources, and asks which of them still belong to one.
        "features/projects/local_copies.py",
        # Whether a provider answers is known to all.
        "infra/shared_breakers.py",
        # What a network allows in a day is shared by all workspaces.
        "infra/quotas.py",
        # Who comes back from a network's page is known before in which workspace it was begun; and a person's other
        # channels may be in any.
        "features/publishing/connecting.py",
        "features/publishing/channels.py",
        # Whether the same account is connected in another workspace, which taking a permission back would cut off.
        "features/publishing/taking_back.py",
        # Schedules are due in any workspace; each fires in a session of its own.
        "features/publishing/scanning.py",
        "features/publishing/pulse.py",
        # Whom an event of Stripe's concerns is found out from all; and a plan is its operator's to give, not its own.
        "features/billing/inbox.py",
        "features/billing/routes.py",
        "features/billing/syncing.py",
        # The key is that of the whole database; of what it has sealed, only how much leaves it.
        "infra/seal_check.py",
        # Queues are shared by all workspaces; only numbers leave it.
        "infra/metrics_page.py",
        "infra/health.py",
        "cli/doctor.py",
    }


def test_loading_the_command_line_loads_no_model_library() -> None:
    asked = (
        "import sys, cliply.cli.main\n"
        "print(*sorted({'cv2', 'onnxruntime', 'faster_whisper', 'av', 'opentimelineio', 'torch'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == ""


def test_the_model_runtime_keeps_no_record_of_its_user(tmp_path: Path) -> None:
    """onnxruntime would write an identifier below the home folder, to send it with the models that are loaded."""
    run = "from cliply.media.highlights.embeddings import Embedder\nEmbedder().embed(['Is anybody there?'])"
    home = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-c", run], env=home, check=True)
    assert list(tmp_path.rglob("*")) == []


def test_pages_made_from_the_code_are_up_to_date() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "tools.docs", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_kind_of_job_is_counted_and_timed_from_the_beginning(tmp_path: Path) -> None:
    import cliply.worker  # noqa: F401 - registers the kinds
    from cliply.features.jobs.kinds import REGISTRY
    from cliply.features.jobs.runner import handled
    from cliply.infra import metrics
    from cliply.infra.db import Database
    from cliply.infra.queue.worker import Worker

    nowhere = "postgresql://127.0.0.1:1/nothing"
    kinds = [handled(kind, runtime_in(tmp_path, Database(nowhere))) for kind in REGISTRY]
    Worker(nowhere, kinds, queues=["maintenance"], concurrency=1, cap=1)
    shown = generate_latest(metrics.PROCESS).decode()
    assert list(REGISTRY) != []
    for kind in REGISTRY:
        for outcome in metrics.OUTCOMES:
            assert f'cliply_job_runs_total{{kind="{kind.name}",outcome="{outcome}"}}' in shown
        for name in ("cliply_job_run_seconds_count", "cliply_job_attempts_count", "cliply_jobs_running"):
            assert f'{name}{{kind="{kind.name}"}}' in shown
