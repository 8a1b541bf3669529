"""Two people who do not exist."""

from dataclasses import dataclass

from tools.demo_talk.canvas import Colour


@dataclass(frozen=True, slots=True)
class Person:
    """What makes one face differ from another."""

    skin: Colour
    shadow: Colour
    blush: Colour
    hair: Colour
    hair_light: Colour
    iris: Colour
    lips: Colour
    shirt: Colour
    collar: Colour
    jaw: float
    """Half the width of the jaw in units."""
    brow: float
    """Thickness of the brows in units."""
    long_hair: bool
    glasses: bool
    beard: bool


GUEST = Person(
    skin=(232, 184, 152),
    shadow=(172, 112, 84),
    blush=(224, 128, 108),
    hair=(74, 42, 28),
    hair_light=(128, 78, 50),
    iris=(72, 104, 84),
    lips=(186, 82, 80),
    shirt=(34, 92, 104),
    collar=(230, 226, 214),
    jaw=104,
    brow=10,
    long_hair=True,
    glasses=False,
    beard=False,
)
HOST = Person(
    skin=(164, 112, 80),
    shadow=(98, 58, 40),
    blush=(168, 88, 66),
    hair=(26, 22, 24),
    hair_light=(62, 54, 54),
    iris=(58, 36, 24),
    lips=(134, 70, 62),
    shirt=(186, 92, 44),
    collar=(40, 38, 48),
    jaw=118,
    brow=15,
    long_hair=False,
    glasses=True,
    beard=True,
)
