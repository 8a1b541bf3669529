"""A creator's own look, read from a small TOML file.

logo = "logo.png"
colour = "#FFD400"
font = "Our-Font.ttf"
intro = "intro.mp4"
outro = "outro.mp4"
"""

import tomllib
from pathlib import Path

from pydantic import ValidationError

from cliply.errors import Invalid, NotAllowed, NotFound
from cliply.media.document import fault
from cliply.media.edit import Brand

_FILES = ("logo", "font", "intro", "outro")
_KINDS = {"logo": (".png", ".jpg", ".jpeg", ".webp"), "font": (".ttf", ".otf")}


def load_brand(path: Path) -> Brand:
    """Read a brand file; its paths become absolute. Raises NotFound and Invalid with the name that is wrong."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as absent:
        raise NotFound(f"The brand file {path} does not exist. Check the name and the folder.") from absent
    except PermissionError as refused:
        raise NotAllowed(f"The brand file {path} may not be read. Check its permissions.") from refused
    except OSError as refused:
        raise Invalid(f"The brand file {path} cannot be read ({refused.strerror}). Name a TOML file.") from refused
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as broken:
        raise Invalid(f"The brand file {path} cannot be read: {broken}.") from broken
    try:
        brand = Brand.model_validate(told)
    except ValidationError as wrong:
        problems = "; ".join(fault(each) for each in wrong.errors())
        raise Invalid(f"The brand file {path} cannot be used: {problems}.") from wrong
    return brand.model_copy(update={name: _located(path, name, getattr(brand, name)) for name in _FILES})


def _located(brand_file: Path, name: str, named: Path | None) -> Path | None:
    if named is None:
        return None
    found = (brand_file.parent / named.expanduser()).absolute()
    if not found.is_file():
        raise NotFound(f"The {name} {named} that {brand_file} names does not exist. Check the name and the folder.")
    if name in _KINDS and found.suffix.lower() not in _KINDS[name]:
        raise Invalid(f"The {name} {named} must be one of {', '.join(_KINDS[name])}.")
    return found
