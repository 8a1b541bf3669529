from pathlib import Path

import pytest
from PIL import Image
from tests.media.captions.scenes import caption_boxes, edit_of, spoken

from cliply.media.assemble import placed
from cliply.media.captions.placement import hook_box
from cliply.media.edit import Brand
from cliply.media.rendering.logo import logo_box, write_logo
from cliply.media.types import Size


@pytest.mark.parametrize("shape", [(400, 400), (800, 200), (40, 900)])
def test_a_logo_covers_the_box_that_is_kept_for_it(tmp_path: Path, shape: tuple[int, int]) -> None:
    file = tmp_path / "own.png"
    Image.new("RGBA", shape, "red").save(file)
    size = Size(1080, 1920)

    box = logo_box(Brand(logo=file, logo_corner="bottom-right"), "9:16", size)
    with Image.open(write_logo(file, 0.16, size, tmp_path)) as made:
        drawn = made.size

    assert box is not None
    assert (box.width, box.height) == pytest.approx(drawn, abs=3)
    assert box.right == pytest.approx(1080 - 49, abs=1)


@pytest.mark.parametrize("corner", ["top-left", "top-right", "bottom-left"])
def test_text_keeps_clear_of_the_logo(tmp_path: Path, corner: str) -> None:
    file = tmp_path / "own.png"
    Image.new("RGBA", (400, 300), "red").save(file)
    brand = Brand.model_validate({"logo": file, "logo_corner": corner})
    words = spoken("so this is what I told them and nobody believed a single word of it")
    edit = placed(edit_of(words, hook="Nobody believed a single word that I told them", brand=brand), [])

    box, hook = logo_box(brand, "9:16", edit.output.size), hook_box(edit)

    assert box is not None
    assert hook is not None
    assert hook.overlap(box) == 0
    assert not [block for block in caption_boxes(edit) if block.box.overlap(box) > 0]
