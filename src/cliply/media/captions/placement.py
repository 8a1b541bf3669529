"""Where captions and hook line go: clear of faces, and of what the networks' apps draw over a clip.

One place for the whole clip, so that a reader knows where to look. Only where that is bad, as when a clip turns from
one close face to two pictures, a layout gets a place of its own: the captions move when the picture changes anyway.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cliply.media.captions.covering import (
    GAP,
    TOUCHED,
    covered_features,
    emoji_box,
    faces_behind,
    matters,
    share_covered,
    text_box,
    touches,
    with_gap,
)
from cliply.media.captions.fonts import uncovered
from cliply.media.captions.hook import place_cover_title, place_title
from cliply.media.captions.seen import SeenFace, seen_faces
from cliply.media.captions.typeset import PlacedBlock, Typesetter, blocks, middle_of, typesetter
from cliply.media.captions.zones import free_band, zones
from cliply.media.edit import ClipEdit, EditWord, Hook, LayoutSpan
from cliply.media.types import Box, FaceAt, Millis, Span

_STEPS = 60
_OFTEN = 0.2
"""Share of screens from which it is worth a change of the captions' shape that they touch a face."""
_HIDING = 3
"""How much worse it is to hide eyes or a mouth than to touch a face."""
_LOWEST_HOOK = 0.5
_NEVER = 100.0
"""What text on text costs: more than anything that a face could."""
# Profile pages show the middle of a cover, in 3:4.
_HIGHEST_TITLE, _LOWEST_TITLE = 0.18, 0.84
READ: Millis = 2000
"""After so long a hook line has been read."""
# How much better, in what a place costs, another one must be for the captions to move there with a layout, and how
# much worse one may be that another layout uses already.
_WORTH_MOVING, _NO_WORSE = 0.2, 0.15
_HIDDEN = 5.0
"""More than a title's whole way over the cover."""
_HOOK_OVER_FACE = 0.3
"""A hook line is soon gone: on a face it is as bad as this share of the captions there."""
_GRACE: Millis = 400
"""A face that passes behind the text for less than this is no finding."""


def place_captions(edit: ClipEdit, faces: Sequence[FaceAt], *, taken: Sequence[Box] = ()) -> ClipEdit:
    """`edit` with its captions placed where they cover faces least, without emoji that would cover what matters.

    Where they would often touch a face, as below the chin of one that is shown close, they get a single line if that
    keeps clear. Faces are in source pixels and time; what is `taken`, as by a logo, is in pixels of the finished
    picture.
    """
    usual = _placed(edit, faces, taken)
    bad = _touching(usual, faces)
    if edit.captions.lines is not None or bad <= _OFTEN:
        return usual
    captions = edit.captions.model_copy(update={"lines": 1})
    single = _placed(edit.model_copy(update={"captions": captions}), faces, taken)
    return single if _touching(single, faces) <= bad / 2 else usual


def _placed(edit: ClipEdit, faces: Sequence[FaceAt], taken: Sequence[Box]) -> ClipEdit:
    search = _Search.of(edit, faces, taken)
    position = search.position
    used: list[float] = []
    layouts: list[LayoutSpan] = []
    for layout in edit.layouts:
        own = search.own_position(layout, position, used)
        if own is not None and own not in used:
            used.append(own)
        layouts.append(layout.model_copy(update={"caption_position": own}))
    captions = edit.captions.model_copy(update={"position": position})
    return _without_bad_emoji(edit.model_copy(update={"captions": captions, "layouts": tuple(layouts)}), faces)


def _touching(edit: ClipEdit, faces: Sequence[FaceAt]) -> float:
    """The share of screens whose text touches a face, be it only a chin; one on eyes or mouth counts more."""
    setter = typesetter(edit)
    placed = blocks(edit, setter, middle_of(edit, setter))
    bad = 0.0
    for block, behind in zip(placed, faces_behind(seen_faces(edit, faces), placed), strict=True):
        text = text_box(block, setter)
        bad += _noticed(block, behind, {face.at for face in behind if share_covered(face.box, text) > TOUCHED})
        hidden = {face.at for face in behind if covered_features(face, text) > TOUCHED}
        bad += _HIDING * _noticed(block, behind, hidden)
    return bad / max(1, len(placed))


