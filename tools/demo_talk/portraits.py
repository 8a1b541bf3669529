"""Two people who do not exist, painted from curves: every sprite is a head with a given mouth and eyelids.

Painted people need no picture of anybody, and the mouth, the eyelids and the brows can move as a photograph's cannot.
"""

from tools.demo_talk import features
from tools.demo_talk.canvas import CENTRE, Canvas, Image, Mask, darker, lighter
from tools.demo_talk.people import Person


def head(person: Person, *, mouth: float, eyelids: float, smile: float = 0.5) -> Image:
    """The head and neck of `person`; `mouth` 0 closed to 1 wide open, `eyelids` 0 open to 1 shut."""
    canvas = Canvas()
    drop = mouth * 16
    face = _face_outline(canvas, person, drop)
    features.hair_behind(canvas, person)
    _neck(canvas, person)
    _ears(canvas, person)
    _face(canvas, person, face, drop)
    if person.beard:
        features.beard(canvas, person, face, drop)
    features.eyes(canvas, person, eyelids)
    features.nose(canvas, person)
    features.mouth(canvas, person, mouth, smile)
    features.hair_in_front(canvas, person)
    if person.glasses:
        features.glasses(canvas)
    return canvas.picture


def body(person: Person) -> Image:
    """Shoulders and clothes to be laid under the head; wider and taller, with the same middle and top."""
    canvas = Canvas(1000, 1200)
    shoulders = canvas.outline(
        [
            (320, 640),
            (250, 652),
            (150, 690),
            (48, 734),
            (-16, 800),
            (-60, 960),
            (-90, 1260),
            (730, 1260),
            (700, 960),
            (656, 800),
            (592, 734),
            (490, 690),
            (390, 652),
        ]
    )
    dark = darker(person.shirt, 0.45)
    canvas.paint(shoulders, person.shirt)
    canvas.paint(shoulders * canvas.outline([(640, 600), (480, 700), (450, 1300), (900, 1300)], soft=44), dark, 0.75)
    canvas.paint(shoulders * canvas.outline([(-200, 700), (20, 860), (60, 1300), (-200, 1300)], soft=40), dark, 0.4)
    canvas.paint(shoulders * canvas.oval(320, 668, 105, 60, soft=18), dark, 0.6)
    canvas.paint(shoulders * canvas.stroke([(110, 740), (126, 860), (120, 1100)], 8, soft=8, mirror=True), dark, 0.7)
    canvas.paint(shoulders * canvas.stroke([(300, 800), (290, 940), (306, 1150)], 10, soft=10), dark, 0.4)
    canvas.paint(
        canvas.outline([(258, 640), (228, 668), (290, 752), (322, 790), (322, 720)], mirror=True), person.collar
    )
    canvas.paint(canvas.stroke([(232, 672), (288, 752), (320, 792)], 5, soft=2, mirror=True), (20, 20, 26), 0.35)
    return canvas.picture


def _face_outline(canvas: Canvas, person: Person, drop: float) -> Mask:
    jaw, chin = person.jaw, 612 + drop
    right = [
        (320.0, 172.0),
        (392, 184),
        (448, 240),
        (466, 330),
        (462, 410),
        (452, 476),
        (320 + jaw, 548 + drop * 0.7),
        (320 + jaw * 0.52, 598 + drop),
    ]
    left = [(2 * CENTRE - x, y) for x, y in right[:0:-1]]
    return canvas.outline([*right, (320.0, chin), *left])


def _neck(canvas: Canvas, person: Person) -> None:
    neck = canvas.outline([(252, 540), (254, 620), (236, 668), (320, 760), (404, 668), (386, 620), (388, 540)])
    canvas.paint(neck, person.skin)
    canvas.paint(neck, person.shadow, 0.45)
    canvas.paint(neck * canvas.oval(330, 610, 86, 46, soft=14), person.shadow, 0.75)


def _ears(canvas: Canvas, person: Person) -> None:
    ear = canvas.outline([(184, 384), (160, 366), (150, 396), (160, 440), (176, 470), (188, 458)], mirror=True)
    canvas.paint(ear, person.skin)
    canvas.paint(
        ear * canvas.outline([(180, 396), (166, 388), (164, 420), (176, 452)], soft=5, mirror=True), person.shadow, 0.6
    )


def _face(canvas: Canvas, person: Person, face: Mask, drop: float) -> None:
    canvas.paint(face, person.skin)
    light = lighter(person.skin, 26)
    canvas.paint(face * canvas.oval(270, 290, 92, 80, soft=40), light, 0.75)
    canvas.paint(face * canvas.oval(256, 440, 40, 34, soft=18), light, 0.6)
    canvas.paint(face * canvas.oval(312, 588 + drop, 30, 16, soft=12), light, 0.5)
    # Light comes from the upper left: the right side, the temples and the jaw's underside fall off.
    canvas.paint(
        face * canvas.outline([(410, 150), (500, 300), (500, 620), (370, 650), (436, 480), (440, 330)], soft=26),
        person.shadow,
        0.62,
    )
    canvas.paint(
        face * canvas.outline([(160, 230), (196, 330), (194, 450), (240, 580), (140, 600), (120, 320)], soft=22),
        person.shadow,
        0.42,
    )
    canvas.paint(face * canvas.oval(320, 640 + drop, 120, 26, soft=16), person.shadow, 0.7)
    canvas.paint(face * canvas.oval(232, 462, 44, 30, soft=22), person.blush, 0.5)
    canvas.paint(face * canvas.oval(408, 462, 44, 30, soft=22), person.blush, 0.5)
    canvas.paint(face * canvas.oval(246, 374, 52, 28, soft=13, mirror=True), person.shadow, 0.42)
    canvas.paint(
        face * canvas.stroke([(276, 470), (256, 500), (250, 534)], 7, soft=6, mirror=True), person.shadow, 0.30
    )
