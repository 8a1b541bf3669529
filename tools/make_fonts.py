"""Make the fonts in src/cliply/media/data/fonts from the packages that carry them, and their licence texts.

Run it in an environment of its own that holds the packages of `requirements` below:

    uv run --no-project --with-requirements tools/fonts.txt python tools/make_fonts.py

libass finds a font by its family name and never matches an instance inside a variable font, so every file becomes
one static weight with a family name of its own ("Montserrat Black"). Hinting is dropped: libass draws without it.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import files
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

OUT = Path(__file__).parents[1] / "src/cliply/media/data/fonts"
NOTO = "manimgx-fonts"
BOLD = {"wght": 700.0}


@dataclass(frozen=True, slots=True)
class Cut:
    """One font that is shipped."""

    package: str
    file: str
    family: str
    axes: Mapping[str, float] = field(default_factory=dict)


CUTS = (
    Cut("fontpkg-anton", "Anton-Regular.ttf", "Anton"),
    Cut("fontpkg-archivo-black", "ArchivoBlack-Regular.ttf", "Archivo Black"),
    Cut("fontpkg-bebas-neue", "BebasNeue-Regular.ttf", "Bebas Neue"),
    Cut("fontpkg-dm-serif-display", "DMSerifDisplay-Regular.ttf", "DM Serif Display"),
    Cut("fontpkg-luckiest-guy", "LuckiestGuy-Regular.ttf", "Luckiest Guy"),
    Cut("fontpkg-montserrat", "Montserrat[wght].ttf", "Montserrat Black", {"wght": 900.0}),
    Cut("fontpkg-poppins", "Poppins-Bold.ttf", "Poppins Bold"),
    Cut("fontpkg-poppins", "Poppins-Medium.ttf", "Poppins Medium"),
    Cut(NOTO, "NotoSans[wght].ttf", "Noto Sans Bold", BOLD),
    Cut(NOTO, "NotoEmoji[wght].ttf", "Noto Emoji Bold", BOLD),
    *(
        Cut(NOTO, f"NotoSans{script}[wght].ttf", f"Noto Sans {script} Bold", BOLD)
        for script in (
            "Arabic", "Armenian", "Bengali", "Devanagari", "Georgian", "Gujarati", "Gurmukhi", "Hebrew", "Kannada",
            "Khmer", "Lao", "Malayalam", "Myanmar", "Sinhala", "Tamil", "Telugu", "Thai",
        )
    ),
)  # fmt: skip


def main() -> int:
    OUT.mkdir(parents=True, exist_ok=True)
    for old in [*OUT.glob("*.ttf"), *OUT.glob("LICENSE-*.txt")]:
        old.unlink()
    for cut in CUTS:
        made = OUT / f"{cut.family.replace(' ', '')}.ttf"
        _make(cut, made)
        print(f"{made.stat().st_size:>9,}  {cut.family}")
    for package in sorted({cut.package for cut in CUTS}):
        text = "\n".join(line.rstrip() for line in _find(package, "LICENSE").read_text("utf-8").splitlines())
        (OUT / f"LICENSE-{package}.txt").write_text(text.strip() + "\n", "utf-8")
    print(f"{sum(file.stat().st_size for file in OUT.iterdir()):>9,}  in all")
    return 0


def _make(cut: Cut, made: Path) -> None:
    font = TTFont(_find(cut.package, cut.file), recalcTimestamp=False)
    if cut.axes:
        font = instantiateVariableFont(font, dict(cut.axes), inplace=True)
    options = subset.Options(hinting=False, layout_features=["*"], name_IDs=["*"], notdef_outline=True)
    options.drop_tables += ["DSIG", "MATH", "STAT", "meta"]
    trim = subset.Subsetter(options)
    trim.populate(unicodes=font.getBestCmap().keys())
    trim.subset(font)
    _rename(font, cut.family)
    font.save(made)


def _rename(font: TTFont, family: str) -> None:
    names = font["name"]
    for record in list(names.names):
        if record.nameID in {1, 2, 3, 4, 6, 16, 17, 21, 22, 25}:
            names.removeNames(nameID=record.nameID)
    postscript = family.replace(" ", "") + "-Regular"
    for name_id, text in ((1, family), (2, "Regular"), (3, postscript), (4, family), (6, postscript)):
        names.setName(text, name_id, 3, 1, 0x409)
    # One weight per family: "Regular", or libass would thicken or reject it when it is asked for by family alone.
    font["OS/2"].usWeightClass = 400
    font["OS/2"].fsSelection = (font["OS/2"].fsSelection & ~0b100001) | 0b1000000
    font["head"].macStyle = 0


def _find(package: str, name: str) -> Path:
    found = [file for file in files(package) or [] if file.name == name]
    if not found:
        sys.exit(f"{package} has no {name}; install the packages of tools/fonts.txt.")
    return Path(str(found[0].locate()))


if __name__ == "__main__":
    sys.exit(main())