@dataclass(frozen=True, slots=True)
class _Search:
    """The captions of a clip and what is behind them, to be tried at other heights."""

    edit: ClipEdit
    base: float
    """Where the style wants them, and where `placed` are."""
    height: float
    placed: tuple[PlacedBlock, ...]
    behind: tuple[tuple[SeenFace, ...], ...]
    """The faces of each block's time."""
    layouts: tuple[LayoutSpan, ...]
    """The layout of each block's time."""
    hook: Box | None
    taken: Sequence[Box]
    lowest: float
    highest: float

    @classmethod
    def of(cls, edit: ClipEdit, faces: Sequence[FaceAt], taken: Sequence[Box]) -> "_Search":
        setter = typesetter(edit)
        unplaced = _without_emoji(_unplaced(edit), edit.words)
        base = middle_of(unplaced, setter)
        placed = blocks(unplaced, setter, base)
        height = setter.size.height
        half = setter.block_height(max((len(block.lines) for block in placed), default=1)) / 2 / height
        top, bottom = free_band(edit.output.aspect)
        lowest, highest = top + half, bottom - half
        seen = faces_behind(seen_faces(edit, faces), placed)
        layouts = tuple(edit.layout_during(block.start, block.end) for block in placed)
        hook = hook_box(edit, setter)
        return cls(edit, base, height, placed, seen, layouts, hook, taken, lowest, max(lowest, highest))

    @property
    def position(self) -> float:
        if not self.placed:
            return self.base
        return self._best(range(len(self.placed)), _seam(self.edit))

    def own_position(self, layout: LayoutSpan, position: float, used: Sequence[float]) -> float | None:
        """A better place than `position` while `layout` is shown, one of those `used` if that is as good."""
        shown = [at for at, each in enumerate(self.layouts) if each is layout]
        if not shown:
            return None
        cost = self._cost(shown, _seam_of(layout))
        best = self._best(shown, _seam_of(layout))
        chosen = next((each for each in used if cost(each) <= cost(best) + _NO_WORSE), best)
        return chosen if cost(chosen) + _WORTH_MOVING < cost(position) else None

    def _best(self, shown: Sequence[int], seam: float | None) -> float:
        wanted = self.base if seam is None else seam
        return round(_cheapest(self._cost(shown, seam), self.lowest, self.highest, wanted), 4)

    def _cost(self, shown: Sequence[int], seam: float | None) -> Callable[[float], float]:
        """How bad a place is for the blocks `shown`: what it hides, then how far it is from where it is looked for."""
        wanted = self.base if seam is None else seam

        def cost(middle: float) -> float:
            covered = self._mean(middle, shown, lambda face, box: share_covered(face.box, box))
            features = self._mean(middle, shown, covered_features)
            under = 4 * covered + 10 * features + 6 * self._hidden(middle, shown) / len(shown)
            over = _NEVER * (self._over_hook(middle, shown) + self._over_taken(middle, shown))
            return under + over + self._over_screen(middle, shown) + abs(middle - wanted)

        return cost

    def _hidden(self, middle: float, shown: Sequence[int]) -> int:
        """How many of the blocks would hide eyes or a mouth for long enough to be noticed."""
        hidden = 0
        for each in shown:
            box = self._at(middle, each)
            hits = {face.at for face in self.behind[each] if covered_features(face, box) > TOUCHED}
            hidden += _noticed(self.placed[each], self.behind[each], hits)
        return hidden

    def _mean(self, middle: float, shown: Sequence[int], measure: Callable[[SeenFace, Box], float]) -> float:
        found = [measure(face, self._at(middle, each)) for each in shown for face in self.behind[each]]
        return sum(found) / max(1, len(found))

    def _over_hook(self, middle: float, shown: Sequence[int]) -> float:
        if self.hook is None or self.edit.hook is None:
            return 0.0
        until = self.edit.hook.milliseconds
        early = [self._at(middle, each) for each in shown if self.placed[each].start < until]
        around = with_gap(self.hook, self.height)
        return sum(box.overlap(around) > 0 for box in early) / max(1, len(early))

    def _over_taken(self, middle: float, shown: Sequence[int]) -> float:
        boxes = [self._at(middle, each) for each in shown]
        return sum(touches(box, self.taken, self.height) for box in boxes) / max(1, len(boxes))

    def _over_screen(self, middle: float, shown: Sequence[int]) -> float:
        boxes = [(self._at(middle, each), self._kept_clear(self.layouts[each])) for each in shown]
        return sum(share_covered(box, kept) for box, kept in boxes if kept is not None) / len(boxes)

    def _kept_clear(self, layout: LayoutSpan) -> Box | None:
        """A screen, or a whole picture on its backdrop where the captions fit above or below it."""
        picture = _fitted_box(self.edit, layout)
        if picture is None:
            return _screen_box(self.edit, layout)
        room = max((block.box.height for block in self.placed), default=0.0) / 2
        clear = self.lowest * self.height <= picture.y - room or picture.bottom + room <= self.highest * self.height
        return picture if clear else None

    def _at(self, middle: float, block: int) -> Box:
        return _moved(self.placed[block].box, (middle - self.base) * self.height)


