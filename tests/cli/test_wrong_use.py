import subprocess
import sys

import pytest

from cliply.cli.wrong_use import in_plain_words

# Starts the command for each.
pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["clip", "x", "--min", "abc"], "Invalid value for '--min': a number is needed."),
        (["clip", "x", "--aspect", "3:2"], "'3:2' is not one of '9:16', '1:1', '4:5', '16:9'."),
        (["worker", "--concurrency", "0"], "it should be greater than or equal to 1."),
        (["clippy"], "No such command 'clippy'. Did you mean 'clip'"),
    ],
)
def test_a_wrong_option_is_told_in_plain_words(arguments: list[str], told: str) -> None:
    ran = subprocess.run([sys.executable, "-m", "cliply", *arguments], capture_output=True, text=True, check=False)

    assert ran.returncode == 2
    assert told in ran.stderr
    where = "cliply --help" if arguments == ["clippy"] else f"cliply {arguments[0]} --help"
    assert ran.stderr.rstrip().endswith(f"See: {where}")
    assert "Value error" not in ran.stderr
    assert "Input should" not in ran.stderr


def test_an_id_that_is_none_is_asked_for_in_plain_words() -> None:
    said = "Invalid value for 'ID': Input should be a valid UUID, invalid character: found `t` at 0"
    assert in_plain_words(said, ["schedule"]) == (
        "Invalid value for 'ID': an id is needed, as the lists show it. See: cliply schedule --help"
    )
