"""What a project may ask of the engine, and how the engine's answers read where there is no command line."""

from cliply.features.projects.options import ProjectOptions, in_our_names
from cliply.media.analysis import what_may_help
from cliply.media.options import ClipOptions
from cliply.media.types import Span


def test_what_the_engine_advises_names_options_as_they_are_named_here() -> None:
    options = ClipOptions(shortest=15_000, longest=60_000, within=Span(0, 100_000))
    told = in_our_names(what_may_help(options, 200_000))
    assert "--" not in told
    for name in ("shortest", "longest", "begin", "end"):
        assert f"`{name}`" in told
        assert name in ProjectOptions.model_fields


def test_a_dash_that_is_no_option_stays() -> None:
    assert in_our_names("The file --what.mp4 is broken.") == "The file --what.mp4 is broken."