def hook_length(edit: ClipEdit) -> Millis:
    """How long the hook line is shown: until a screen appears that is there to be read, if it has been read by then."""
    if edit.hook is None:
        return 0
    starts = (edit.clip_time(each.span.start) for each in edit.layouts if _screen_box(edit, each) is not None)
    return min([edit.hook.milliseconds, *(start for start in starts if start >= READ)])


def choose_hook_position(
    edit: ClipEdit, faces: Sequence[FaceAt], *, taken: Sequence[Box] = (), anywhere: bool = False
) -> float | None:
    """The middle of the hook line, as near to the top as no face and nothing `taken` is covered.

    In the upper half unless `anywhere` will do; None without a hook line.
    """
    setter = typesetter(edit)
    hook = edit.hook
    box = hook_box(edit.model_copy(update={"hook": hook and hook.model_copy(update={"position": None})}), setter)
    if box is None or hook is None:
        return None
    height = setter.size.height
    base = box.centre[1] / height
    seen = [face for face in seen_faces(edit, faces) if face.at < hook.milliseconds]
    screens = _screens_until(edit, hook.milliseconds)

    def cost(middle: float) -> float:
        moved = _hook_at(hook, middle, setter, edit.language)
        hidden = sum(share_covered(face.box, moved) + 2 * covered_features(face, moved) for face in seen)
        over_screen = max((share_covered(moved, screen) for screen in screens), default=0.0)
        over_taken = _NEVER * touches(moved, taken, height)
        return 10 * hidden / max(1, len(seen)) + over_screen + over_taken + (middle - base)

    lowest = free_band(edit.output.aspect)[1] - box.height / 2 / height if anywhere else _LOWEST_HOOK
    return round(_cheapest(cost, base, max(base, lowest), base), 4)


def choose_title_position(
    title: str, setter: Typesetter, faces: Sequence[SeenFace], wanted: Sequence[float], language: str
) -> float:
    """The middle of a cover's title, as near to one of the places `wanted` as it covers no eyes and no mouth."""
    height = setter.size.height

    def cost(middle: float) -> float:
        box = place_cover_title(title, setter, language, middle).box
        covered = sum(3 * share_covered(face.box, box) + 10 * covered_features(face, box) for face in faces)
        # One pair of eyes is as bad among many faces as alone: it must not be lost in a mean.
        hidden = _HIDDEN * any(covered_features(face, box) > TOUCHED for face in faces)
        return hidden + covered / max(1, len(faces)) + min(abs(box.centre[1] / height - each) for each in wanted)

    return round(_cheapest(cost, _HIGHEST_TITLE, _LOWEST_TITLE, wanted[0]), 4)


def hook_box(edit: ClipEdit, setter: Typesetter | None = None) -> Box | None:
    """What the hook line covers while it is shown."""
    if edit.hook is None or not edit.hook.text.strip():
        return None
    return _hook_at(edit.hook, edit.hook.position, setter or typesetter(edit), edit.language)


def _hook_at(hook: Hook, middle: float | None, setter: Typesetter, language: str) -> Box:
    return place_title(hook.text, setter, language, size=setter.style.hook.size, middle=middle).box


def caption_boxes_until(edit: ClipEdit, until: Millis) -> list[Box]:
    """What the captions cover before a moment of the clip."""
    setter = typesetter(edit)
    return [block.box for block in blocks(edit, setter, middle_of(edit, setter)) if block.start < until]


