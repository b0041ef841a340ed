"""Writes Corral's icon for packages: PNG in every usual size, .ico for Windows, .icns for macOS, and the page's SVG.

python packaging/draw_icons.py FOLDER; without a folder it writes what the page has of it, webui/src/mark.svg
"""

import sys
from pathlib import Path

from corral.app.desktop.art import app_image
from corral.app.desktop.mark import mark_svg

PNG_SIZES = (16, 22, 24, 32, 48, 64, 128, 256, 512, 1024)
ICO_SIZES = (16, 20, 24, 32, 40, 48, 64, 128, 256)
ICNS_SIZES = (16, 32, 64, 128, 256, 512, 1024)
PAGE = Path(__file__).parents[1] / "webui" / "src" / "mark.svg"


def draw_icons(folder: Path) -> list[Path]:
    """Each size is drawn for itself, so that small ones stay sharp; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for size in PNG_SIZES:
        written.append(folder / f"corral-{size}.png")
        app_image(size).save(written[-1])
    for name, sizes in (("corral.ico", ICO_SIZES), ("corral.icns", ICNS_SIZES)):
        *small, large = (app_image(size) for size in sizes)
        written.append(folder / name)
        if name.endswith(".ico"):
            large.save(written[-1], sizes=[(size, size) for size in sizes], append_images=small)
        else:
            large.save(written[-1], append_images=small)
    written.append(folder / "corral.svg")
    written[-1].write_text(mark_svg())
    return written


if __name__ == "__main__":
    if len(sys.argv) > 1:
        draw_icons(Path(sys.argv[1]))
    else:
        PAGE.write_text(mark_svg())
