import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest

from cliply.media import isolation
from cliply.media.errors import TooMuch
from cliply.media.isolation import Finished, Limits

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")
PYTHON = [sys.executable, "-I", "-c"]


def run(program: str, *, limits: Limits | None = None) -> tuple[bytes, Finished]:
    with isolation.start([*PYTHON, program], limits=limits) as child:
        answer = b"".join(child.chunks(65_536))
        return answer, child.wait()


def eventually(holds: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether it comes true in time; looks again and again without a pause."""
    deadline = time.monotonic() + seconds
    while not (true := holds()) and time.monotonic() < deadline:
        os.sched_yield()
    return true


def living() -> dict[int, int]:
    """Process group by process, without corpses that nobody has looked at; from /proc, since `ps` may be missing."""
    groups = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, group, *_ = file.read_text().rpartition(")")[2].split()
            if state != "Z":
                groups[int(file.parent.name)] = int(group)
    return groups


def alive(pid: int) -> bool:
    return pid in living()


def group_is_alive(group: int) -> bool:
    return group in living().values()


def test_a_child_answers_and_its_exit_code_and_last_words_are_told() -> None:
    answer, finished = run("import sys; print('hello'); print('oh dear', file=sys.stderr); sys.exit(7)")
    assert answer == b"hello\n"
    assert finished == Finished(7, "oh dear\n")


def test_every_limit_is_in_force() -> None:
    program = (
        "import json, os, resource as r\n"
        "names = ('RLIMIT_CPU', 'RLIMIT_AS', 'RLIMIT_FSIZE', 'RLIMIT_NOFILE', 'RLIMIT_CORE')\n"
        "print(json.dumps({'limits': {n: r.getrlimit(getattr(r, n)) for n in names}, 'nice': os.nice(0),\n"
        " 'group': os.getpgrp(), 'session': os.getsid(0), 'files': os.listdir('/proc/self/fd'),\n"
        " 'environment': dict(os.environ), 'folder': os.getcwd(), 'input': os.read(0, 1).decode()}))"
    )
    limits = Limits(cpu_seconds=33, memory_bytes=2 * isolation.GIB, output_bytes=512 * 1000)
    told = json.loads(run(program, limits=limits)[0])
    assert told["limits"] == {
        "RLIMIT_CPU": [33, 33],
        "RLIMIT_AS": [2 * isolation.GIB] * 2,
        "RLIMIT_FSIZE": [512_000] * 2,
        "RLIMIT_NOFILE": [64, 64],
        "RLIMIT_CORE": [0, 0],
    }
    assert told["nice"] == os.nice(0) + 5
    assert told["group"] == told["session"] != os.getpgrp()
    assert told["input"] == ""
    # Standard input, output and error, and the listing itself.
    assert len(told["files"]) == 4
    assert set(told["environment"]) <= {"PATH", "LC_ALL", "HOME", "TMPDIR", "PWD", "LC_CTYPE"}
    assert told["environment"]["HOME"] == told["folder"]


def test_a_secret_in_our_environment_is_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    assert b"sk-secret" not in run("import os; print(dict(os.environ))")[0]


def test_too_much_processor_time_is_refused() -> None:
    with pytest.raises(TooMuch, match="more time"):
        run("while True: pass", limits=Limits(cpu_seconds=1, wall_seconds=60))


def test_too_much_memory_fails_in_the_child() -> None:
    _, finished = run("bytearray(2 << 30)", limits=Limits(memory_bytes=isolation.GIB))
    assert finished.code != 0
    assert "MemoryError" in finished.stderr


def test_a_file_that_grows_past_its_limit_stops_the_child() -> None:
    program = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\nopen('big', 'wb').write(bytes(1 << 20))"
    with pytest.raises(TooMuch, match="disk"):
        run(program, limits=Limits(output_bytes=1 << 16))


def test_a_child_that_hangs_is_stopped_at_the_wall_limit() -> None:
    started = time.monotonic()
    with pytest.raises(TooMuch, match="after 0 seconds"):
        run("import signal; signal.pause()", limits=Limits(wall_seconds=0.4))
    assert time.monotonic() - started < 3


def test_a_child_that_hangs_after_its_answer_is_stopped_too() -> None:
    with pytest.raises(TooMuch, match="after 1 seconds"):
        run("import os, signal; os.close(1); signal.pause()", limits=Limits(wall_seconds=0.6))


def test_endless_complaints_are_cut_to_the_last_ones() -> None:
    _, finished = run("import sys\nfor n in range(200_000): print('broken packet', n, file=sys.stderr)")
    assert len(finished.stderr) <= 64 * 1024
    assert finished.stderr.endswith("broken packet 199999\n")


def test_a_child_that_only_complains_is_not_blocked_by_a_full_pipe() -> None:
    with isolation.start(
        [*PYTHON, "import sys; sys.stdout.write('x' * 999_999); sys.stderr.write('y' * 999_999)"]
    ) as child:
        finished = child.wait()
    assert finished.code == 0
    assert finished.stderr == "y" * 64 * 1024


def test_silence_is_told_so_that_a_caller_can_look_up() -> None:
    times = [time.monotonic()]
    with isolation.start([*PYTHON, "import signal; signal.pause()"]) as child:
        for chunk in child.chunks(100):
            assert chunk == b""
            times.append(time.monotonic())
            if len(times) == 4:
                break
    assert max(after - before for before, after in pairwise(times)) < 1.5


def test_leaving_the_block_kills_the_whole_group_at_once() -> None:
    program = "import os, signal\nif os.fork() == 0: signal.pause()\nprint('ready', flush=True)\nsignal.pause()"
    with isolation.start([*PYTHON, program]) as child:
        assert b"ready\n" in child.chunks(100)
        assert group_is_alive(child.pid)
        began = time.monotonic()
    assert time.monotonic() - began < 1
    assert eventually(lambda: not group_is_alive(child.pid))


def test_what_a_child_leaves_behind_dies_with_the_block() -> None:
    program = "import os, signal\nif os.fork() == 0:\n for n in (0, 1, 2): os.close(n)\n signal.pause()"
    with isolation.start([*PYTHON, program]) as child:
        group = child.pid
        assert child.wait().code == 0
    assert eventually(lambda: not group_is_alive(group))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "term"])
def test_when_we_are_killed_the_child_dies_and_its_folder_goes(number: signal.Signals, tmp_path: Path) -> None:
    ours = (
        "import sys\nfrom cliply.media import isolation\n"
        "program = 'import os, signal; print(os.getpid(), os.getcwd(), flush=True); signal.pause()'\n"
        "with isolation.start([sys.executable, '-I', '-c', program]) as child:\n"
        "    for chunk in child.chunks(1000):\n"
        "        if chunk: print(chunk.decode(), end='', flush=True)\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", ours], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        pid, folder = parent.stdout.readline().split()
        assert alive(int(pid))
        assert Path(folder).is_dir()
        parent.send_signal(number)
    assert eventually(lambda: not alive(int(pid)))
    assert eventually(lambda: not list(tmp_path.iterdir()))


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_nothing_stays_open_after_many_children() -> None:
    run("pass")
    before = open_files()
    for _ in range(5):
        run("print(1)")
    with pytest.raises(TooMuch):
        run("import signal; signal.pause()", limits=Limits(wall_seconds=0.3))
    # An argument list that is too long fails before there is a child.
    with pytest.raises(OSError, match="long"), isolation.start(["true", "x" * (1 << 23)]):
        pass
    assert open_files() == before


def test_a_program_that_is_not_there_is_an_exit_code() -> None:
    with isolation.start(["no-such-program-anywhere"]) as child:
        finished = child.wait()
    assert finished.code == 127
    assert "no-such-program-anywhere" in finished.stderr


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox", "zsh", "ksh"])
def test_the_launch_script_works_in_every_usual_shell(shell: str, tmp_path: Path) -> None:
    from shutil import which

    program = which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    starter = [program, "sh"] if shell == "busybox" else [program]
    reading, writing = os.pipe()
    arguments = [
        "-c",
        isolation._LAUNCH,
        "cliply",
        "30",
        str(4 << 20),
        "1000",
        str(tmp_path),
        "/bin/echo",
        "it's",
        "a b",
    ]
    child = subprocess.Popen([*starter, *arguments], stdin=reading, stdout=subprocess.PIPE, start_new_session=True)
    os.close(reading)
    assert child.communicate(timeout=20)[0] == b"it's a b\n"
    os.write(writing, b"done\n")
    os.close(writing)
    assert eventually(lambda: not group_is_alive(child.pid))
    assert tmp_path.is_dir()
