"""Word times as they will be heard: cuts begin on the clip's frame grid, not exactly where the edit puts them."""

from cliply.media.edit import ClipEdit, EditWord
from cliply.media.rendering.framemap import Cut, FrameMap, Run
from cliply.media.types import Millis


def heard_words(edit: ClipEdit, frames: FrameMap) -> ClipEdit:
    """`edit` with words moved so that captions change with the frame nearest to each word's sound.

    A frame shows what has begun by its time: a word that begins just after one would wait for the next. Half a frame
    is therefore taken off.
    """
    words = list(edit.words)
    for run in frames.runs:
        for cut in run.cuts:
            shift = _late(edit, frames, run, cut) - round(500 / frames.rate)
            words = [_moved(word, shift, cut) if _touches(word, cut) else word for word in words]
    return edit.model_copy(update={"words": tuple(words)})


def _late(edit: ClipEdit, frames: FrameMap, run: Run, cut: Cut) -> Millis:
    """How much later than by the edit's own sum a cut is shown and heard."""
    shown = cut.clip / frames.rate
    moment = run.origin + cut.grid / frames.rate
    return round(1000 * (shown - moment)) - (edit.clip_time(cut.span.start) - cut.span.start)


def _touches(word: EditWord, cut: Cut) -> bool:
    return word.start < cut.span.end and word.end > cut.span.start


def _moved(word: EditWord, shift: Millis, cut: Cut) -> EditWord:
    """What of `word` lies in the cut is moved by `shift`, but not out of it."""
    span = cut.span
    start, end = word.start, word.end
    if span.start <= start < span.end:
        start = min(max(start + shift, span.start), span.end - 1)
    if span.start < end <= span.end:
        end = min(max(end + shift, start + 1, span.start + 1), span.end)
    return word.model_copy(update={"start": start, "end": end})