def caption_rows(edit: ClipEdit) -> list[tuple[float, float]]:
    """The rows that captions ever stand in, from and to, as shares of the height; without overlaps."""
    setter = typesetter(edit)
    height = setter.size.height
    rows: list[tuple[float, float]] = []
    for block in sorted(blocks(edit, setter, middle_of(edit, setter)), key=lambda block: block.box.y):
        top = min([block.box.y, *(each.y for each in emoji_box(block, setter))]) / height - GAP
        bottom = block.box.bottom / height + GAP
        if rows and top <= rows[-1][1]:
            top, bottom = rows[-1][0], max(rows.pop()[1], bottom)
        rows.append((max(0.0, top), min(1.0, bottom)))
    return rows


def conflicts(edit: ClipEdit, faces: Sequence[FaceAt]) -> list[str]:
    """What is wrong with where the text stands, one sentence for each kind; empty if nothing is."""
    setter = typesetter(edit)
    placed = blocks(edit, setter, middle_of(edit, setter))
    seen = seen_faces(edit, faces)
    found = []
    if hits := _screens_over_faces(placed, seen, setter):
        screens = f"{hits} of {len(placed)} screens" if len(placed) > 1 else "the one screen there is"
        found.append(f"The captions cover a face in {screens}.")
    found += _under_apps(edit, [block.box for block in placed], "caption text")
    hook = hook_box(edit, setter)
    if hook is not None and edit.hook is not None:
        until = edit.hook.milliseconds
        found += _under_apps(edit, [hook], "hook line")
        if _covers_face(hook, seen, until):
            found.append("The hook line covers a face.")
        if any(block.start < until and block.box.overlap(hook) > 0 for block in placed):
            found.append("The captions run into the hook line.")
    text = "".join(token.text for block in placed for line in block.lines for token in (w.token for w in line.words))
    if missing := uncovered(text, setter.face):
        found.append(f"No font shows these characters of the captions: {' '.join(missing[:12])}")
    return found


def harm(edit: ClipEdit, faces: Sequence[FaceAt]) -> float:
    """How bad the places of hook line and captions are: the share of screens on a face, and more for a hook line."""
    setter = typesetter(edit)
    placed, seen = blocks(edit, setter, middle_of(edit, setter)), seen_faces(edit, faces)
    share = _screens_over_faces(placed, seen, setter) / max(1, len(placed))
    hook = hook_box(edit, setter)
    if hook is None or edit.hook is None:
        return share
    until = edit.hook.milliseconds
    on_text = any(block.start < until and block.box.overlap(hook) > 0 for block in placed)
    return share + _HOOK_OVER_FACE * _covers_face(hook, seen, until) + _NEVER * on_text


def _screens_over_faces(placed: Sequence[PlacedBlock], seen: Sequence[SeenFace], setter: Typesetter) -> int:
    behind = faces_behind(seen, placed)
    return sum(_over_face(block, each, setter) for block, each in zip(placed, behind, strict=True))


def _covers_face(hook: Box, seen: Sequence[SeenFace], until: Millis) -> bool:
    # By moments: one face is as bad among many as alone.
    moments = {face.at for face in seen if face.at < until}
    return len({face.at for face in seen if face.at < until and matters(face, hook)}) > len(moments) / 4


def _over_face(block: PlacedBlock, behind: Sequence[SeenFace], setter: Typesetter) -> bool:
    """Whether the block covers what matters of a face for long enough to be noticed."""
    drawn = [text_box(block, setter), *emoji_box(block, setter)]
    hits = {face.at for face in behind if any(matters(face, box) for box in drawn)}
    return _noticed(block, behind, hits)


def _noticed(block: PlacedBlock, behind: Sequence[SeenFace], hits: set[Millis]) -> bool:
    """Whether the moments of `hits` are a noticeable part of a block's time."""
    length = block.end - block.start
    step = length / max(1, len({face.at for face in behind}))
    return bool(hits) and len(hits) * step >= min(_GRACE, length / 2)


