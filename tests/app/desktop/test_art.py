"""The drawings: different by colour and by shape, in every size, on either panel."""

import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from corral.app.desktop.art import COLOURS, app_image, tray_image
from corral.app.desktop.look import Look
from corral.app.desktop.mark import mark_svg

ROOT = Path(__file__).parents[3]
PACKAGING = ROOT / "packaging"


def shape(image: Image.Image) -> bytes:
    """Light and dark only: what somebody sees who sees no colours."""
    return image.convert("L").point(lambda value: 255 if value > 110 else 0).tobytes()


@pytest.mark.parametrize("light", [False, True])
@pytest.mark.parametrize("size", [16, 22, 64])
def test_no_two_look_alike(size: int, light: bool) -> None:
    drawn = {look: tray_image(look, light_panel=light, size=size) for look in Look}
    assert {image.size for image in drawn.values()} == {(size, size)}
    for one, other in itertools.combinations(drawn.values(), 2):
        assert sum(a != b for a, b in zip(shape(one), shape(other), strict=True)) >= size * size // 40


@pytest.mark.parametrize("light", [False, True])
def test_colours_can_be_told_from_the_ground(light: bool) -> None:
    for look in Look:
        colours = tray_image(look, light_panel=light).getcolors(64 * 64)
        assert colours is not None
        assert COLOURS[light][look] in {colour for _, colour in colours}
    assert len(set(COLOURS[light].values())) == len(Look)


@pytest.mark.parametrize("size", [16, 32, 256, 1024])
def test_the_program_s_icon_in_every_size(size: int) -> None:
    image = app_image(size)
    assert image.size == (size, size)
    corner, middle = image.getpixel((0, 0)), image.getpixel((size // 2, size // 2))
    assert isinstance(corner, tuple) and isinstance(middle, tuple)
    assert corner[3] < 128 and middle[3] == 255


def test_the_page_has_the_same_mark() -> None:
    committed = (ROOT / "webui" / "src" / "mark.svg").read_text()
    assert committed == mark_svg(), "python packaging/draw_icons.py writes it anew"


def test_the_files_for_packages(tmp_path: Path) -> None:
    subprocess.run([sys.executable, PACKAGING / "draw_icons.py", tmp_path], check=True)
    names = {each.name for each in tmp_path.iterdir()}
    assert {"corral.ico", "corral.icns", "corral.svg", "corral-16.png", "corral-1024.png"} <= names
    with Image.open(tmp_path / "corral.ico") as icon:
        assert {(16, 16), (32, 32), (256, 256)} <= icon.info["sizes"]
    with Image.open(tmp_path / "corral.icns") as icon:
        assert icon.size == (1024, 1024)
