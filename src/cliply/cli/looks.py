"""`cliply styles`: the caption styles, as a list and as a picture."""

from pathlib import Path
from typing import Annotated

import typer

from cliply.cli.console import JsonFlag, print_json
from cliply.media.captions.sheet import PICTURES, style_sheet
from cliply.media.captions.styles import load_style, style_names


def register(app: typer.Typer) -> None:
    app.command()(styles)


def styles(
    sheet: Annotated[Path | None, typer.Option(help="Draw every style into this picture (.png or .jpg).")] = None,
    json: JsonFlag = False,
) -> None:
    """List the caption styles, or draw a sheet that shows each."""
    found = {name: load_style(name) for name in style_names()}
    if sheet is not None:
        if sheet.suffix.lower() not in PICTURES:
            raise typer.BadParameter(f"{sheet} must end in .png or .jpg.")
        style_sheet(sheet)
    if json:
        print_json({"styles": {name: style.model_dump(mode="json") for name, style in found.items()}})
    elif sheet is not None:
        typer.echo(sheet)
    else:
        for name, style in found.items():
            typer.echo(f"{name:12} {style.description}")
