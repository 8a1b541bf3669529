"""What makes a face: eyes, nose, mouth, hair, beard and glasses, each painted onto a canvas."""

import cv2
import numpy as np

from tools.demo_talk.canvas import CENTRE, Canvas, Mask, darker, lighter
from tools.demo_talk.people import Person


def eyes(canvas: Canvas, person: Person, eyelids: float) -> None:
    opening = 1 - eyelids
    top, low = 392 - 17 * opening, 394 + 10 * opening
    white = canvas.outline(
        [
            (212, 396),
            (228, top + 4),
            (248, top),
            (268, top + 5),
            (284, 398),
            (266, low),
            (246, low + 2),
            (228, low - 1),
        ],
        mirror=True,
    )
    if opening > 0.15:
        canvas.paint(white, (240, 236, 232))
        canvas.paint(white * canvas.oval(249, top - 2, 40, 12, soft=5, mirror=True), (70, 56, 60), 0.55)
        canvas.paint(white * canvas.oval(249, 393, 16.5, 16.5, mirror=True), (30, 24, 24))
        canvas.paint(white * canvas.oval(249, 393, 14.5, 14.5, mirror=True), person.iris)
        canvas.paint(white * canvas.oval(249, 398, 10, 8, soft=3, mirror=True), lighter(person.iris, 60), 0.6)
        canvas.paint(white * canvas.oval(249, 393, 7, 7, mirror=True), (10, 8, 8))
        canvas.paint(canvas.oval(244, 387, 3.6, 3.6) + canvas.oval(386, 387, 3.6, 3.6), (255, 255, 255), 0.95)
    else:
        canvas.paint(canvas.oval(248, 390, 38, 14, soft=3, mirror=True), person.skin)
    lash = 7 if person.long_hair else 5
    canvas.paint(
        canvas.stroke(
            [(208, 397), (228, top + 1), (248, top - 3), (268, top + 2), (286, 399)], lash, soft=0.8, mirror=True
        ),
        (38, 24, 22),
        0.9,
    )
    canvas.paint(
        canvas.stroke([(216, 400), (230, low), (248, low + 3), (266, low), (282, 400)], 2.5, soft=1.2, mirror=True),
        person.shadow,
        0.8,
    )
    canvas.paint(
        canvas.stroke(
            [(208, 386), (226, top - 12), (248, top - 16), (270, top - 10), (286, 388)], 3, soft=1.8, mirror=True
        ),
        person.shadow,
        0.8,
    )
    brow = [(198, 352), (216, 338), (242, 331), (268, 336), (290, 347)]
    canvas.paint(canvas.stroke(brow, person.brow, soft=1.6, mirror=True), person.hair, 0.88)


def nose(canvas: Canvas, person: Person) -> None:
    light = lighter(person.skin, 34)
    canvas.paint(
        canvas.outline([(334, 350), (350, 420), (366, 470), (352, 492), (336, 470), (330, 410)], soft=9),
        person.shadow,
        0.42,
    )
    canvas.paint(canvas.stroke([(294, 352), (302, 380), (302, 400)], 8, soft=7), person.shadow, 0.35)
    canvas.paint(canvas.stroke([(312, 350), (314, 400), (314, 448)], 12, soft=7), light, 0.5)
    canvas.paint(canvas.oval(317, 468, 15, 12, soft=7), light, 0.6)
    canvas.paint(canvas.stroke([(278, 466), (276, 484), (292, 494)], 5, soft=3, mirror=True), person.shadow, 0.7)
    canvas.paint(canvas.oval(301, 492, 9, 4.5, soft=2, mirror=True), (58, 28, 24), 0.85)
    canvas.paint(canvas.stroke([(290, 500), (320, 505), (350, 500)], 6, soft=4), person.shadow, 0.5)


def mouth(canvas: Canvas, person: Person, mouth: float, smile: float) -> None:
    wide = 54 - 8 * mouth
    corner, up, down = 541 - 12 * smile, 541 - 5 * mouth, 544 + 34 * mouth
    left, right = CENTRE - wide, CENTRE + wide
    upper = [
        (left, corner),
        (298, 527 - 3 * mouth),
        (312, 523 - 3 * mouth),
        (320, 527 - 3 * mouth),
        (328, 523 - 3 * mouth),
        (342, 527 - 3 * mouth),
        (right, corner),
        (342, up + 1),
        (320, up + 3),
        (298, up + 1),
    ]
    lower = [
        (left, corner),
        (296, down),
        (320, down + 1),
        (344, down),
        (right, corner),
        (346, down + 15),
        (320, down + 20),
        (294, down + 15),
    ]
    canvas.paint(canvas.oval(320, down + 32, 44, 9, soft=6), person.shadow, 0.45)
    inside = canvas.outline(
        [
            (left, corner),
            (296, up),
            (320, up + 2),
            (344, up),
            (right, corner),
            (344, down + 2),
            (320, down + 4),
            (296, down + 2),
        ]
    )
    canvas.paint(inside, (60, 18, 20))
    if mouth > 0.12:
        canvas.paint(
            inside
            * canvas.outline(
                [(left + 8, up - 8), (right - 8, up - 8), (right - 14, up + 10), (320, up + 13), (left + 14, up + 10)]
            ),
            (238, 232, 224),
        )
        canvas.paint(inside * canvas.oval(320, down + 4, 28, 10 + 6 * mouth, soft=3), (186, 84, 84), 0.8)
    canvas.paint(canvas.outline(upper, soft=0.8), darker(person.lips, 0.86))
    canvas.paint(canvas.outline(lower, soft=0.8), person.lips)
    canvas.paint(canvas.oval(314, down + 10, 18, 4, soft=3), (255, 226, 220), 0.35)
    canvas.paint(
        canvas.oval(left - 1, corner + 1, 6, 5, soft=3) + canvas.oval(right + 1, corner + 1, 6, 5, soft=3),
        person.shadow,
        0.7,
    )