def _under_apps(edit: ClipEdit, boxes: Sequence[Box], what: str) -> Iterator[str]:
    size = edit.output.size
    for zone in zones(edit.output.aspect):
        place = zone.place
        area = Box(place.x * size.width, place.y * size.height, place.width * size.width, place.height * size.height)
        if any(box.overlap(area) > 0.01 * box.area for box in boxes):
            yield f"The {what} reaches under the {zone.what} of {zone.network}."


def _seam(edit: ClipEdit) -> float | None:
    """Where one picture ends and the next begins below it, for the layout that is shown longest."""
    lasts: dict[float | None, int] = {}
    for layout in edit.layouts:
        seam = _seam_of(layout)
        shown = sum(layout.span.overlap(span) for span in edit.spans)
        lasts[seam] = lasts.get(seam, 0) + shown
    return max(lasts, key=lambda seam: lasts[seam]) if lasts else None


def _seam_of(layout: LayoutSpan) -> float | None:
    edges = [pane.place.y for pane in layout.panes if pane.place.y > 0.2]
    return min(edges, key=lambda edge: abs(edge - 0.6)) if edges else None


def _screen_box(edit: ClipEdit, layout: LayoutSpan) -> Box | None:
    """What the screen of a stack covers of the finished picture: it is there to be read."""
    if layout.layout != "stack":
        return None
    place, size = layout.panes[0].place, edit.output.size
    return Box(place.x * size.width, place.y * size.height, place.width * size.width, place.height * size.height)


def _fitted_box(edit: ClipEdit, layout: LayoutSpan) -> Box | None:
    """Where the whole picture stands on a blurred enlargement of itself."""
    pane = layout.panes[0]
    if layout.layout != "fit" or pane.backdrop == "none":
        return None
    size, shown = edit.output.size, pane.camera[0]
    scale = min(size.width / shown.width, size.height / shown.height)
    width, height = shown.width * scale, shown.height * scale
    return Box((size.width - width) / 2, (size.height - height) / 2, width, height)


def _screens_until(edit: ClipEdit, until: Millis) -> list[Box]:
    shown = [each for each in edit.layouts if any(each.span.overlap(span) for span in edit.spans)]
    boxes = [_screen_box(edit, each) for each in shown if edit.clip_time(each.span.start) < until]
    return [box for box in boxes if box is not None]


def _moved(box: Box, down: float) -> Box:
    return Box(box.x, box.y + down, box.width, box.height)


def _cheapest(cost: Callable[[float], float], lowest: float, highest: float, wanted: float) -> float:
    steps = [lowest + (highest - lowest) * step / _STEPS for step in range(_STEPS + 1)]
    return min([min(max(wanted, lowest), highest), *steps], key=cost)


def _without_bad_emoji(edit: ClipEdit, faces: Sequence[FaceAt]) -> ClipEdit:
    """`edit` without the emoji that would touch a face or the hook line, or lie under what the apps draw.

    Words may cover a chin where there is no other room; an ornament may not.
    """
    setter = typesetter(edit)
    placed = blocks(edit, setter, middle_of(edit, setter))
    top = free_band(edit.output.aspect)[0] * setter.size.height
    hook, until = hook_box(edit, setter), edit.hook.milliseconds if edit.hook else 0
    bad: list[Span] = []
    for block, behind in zip(placed, faces_behind(seen_faces(edit, faces), placed), strict=True):
        for box in emoji_box(block, setter):
            over_hook = hook is not None and block.start < until and box.overlap(hook) > 0
            if box.y < top or over_hook or any(face.box.overlap(box) > 0 for face in behind):
                bad.append(Span(block.start, block.end))
    return _without_emoji(edit, [each for each in edit.words if _during(edit, each, bad)])


def _during(edit: ClipEdit, word: EditWord, spans: Sequence[Span]) -> bool:
    return any(span.contains(edit.clip_time(word.start)) for span in spans)


def _without_emoji(edit: ClipEdit, words: Sequence[EditWord]) -> ClipEdit:
    plain = set(words)
    changed = (each.model_copy(update={"emoji": None}) if each in plain else each for each in edit.words)
    return edit.model_copy(update={"words": tuple(changed)})


def _unplaced(edit: ClipEdit) -> ClipEdit:
    captions = edit.captions.model_copy(update={"position": None})
    layouts = tuple(layout.model_copy(update={"caption_position": None}) for layout in edit.layouts)
    return edit.model_copy(update={"captions": captions, "layouts": layouts})
