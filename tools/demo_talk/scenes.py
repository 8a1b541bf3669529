"""Where people sit and what is behind them; draws one frame at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.demo_talk import canvas, portraits, slides
from tools.demo_talk.canvas import Image
from tools.demo_talk.dialogue import Shot, Speaker
from tools.demo_talk.people import GUEST, HOST, Person

Frame: TypeAlias = NDArray[np.uint8]
WIDTH, HEIGHT = 1920, 1080
RATE = 30
_MOUTHS = 8
_LIDS = (0.1, 0.55, 1.0)
_NECK = (320.0, 690.0)
"""About where a head turns."""
_EYES = slice(300, 450)
_REACH = (85, 70, 555, 780)
"""Left, top, right, bottom of all that a moving head ever covers."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A person in a shot; `left` and `top` are where the head's picture begins, in pixels."""

    speaker: Speaker
    left: float
    top: float
    scale: float


@dataclass(frozen=True, slots=True)
class Pose:
    """One person in one frame."""

    mouth: float
    lids: int
    turn: float
    """Degrees."""
    x: float
    y: float


SHOTS: dict[Shot, tuple[Seat, ...]] = {
    "two": (Seat("host", 250, 210, 0.86), Seat("guest", 1120, 210, 0.86)),
    "host": (Seat("host", 560, 10, 1.22),),
    "guest": (Seat("guest", 600, 10, 1.22),),
    "slide-dance": (Seat("guest", 1500, 640, 0.48),),
    "slide-distance": (Seat("guest", 1500, 640, 0.48),),
}
_PEOPLE: dict[Speaker, Person] = {"host": HOST, "guest": GUEST}
_INSET = (1440, 640, 1860, 1020)
"""Left, top, right, bottom of the small picture on a slide."""


class Studio:
    """All that is painted once, so that a frame costs only two turned heads."""

    def __init__(self) -> None:
        self._heads = {name: _head_pictures(person) for name, person in _PEOPLE.items()}
        bodies = {name: portraits.body(person) for name, person in _PEOPLE.items()}
        self._sets = {shot: _paint_set(shot, seats, bodies) for shot, seats in SHOTS.items()}

    def frame(self, shot: Shot, poses: dict[Speaker, Pose]) -> Frame:
        picture = self._sets[shot].copy()
        window = _INSET if shot.startswith("slide") else (0, 0, WIDTH, HEIGHT)
        for seat in SHOTS[shot]:
            pose = poses[seat.speaker]
            mouth = min(_MOUTHS - 1, round(pose.mouth * (_MOUTHS - 1)))
            _lay(picture, self._heads[seat.speaker][mouth, pose.lids], seat, pose, window)
        return picture


def _head_pictures(person: Person) -> dict[tuple[int, int], tuple[Frame, NDArray[np.uint8]]]:
    """Every mouth with every eyelid; the eyes lie in rows that no mouth reaches."""
    eyes = [portraits.head(person, mouth=0, eyelids=lids)[_EYES] for lids in _LIDS]
    pictures = {}
    for mouth in range(_MOUTHS):
        face = portraits.head(person, mouth=mouth / (_MOUTHS - 1), eyelids=_LIDS[0])
        for lids, band in enumerate(eyes):
            face[_EYES] = band
            pictures[mouth, lids] = _bytes(face[..., :3]), _bytes(face[..., 3])
    return pictures