def hair_behind(canvas: Canvas, person: Person) -> None:
    if not person.long_hair:
        return
    back = canvas.outline(
        [
            (320, 92),
            (210, 110),
            (148, 200),
            (128, 340),
            (118, 480),
            (104, 600),
            (130, 690),
            (210, 700),
            (240, 600),
            (400, 600),
            (430, 700),
            (510, 690),
            (536, 600),
            (522, 480),
            (512, 340),
            (492, 200),
            (430, 110),
        ]
    )
    canvas.paint(back, person.hair)
    canvas.paint(back * canvas.oval(320, 560, 110, 150, soft=30), (14, 8, 8), 0.6)
    canvas.paint(
        back * canvas.stroke([(160, 260), (146, 420), (138, 560), (150, 660)], 20, soft=9), person.hair_light, 0.55
    )
    canvas.paint(
        back * canvas.stroke([(484, 280), (496, 440), (500, 580), (486, 660)], 14, soft=9), person.hair_light, 0.35
    )


def hair_in_front(canvas: Canvas, person: Person) -> None:
    if person.long_hair:
        front = canvas.outline(
            [
                (372, 96),
                (270, 88),
                (190, 130),
                (152, 230),
                (150, 372),
                (170, 420),
                (190, 336),
                (228, 284),
                (296, 250),
                (366, 204),
                (408, 218),
                (446, 290),
                (464, 372),
                (478, 430),
                (492, 360),
                (488, 232),
                (446, 130),
            ]
        )
        gloss = [
            [(350, 130), (270, 150), (206, 220)],
            [(330, 112), (240, 128), (184, 196)],
            [(400, 140), (448, 200), (470, 280)],
        ]
    else:
        front = canvas.outline(
            [
                (320, 96),
                (230, 108),
                (172, 170),
                (158, 270),
                (168, 352),
                (182, 352),
                (190, 296),
                (216, 246),
                (300, 228),
                (384, 224),
                (430, 250),
                (450, 298),
                (458, 352),
                (472, 352),
                (482, 270),
                (468, 170),
                (410, 108),
            ]
        )
        gloss = [
            [(240, 150), (300, 128), (370, 132)],
            [(210, 190), (250, 160), (330, 148)],
            [(410, 150), (446, 190), (460, 240)],
        ]
    canvas.paint(np.clip(cv2.GaussianBlur(front, (0, 0), 14) - front, 0, 1), (30, 16, 12), 0.35)
    canvas.paint(front, person.hair)
    for line in gloss:
        canvas.paint(front * canvas.stroke(line, 22, soft=10), person.hair_light, 0.55)


def beard(canvas: Canvas, person: Person, face: Mask, drop: float) -> None:
    around = canvas.outline(
        [
            (176, 440),
            (200, 470),
            (236, 520),
            (276, 512),
            (320, 516),
            (364, 512),
            (404, 520),
            (440, 470),
            (466, 440),
            (450, 560 + drop),
            (400, 620 + drop),
            (320, 650 + drop),
            (240, 620 + drop),
            (190, 560 + drop),
        ],
        soft=7,
    )
    canvas.paint(face * around, person.hair, 0.62)


def glasses(canvas: Canvas) -> None:
    frame = (28, 26, 30)
    for x in (246, 394):
        outer = canvas.outline(
            [(x - 56, 366), (x, 356), (x + 56, 366), (x + 52, 410), (x + 26, 434), (x - 26, 434), (x - 52, 410)]
        )
        inner = canvas.outline(
            [(x - 49, 373), (x, 363), (x + 49, 373), (x + 45, 407), (x + 22, 427), (x - 22, 427), (x - 45, 407)]
        )
        canvas.paint(np.clip(outer - inner, 0, 1), frame, 0.95)
        canvas.paint(inner * canvas.stroke([(x - 40, 418), (x - 8, 372)], 16, soft=6), (255, 255, 255), 0.10)
    canvas.paint(canvas.stroke([(300, 378), (320, 370), (340, 378)], 9), frame, 0.95)
    canvas.paint(canvas.stroke([(192, 374), (170, 370), (160, 368)], 8, mirror=True), frame, 0.9)
