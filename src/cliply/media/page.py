"""index.html: a page to look at what was made, offline."""

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from cliply.media.cache import write_text
from cliply.media.documents import ClipsDocument

PAGE_FILE = "index.html"


def write_page(document: ClipsDocument, folder: Path) -> Path:
    """Write the page for `document` into `folder`, whole or not at all."""
    environment = Environment(
        loader=PackageLoader("cliply.media", "data/page"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = folder / PAGE_FILE
    write_text(page, environment.get_template("index.html.jinja").render(document=document))
    return page