def _bytes(picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.clip(picture * 255, 0, 255).astype(np.uint8)


def _lay(
    picture: Frame, head: tuple[Frame, NDArray[np.uint8]], seat: Seat, pose: Pose, window: tuple[int, int, int, int]
) -> None:
    """Turn the head about its neck and lay it over the picture, inside the window."""
    left, top = (
        max(window[0], int(seat.left + _REACH[0] * seat.scale)),
        max(window[1], int(seat.top + _REACH[1] * seat.scale)),
    )
    right = min(window[2], int(seat.left + _REACH[2] * seat.scale))
    bottom = min(window[3], int(seat.top + _REACH[3] * seat.scale))
    turn = cv2.getRotationMatrix2D(_NECK, pose.turn, seat.scale)
    turn[:, 2] += np.array(
        [
            seat.left - left + (seat.scale - 1) * _NECK[0] + pose.x * seat.scale,
            seat.top - top + (seat.scale - 1) * _NECK[1] + pose.y * seat.scale,
        ]
    )
    size = right - left, bottom - top
    colour = cv2.warpAffine(head[0], turn, size, flags=cv2.INTER_LINEAR)
    cover = cv2.warpAffine(head[1], turn, size, flags=cv2.INTER_LINEAR)
    part = picture[top:bottom, left:right]
    behind = cv2.multiply(part, cv2.merge([255 - cover] * 3), scale=1 / 255)
    cv2.add(behind, colour, dst=part)


def _paint_set(shot: Shot, seats: tuple[Seat, ...], bodies: dict[Speaker, Image]) -> Frame:
    if shot.startswith("slide"):
        picture = slides.paint(shot, WIDTH, HEIGHT)
        left, top, right, bottom = _INSET
        inset = _room(right - left, bottom - top, shade=0.9)
        _lay_body(inset, bodies["guest"], seats[0], (left, top))
        picture[top:bottom, left:right] = inset
        cv2.rectangle(picture, (left - 3, top - 3), (right + 2, bottom + 2), (235, 235, 235), 6, cv2.LINE_AA)
        return picture
    picture = _room(WIDTH, HEIGHT, shade=1.0 if shot == "two" else 0.92, blur=0 if shot == "two" else 12)
    for seat in seats:
        _lay_body(picture, bodies[seat.speaker], seat, (0, 0))
    (_desk if shot == "two" else _microphone)(picture)
    return picture


def _lay_body(picture: Frame, body: Image, seat: Seat, origin: tuple[int, int]) -> None:
    extra = (body.shape[1] - canvas.WIDTH) / 2
    move = np.array(
        [
            [seat.scale, 0, seat.left - extra * seat.scale - origin[0]],
            [0, seat.scale, seat.top - origin[1]],
        ]
    )
    turned = cv2.warpAffine(body, move, (picture.shape[1], picture.shape[0]), flags=cv2.INTER_AREA)
    mixed = picture * (1 - turned[..., 3:]) + turned[..., :3] * 255
    picture[:] = np.clip(mixed, 0, 255).astype(np.uint8)


def _room(width: int, height: int, *, shade: float, blur: int = 0) -> Frame:
    """A wall in warm light with a shelf out of focus."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    glow = np.exp(-((x - 0.5) ** 2 / 0.18 + (y - 0.35) ** 2 / 0.3))
    wall = np.stack([0.24 + 0.14 * glow, 0.26 + 0.19 * glow, 0.28 + 0.26 * glow], axis=-1)
    picture = np.clip(wall * shade * 255, 0, 255).astype(np.uint8)
    _shelf(picture)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 4 + blur * height / 1080), np.uint8)


def _shelf(picture: Frame) -> None:
    height, width = picture.shape[:2]
    unit = height / 1080
    board = round(300 * unit)
    cv2.rectangle(picture, (0, board), (width, round(board + 16 * unit)), (44, 58, 80), -1)
    spines = np.random.default_rng(3)
    at = 20 * unit
    while at < width:
        thick, tall = spines.uniform(22, 50) * unit, spines.uniform(90, 165) * unit
        if spines.uniform() < 0.72:
            colour = tuple(int(part) for part in spines.uniform(60, 165, 3))
            cv2.rectangle(picture, (round(at), round(board - tall)), (round(at + thick - 4 * unit), board), colour, -1)
        at += thick
    for share in (0.04, 0.5, 0.96):
        top = round(560 * unit), round(width * share)
        cv2.line(picture, (top[1], 0), top[::-1], (34, 38, 44), round(5 * unit), cv2.LINE_AA)
        cv2.circle(
            picture, (round(width * share), round(560 * unit)), round(46 * unit), (150, 205, 245), -1, cv2.LINE_AA
        )


def _desk(picture: Frame) -> None:
    cv2.rectangle(picture, (0, 930), (WIDTH, HEIGHT), (46, 62, 92), -1)
    cv2.rectangle(picture, (0, 930), (WIDTH, 940), (74, 98, 138), -1)
    for x in (690, 1230):
        _stand(picture, x, 860, 0.7)


def _microphone(picture: Frame) -> None:
    _stand(picture, 1290, 900, 1.1)


def _stand(picture: Frame, x: int, y: int, scale: float) -> None:
    """A microphone with its head at x, y."""
    wide, tall = round(34 * scale), round(62 * scale)
    cv2.line(picture, (x, y), (x + round(60 * scale), HEIGHT), (24, 24, 26), round(13 * scale), cv2.LINE_AA)
    cv2.ellipse(picture, (x, y), (wide, tall), -18, 0, 360, (36, 36, 40), -1, cv2.LINE_AA)
    cv2.ellipse(
        picture, (x - wide // 4, y - tall // 5), (wide // 3, tall // 2), -18, 0, 360, (78, 78, 84), -1, cv2.LINE_AA
    )
    cv2.ellipse(
        picture, (x, y + tall // 6), (wide, tall // 8), -18, 0, 180, (150, 150, 156), round(4 * scale), cv2.LINE_AA
    )


def motion(opening: NDArray[np.float64], seed: int) -> Callable[[int, bool], Pose]:
    """How one person moves: sways, nods with the voice, blinks every few seconds."""
    chance = np.random.default_rng(seed)
    phases = chance.uniform(0, 2 * np.pi, 4)
    blinks = set(np.cumsum(chance.integers(70, 170, 200)).tolist())
    slow = np.convolve(opening, np.ones(9) / 9, mode="same")

    def pose(index: int, speaking: bool) -> Pose:
        at = index / RATE
        voice = float(slow[index]) if speaking else 0.0
        lids = 2 if index in blinks or index - 1 in blinks else 1 if index + 1 in blinks or index - 2 in blinks else 0
        return Pose(
            mouth=float(opening[index]) if speaking else 0.0,
            lids=lids,
            turn=1.3 * np.sin(0.9 * at + phases[0]) + 0.8 * np.sin(2.3 * at + phases[1]) + 1.2 * voice * np.sin(5 * at),
            x=5 * np.sin(0.6 * at + phases[2]) + 2 * np.sin(1.9 * at),
            y=3 * np.sin(0.8 * at + phases[3]) + 5 * voice,
        )

    return pose
