import signal
import subprocess
import sys
import textwrap
import time

import pytest

from cliply.cli.running import run_watched
from cliply.errors import Invalid
from cliply.media.progress import Stage, Update, Watch


class Recorder:
    def __init__(self) -> None:
        self.updates: list[Update] = []
        self.closed = False

    def __call__(self, update: Update) -> None:
        self.updates.append(update)

    def close(self) -> None:
        self.closed = True


def test_the_result_comes_back_and_the_reporter_is_closed() -> None:
    show = Recorder()

    def work(watch: Watch) -> str:
        watch.progress(Stage.SOUND)(0.5)
        return "made"

    assert run_watched(work, show) == "made"
    assert show.updates == [Update(Stage.SOUND, 0.5)]
    assert show.closed


def test_an_error_in_the_work_reaches_the_caller() -> None:
    def work(_watch: Watch) -> None:
        raise Invalid("no")

    show = Recorder()
    with pytest.raises(Invalid, match="no"):
        run_watched(work, show)
    assert show.closed


def test_ctrl_c_ends_within_two_seconds_even_inside_a_deaf_native_call() -> None:
    program = textwrap.dedent("""
        import sys, threading
        from cliply.cli import main as entry
        from cliply.cli.running import run_watched

        class Silent:
            def __call__(self, update): pass
            def close(self): pass

        def deaf(watch):
            print("working", flush=True)
            threading.Event().wait()  # never looks at the watch

        entry.app = lambda **_: run_watched(deaf, Silent())
        entry.main()
    """)
    running = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "working\n"
    began = time.monotonic()
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=10)
    assert time.monotonic() - began < 2
    assert running.returncode == 130
    assert "Run the same command again" in said
