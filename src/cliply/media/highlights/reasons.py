"""Why a window ranks where it does, in a sentence for each dimension that moved it, quoting what did."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cliply.media.highlights.edges import opening_words
from cliply.media.highlights.ranking import DIMENSIONS
from cliply.media.highlights.sentences import join_words
from cliply.media.types import Dimension, Millis, Sentence
from cliply.media.wording.cues import Cues, normalise

_HIGH, _LOW = 75, 15
_QUOTE_WORDS = 12
_QUOTED = 3
_SHORT_OPENING = 20
"""Characters."""


@dataclass(frozen=True)
class Moment:
    """What the reasons look at: the sentences around a window and what was measured of it."""

    sentences: Sequence[Sentence]
    first: int
    last: int
    keywords: tuple[str, ...]
    measured: dict[str, float]
    """Feature values, standardised within the source."""
    asked: tuple[str, ...]
    """The creator's keywords that are said in it."""
    answer: Sentence
    """What answers best to what the creator asked for."""

    @property
    def opening(self) -> Sentence:
        return self.sentences[self.first]

    @property
    def closing(self) -> Sentence:
        return self.sentences[self.last]

    @property
    def inside(self) -> Sequence[Sentence]:
        return self.sentences[self.first : self.last + 1]


def dimensions(moment: Moment, percentiles: dict[str, float], cues: Cues) -> tuple[Dimension, ...]:
    out = []
    for name in DIMENSIONS:
        percentile = round(percentiles.get(name, 50))
        reason = ""
        if name in percentiles and percentile >= _HIGH:
            reason = _PRAISE[name](moment, cues)
        elif name in percentiles and percentile <= _LOW:
            reason = _BLAME[name](moment, cues)
        out.append(Dimension(name, percentile, reason))
    return tuple(out)


def summary(parts: Sequence[Dimension], dead: Millis = 0) -> str:
    """The two strongest reasons; a plain statement if nothing stands out. `dead`: how much dead air is cut out."""
    praised = sorted((part for part in parts if part.reason and part.percentile >= _HIGH), key=lambda p: -p.percentile)
    said = [part.reason for part in praised[:2]]
    if not said:
        said = ["Balanced: no single thing stands out" + ("." if dead else ", nothing speaks against it.")]
    if dead:
        said.append(f"{dead / 1000:.0f} s of silence are cut out of it.")
    return " ".join(said)


def quote(text: str, words: int = _QUOTE_WORDS) -> str:
    """The beginning of `text` in quotation marks."""
    parts = text.split()
    short = " ".join(parts[:words])
    if len(short) > words * 8:
        short = short[: words * 8]  # scripts without spaces
    return f"“{short}{'…' if len(short) < len(text) else ''}”"


def _quotes(found: list[str]) -> str:
    return ", ".join(f"“{each}”" for each in list(dict.fromkeys(found))[:_QUOTED])


def _found(moment: Moment, cues: Cues, *kinds: str) -> list[str]:
    out = []
    for sentence in moment.inside:
        text = normalise(sentence.text)
        out += [found for kind in kinds if (found := cues.found(kind, text))]
    return out


def _opening(moment: Moment) -> str:
    """What is heard first: the first sentence, and the next where the first is only a word or two."""
    text = moment.opening.text
    for sentence in moment.sentences[moment.first + 1 : moment.last + 1]:
        if len(text) >= _SHORT_OPENING:
            break
        text = join_words([text, sentence.text])
    return text


def _good_hook(moment: Moment, cues: Cues) -> str:
    opening = _opening(moment)
    if moment.opening.text.rstrip("\"'”’").endswith(("?", "？", "؟")):
        return f"Opens with a question: {quote(opening)}"
    text = normalise(quote(opening))
    if said := cues.found("absolute", text) or cues.found("contrast", text):
        return f"Opens with a bold claim (“{said}”): {quote(opening)}"
    if cues.found("you", text):
        return f"Speaks to the viewer from the first words: {quote(opening)}"
    return f"Opens strongly: {quote(opening)}"


def _bad_hook(moment: Moment, _cues: Cues) -> str:
    return f"Takes a while to get going: it opens with {quote(_opening(moment))}"


def _good_standalone(moment: Moment, _cues: Cues) -> str:
    before = moment.sentences[moment.first - 1] if moment.first else None
    if before is not None and before.speaker != moment.opening.speaker:
        return "Starts afresh: somebody else takes the word, with a full sentence."
    return f"Starts afresh, without a word that points back: {quote(_opening(moment))}"


