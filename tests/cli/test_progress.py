import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from cliply.cli.progress import Estimate, Lines, Rates, duration, reporter, time_left
from cliply.media.progress import Stage, Update


def test_durations_read_as_people_say_them() -> None:
    assert [duration(each) for each in (8, 125, 4200)] == ["8 s", "2:05 min", "1:10 h"]


def test_rates_are_kept_for_the_next_run(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "rates.json"
    Rates(file).learn(Stage.SPEECH, seconds=30, source_seconds=600)
    assert Rates(file).expected(Stage.SPEECH, source_seconds=100) == pytest.approx(5)


def test_a_damaged_rates_file_is_no_obstacle(tmp_path: Path) -> None:
    file = tmp_path / "rates.json"
    file.write_text("{nonsense")
    rates = Rates(file)
    rates.learn(Stage.SOUND, seconds=1, source_seconds=100)
    assert json.loads(file.read_text()) == {"sound": 0.01}


def test_the_estimate_shrinks_while_stages_finish(tmp_path: Path) -> None:
    estimate = Estimate(Rates(tmp_path / "rates.json"), source_seconds=600)
    before = estimate.update(Update(Stage.SOUND, 0.0))
    after = estimate.update(Update(Stage.RENDER, 0.9))
    assert before > after >= 0


def test_plain_lines_say_stage_items_and_time_left(tmp_path: Path) -> None:
    written = io.StringIO()
    show = Lines(Console(file=written, width=200), Estimate(Rates(tmp_path / "rates.json"), 600))
    show(Update(Stage.RENDER, 0.5, item=2, items=5))
    show(Update(Stage.RENDER, 1.0, item=5, items=5))
    first, last = written.getvalue().splitlines()
    assert first.startswith("Making clips 2/5: 50%, about ")
    assert last == "Making clips 5/5: done"


def test_what_an_earlier_run_did_is_said(tmp_path: Path) -> None:
    written = io.StringIO()
    show = Lines(Console(file=written, width=200), Estimate(Rates(tmp_path / "rates.json"), 600))
    show(Update(Stage.SPEECH, 1.0, kept=True))
    assert written.getvalue() == "Writing down the words: already done\n"


def test_a_pipe_gets_lines_and_a_terminal_gets_bars(tmp_path: Path) -> None:
    rates = Rates(tmp_path / "rates.json")
    pipe = reporter(Console(file=io.StringIO()), rates, 60, plain=False)
    assert isinstance(pipe, Lines)
    terminal = reporter(Console(file=io.StringIO(), force_terminal=True, width=100), rates, 60, plain=False)
    assert not isinstance(terminal, Lines)
    terminal(Update(Stage.SOUND, 0.5))
    terminal.close()


@pytest.mark.parametrize(("seconds", "said"), [(0.4, ""), (8.2, "about 8 s left in all")])
def test_less_than_a_second_is_not_promised(seconds: float, said: str) -> None:
    assert time_left(seconds) == said


def test_before_a_machine_is_known_clips_are_expected_to_take_their_time(tmp_path: Path) -> None:
    estimate = Estimate(Rates(tmp_path / "rates.json"), source_seconds=600)
    assert 60 < estimate.update(Update(Stage.RENDER, 0.0)) < 400
