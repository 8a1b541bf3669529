"""What each shot of a clip shows: one person, a change between them, all at once, a screen, or the whole picture."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from cliply.media.edit import CameraKey, LayoutSpan, Pane
from cliply.media.framing import arranging, camera
from cliply.media.framing.arranging import Person
from cliply.media.framing.camera import Sight
from cliply.media.framing.screens import Screen
from cliply.media.framing.speaking import NOBODY, Speaking, Turn
from cliply.media.framing.tracking import Track
from cliply.media.framing.voices import Voices
from cliply.media.options import LayoutChoice
from cliply.media.types import Box, Millis, Size, Span

# The camera does not turn to an interjection: a turn must carry this much speech over this much time.
_LEAST_VOICED, _LEAST_TURN = 800, 1500
# Cutting between speakers is calm when turns are long; shorter ones are shown side by side.
_PER_CHANGE: Millis = 30_000
_LEAST_SHOWN: Millis = 4000
_SURE = 0.85
_MOST_PANES = 4
# A cut comes just before the new speaker begins.
_LEAD: Millis = 250
# Faces that much smaller than the largest are in the background, unless they speak.
_BACKGROUND = 0.25
_GROUP_FILL = 0.86
# A face less high than this share of the window is far away; how near the camera may go, and to how few lines.
_SMALL_FACE, _NEAREST, _LEAST_LINES = 0.14, 1.5, 600
# A picture in the picture is set beside the rest up to this share of the whole.
_SMALL_INSET = 0.2
# A head and what it moves, in sizes of its face.
_WHOLE_HEAD = 1.3


@dataclass(frozen=True, slots=True)
class Scene:
    """One shot and what is known about it."""

    shot: Span
    tracks: Sequence[Track]
    speaking: Speaking
    screen: Screen | None
    """A screen or slide that fills the picture."""
    insets: Sequence[Box | None] = ()
    """For each track the picture in the picture that it is in, if it is in one."""

    def inset(self, who: int) -> Box | None:
        return self.insets[who] if who < len(self.insets) else None


@dataclass(frozen=True, slots=True)
class Shape:
    """The picture that is given and the shape that is wanted."""

    size: Size
    output: Size

    @property
    def ratio(self) -> float:
        return self.output.ratio

    @property
    def keeps_all(self) -> bool:
        """Whether a window shows the whole width of the picture: then nothing of it needs to be chosen."""
        return self.ratio >= 0.97 * self.size.ratio

    @property
    def window(self) -> Size:
        return camera.window(self.size, self.ratio)


def direct(scene: Scene, shape: Shape, voices: Voices, choice: LayoutChoice) -> list[LayoutSpan]:
    """The layouts of one shot, in order; together they cover it."""
    shot, size, ratio = scene.shot, shape.size, shape.ratio
    if size.ratio <= ratio * 1.03 and choice in ("auto", "follow", "fit"):
        return [arranging.whole(shot, size, ratio, "The picture has this shape or is narrower.")]
    people = _people(scene)
    if choice == "fit" or not people:
        why = "The whole picture was asked for." if choice == "fit" else "Nobody is to be seen."
        return [arranging.whole(shot, size, ratio, why)]
    if choice == "stack" or (choice == "auto" and scene.screen is not None):
        return [_with_screen(scene, shape, people)]
    if choice in ("split", "grid") and len(people) > 1:
        return [_all_at_once(scene, shape, people, "All at once was asked for.")]
    if choice != "follow" and (beside := _beside_it_all(scene, shape, people)):
        return [beside]
    return [_by_evidence(scene, shape, voices, people, choice)]


def _beside_it_all(scene: Scene, shape: Shape, people: Sequence[int]) -> LayoutSpan | None:
    """Somebody in a small picture of their own, who plays or watches what fills the rest: both are shown."""
    main = _main(scene, people)
    inset = scene.inset(main)
    alone = not any(scene.inset(who) for who in people if who != main)
    if (
        shape.keeps_all
        or inset is None
        or not alone
        or inset.area > _SMALL_INSET * shape.size.width * shape.size.height
    ):
        return None
    person, rest = _person(scene, shape, main), arranging.picture(shape.size)
    return arranging.stack(scene.shot, person, rest, shape.size, shape.ratio, "Somebody beside what they talk about.")


def _with_screen(scene: Scene, shape: Shape, people: Sequence[int]) -> LayoutSpan:
    """The screen uncut above who talks about it; the whole picture where the face is no small one beside it."""
    asked = arranging.picture(shape.size) if scene.screen is None else None
    part = scene.screen.part if scene.screen is not None else asked
    if part is None or abs(shape.ratio / shape.size.ratio - 1) < 0.03:
        return arranging.whole(scene.shot, shape.size, shape.ratio, "Text fills the picture.")
    person = _person(scene, shape, _main(scene, people))
    return arranging.stack(scene.shot, person, part, shape.size, shape.ratio, "A screen with somebody beside it.")


def _by_evidence(scene: Scene, shape: Shape, voices: Voices, people: Sequence[int], choice: LayoutChoice) -> LayoutSpan:
    if len(people) == 1:
        return _follow(scene, shape, [(scene.shot, people[0])], "One person is to be seen.")
    if group := _group(scene, shape, people):
        pane = Pane(camera=camera.follow(scene.shot, group, shape.window, arranging.picture(shape.size)))
        return LayoutSpan(span=scene.shot, layout="follow", panes=(pane,), why="All fit into one window.")
    turns = settle(scene.speaking.turns, scene.shot, voices)
    talkers = {who for _, who in turns}
    if _calm(turns) and scene.speaking.sure >= _SURE:
        why = "One person speaks." if len(talkers) == 1 else "The camera turns to who speaks."
        return _follow(scene, shape, turns, why)
    if choice == "follow" or len(people) > _MOST_PANES:
        return _follow(scene, shape, turns or [(scene.shot, _main(scene, people))], "The camera turns to who speaks.")
    why = "They talk in short turns." if scene.speaking.sure >= _SURE else "Who speaks is not clear."
    together = _all_at_once(scene, shape, people, why)
    if arranging.soft(together, shape.output):
        return arranging.whole(scene.shot, shape.size, shape.ratio, f"{why} The picture is too small to be divided.")
    return together


def _calm(turns: Sequence[tuple[Span, int]]) -> bool:
    """Whether cutting to each speaker is calm to watch."""
    if not turns:
        return False
    length = turns[-1][0].end - turns[0][0].start
    return len(turns) == 1 or (
        (len(turns) - 1) * _PER_CHANGE <= length and min(span.duration for span, _ in turns) >= _LEAST_SHOWN
    )


def _people(scene: Scene) -> list[int]:
    """The tracks that matter: there for long enough, and not a face in the background that says nothing."""
    largest = max((each.box.area for each in scene.tracks), default=0.0)
    speakers = {turn.who for turn in scene.speaking.turns if turn.voiced >= _LEAST_VOICED and turn.sure > 0.6}
    people = []
    for index, each in enumerate(scene.tracks):
        present = each.span.duration >= 0.4 * scene.shot.duration or len(scene.tracks) == 1
        if index in speakers or (present and each.box.area >= _BACKGROUND * largest):
            people.append(index)
    return people


def _main(scene: Scene, people: Sequence[int]) -> int:
    """Who speaks most; the largest of those who are there longest if nobody does."""
    voiced = {who: sum(turn.voiced for turn in scene.speaking.turns if turn.who == who) for who in people}
    return max(people, key=lambda who: (voiced[who], scene.tracks[who].span.duration * scene.tracks[who].box.area))


def _sights(track: Track) -> list[Sight]:
    return [Sight(each.at, each.box) for each in track.observations]


def _person(scene: Scene, shape: Shape, who: int) -> Person:
    return Person(_sights(scene.tracks[who]), scene.inset(who) or arranging.picture(shape.size))


def _group(scene: Scene, shape: Shape, people: Sequence[int]) -> list[Sight]:
    """All people together, where they fit into one window at every moment; nothing if they do not."""
    moments = sorted({each.at for index in people for each in scene.tracks[index].observations})
    places = zip(*(scene.tracks[index].places(moments) for index in people), strict=True)
    sights = []
    for at, row in zip(moments, places, strict=True):
        boxes = [box for box in row if box is not None]
        if not boxes:
            continue
        x, y = min(box.x for box in boxes), min(box.y for box in boxes)
        right, bottom = max(box.right for box in boxes), max(box.bottom for box in boxes)
        if right - x > _GROUP_FILL * shape.window.width:
            return []
        sights.append(Sight(at, Box(x, y, right - x, bottom - y)))
    return sights


def _all_at_once(scene: Scene, shape: Shape, people: Sequence[int], why: str) -> LayoutSpan:
    voiced = {who: sum(turn.voiced for turn in scene.speaking.turns if turn.who == who) for who in people}
    chosen = sorted(people, key=lambda who: (-voiced[who], -scene.tracks[who].box.area))[:_MOST_PANES]
    return arranging.split(scene.shot, [_person(scene, shape, who) for who in chosen], shape.size, shape.ratio, why)


def _follow(scene: Scene, shape: Shape, turns: Sequence[tuple[Span, int]], why: str) -> LayoutSpan:
    shown = {who for _, who in turns}
    inset = scene.inset(min(shown))
    if len(shown) == 1 and inset is not None and not shape.keeps_all and _large_inset(scene, shape, min(shown)) is None:
        return arranging.alone(scene.shot, inset, f"{why} Their picture in the picture is too small to be cut.")
    keys: list[CameraKey] = []
    widest = 0.0
    usual = _near_enough(scene, shape, sorted(shown))
    for span, who in turns:
        inset = _large_inset(scene, shape, who)
        frame, within = (usual, arranging.picture(shape.size)) if inset is None else (_in_inset(inset, shape), inset)
        sights = [each for each in _sights(scene.tracks[who]) if span.start - 400 <= each.at <= span.end + 400]
        sights = sights or _sights(scene.tracks[who])
        widest = max(widest, *(each.box.width for each in sights))
        keys += camera.follow(span, sights, frame, within)
    if widest > shape.window.width:
        return arranging.whole(scene.shot, shape.size, shape.ratio, "The face is wider than the window.")
    return LayoutSpan(span=scene.shot, layout="follow", panes=(Pane(camera=tuple(keys)),), why=why)


def _near_enough(scene: Scene, shape: Shape, shown: Sequence[int]) -> Size:
    """The window, nearer where every face in it would be lost in the distance and there are pixels to spare."""
    if any(scene.inset(who) is not None for who in shown):
        return shape.window  # their face is small because their picture is, not because they are far away
    faces = [camera.extent(_sights(scene.tracks[who])) for who in shown]
    tallest = max(face.height for face in faces)
    zoom = min(_NEAREST, _SMALL_FACE * shape.window.height / max(1.0, tallest), shape.window.height / _LEAST_LINES)
    return camera.window(shape.size, shape.ratio, max(1.0, zoom))


def _large_inset(scene: Scene, shape: Shape, who: int) -> Box | None:
    """The picture in the picture that somebody is in, if a window within it is large enough to fill the clip."""
    inset = None if shape.keeps_all else scene.inset(who)
    if inset is None:
        return None
    frame, face = _in_inset(inset, shape), camera.extent(_sights(scene.tracks[who]))
    fits = _WHOLE_HEAD * face.width <= frame.width and _WHOLE_HEAD * face.height <= frame.height
    return inset if fits and not arranging.enlarged(frame.width, shape.output.width) else None


def _in_inset(inset: Box, shape: Shape) -> Size:
    width = min(inset.width, inset.height * shape.ratio)
    return Size(max(2, int(width)), max(2, int(width / shape.ratio)))


def settle(turns: Sequence[Turn], shot: Span, voices: Voices) -> list[tuple[Span, int]]:
    """Turns that the camera follows: without interjections and without moments in which nobody is heard."""
    kept = [turn for turn in turns if turn.who != NOBODY and turn.voiced > 0]
    kept = _merged(kept)
    while len(kept) > 1:
        brief = [turn for turn in kept if turn.voiced < _LEAST_VOICED or turn.span.duration < _LEAST_TURN]
        if not brief:
            break
        kept = _merged([turn for turn in kept if turn is not min(brief, key=lambda turn: turn.voiced)])
    starts = [shot.start, *(_cut_before(turn.span.start, voices) for turn in kept[1:])]
    ends = [*starts[1:], shot.end]
    return [(Span(start, end), turn.who) for start, end, turn in zip(starts, ends, kept, strict=False)]


def _merged(turns: Sequence[Turn]) -> list[Turn]:
    merged: list[Turn] = []
    for turn in turns:
        last = merged[-1] if merged else None
        if last is not None and last.who == turn.who:
            merged[-1] = replace(last, span=Span(last.span.start, turn.span.end), voiced=last.voiced + turn.voiced)
        else:
            merged.append(turn)
    return merged


def _cut_before(start: Millis, voices: Voices) -> Millis:
    """The moment to cut for a turn that begins around `start`: a little before its first sound, in the pause."""
    index = voices.index(start)
    onset = index
    while onset + 1 < len(voices.speech) and not voices.speech[onset]:
        onset += 1
    pause = onset
    while pause > 0 and not voices.speech[pause - 1]:
        pause -= 1
    silent = (onset - pause) * 100
    return voices.start + onset * 100 - min(_LEAD, silent // 2)


def joined(layouts: Sequence[LayoutSpan]) -> tuple[LayoutSpan, ...]:
    """Neighbouring spans of one whole picture are one: nothing happens at their border."""
    kept: list[LayoutSpan] = []
    for each in layouts:
        if kept and each.layout == "fit" and _same_panes(kept[-1], each):
            kept[-1] = kept[-1].model_copy(update={"span": Span(kept[-1].span.start, each.span.end)})
        else:
            kept.append(each)
    return tuple(kept)


def _same_panes(one: LayoutSpan, other: LayoutSpan) -> bool:
    return (
        one.layout == other.layout
        and len(one.panes) == len(other.panes) == 1
        and all(before.box == after.box for before, after in pairwise([*one.panes[0].camera, *other.panes[0].camera]))
    )