def _bad_standalone(moment: Moment, cues: Cues) -> str:
    for kind, what in (("sponsor", "advertising"), ("housekeeping", "housekeeping"), ("greeting", "a greeting")):
        if found := _found(moment, cues, kind):
            return f"Sounds like {what}: {_quotes(found)}."
    first = (opening_words(moment.sentences, moment.first) or [""])[0]
    if cues.is_word("dangling", first) or cues.is_word("reply", first):
        return f"Starts with “{first}”, which leans on what was said before."
    return "Leans on what was said before."


def _good_payoff(moment: Moment, cues: Cues) -> str:
    if said := cues.found("conclusion", normalise(moment.closing.text)):
        return f"Ends on its conclusion (“{said}”): {quote(moment.closing.text)}"
    following = moment.sentences[moment.last + 1] if moment.last + 1 < len(moment.sentences) else None
    if following is None or following.speaker != moment.closing.speaker:
        return f"Ends where the speaker has finished: {quote(moment.closing.text)}"
    return f"Comes to a clear end: {quote(moment.closing.text)}"


def _bad_payoff(moment: Moment, _cues: Cues) -> str:
    if moment.closing.text.rstrip("\"'”’").endswith(("?", "？", "؟")):
        return f"Ends on a question that stays open: {quote(moment.closing.text)}"
    return "The speaker goes on after the end."


def _good_substance(moment: Moment, _cues: Cues) -> str:
    numbers = [word for each in moment.inside for word in each.text.split() if any(char.isdigit() for char in word)]
    concrete = _quotes([number.strip(".,;:!?") for number in numbers] + list(moment.keywords))
    return f"Says something concrete: {concrete}." if concrete else "Says more than most passages of its length."


def _bad_substance(moment: Moment, _cues: Cues) -> str:
    if moment.measured.get("said_again", 0) > 0:
        return "Says the same thing again and again."
    return "Says little that is concrete."


def _good_emotion(moment: Moment, cues: Cues) -> str:
    if said := _found(moment, cues, "laughter", "emotion", "lively", "story"):
        return f"Told with feeling: {_quotes(said)}."
    return "Livelier in its words than most of the recording."


def _bad_emotion(_moment: Moment, _cues: Cues) -> str:
    return "Told flatly."


def _good_delivery(moment: Moment, _cues: Cues) -> str:
    changes = sum(a.speaker != b.speaker for a, b in zip(moment.inside, moment.inside[1:], strict=False))
    seconds = max(1, (moment.closing.span.end - moment.opening.span.start) // 1000)
    if changes >= 3:
        return f"A quick exchange: the speaker changes {changes} times in {seconds} seconds."
    if moment.measured.get("energy", 0) > 1:
        return "Spoken with more energy than most of the recording."
    return "Told in short, clear sentences."


def _bad_delivery(moment: Moment, _cues: Cues) -> str:
    if moment.measured.get("dead_air", 0) > 0:
        return "Interrupted by a long silence."
    return "Long sentences, evenly spoken."


def _good_focus(moment: Moment, _cues: Cues) -> str:
    about = _quotes(list(moment.keywords))
    return f"Stays on one subject: {about}." if about else "Stays on one subject."


def _bad_focus(_moment: Moment, _cues: Cues) -> str:
    return "Moves between subjects."


def _good_match(moment: Moment, _cues: Cues) -> str:
    if moment.asked:
        return f"Says what you asked for ({_quotes(list(moment.asked))}): {quote(moment.answer.text)}"
    return f"Close to what you asked for: {quote(moment.answer.text)}"


def _bad_match(_moment: Moment, _cues: Cues) -> str:
    return "Not about what you asked for."


_Phrase = Callable[[Moment, Cues], str]
_PRAISE: dict[str, _Phrase] = {
    "hook": _good_hook,
    "standalone": _good_standalone,
    "payoff": _good_payoff,
    "substance": _good_substance,
    "emotion": _good_emotion,
    "delivery": _good_delivery,
    "focus": _good_focus,
    "match": _good_match,
}
_BLAME: dict[str, _Phrase] = {
    "hook": _bad_hook,
    "standalone": _bad_standalone,
    "payoff": _bad_payoff,
    "substance": _bad_substance,
    "emotion": _bad_emotion,
    "delivery": _bad_delivery,
    "focus": _bad_focus,
    "match": _bad_match,
}
