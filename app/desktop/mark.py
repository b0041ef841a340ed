"""Corral's mark, as numbers: a fence around three machines. The program's icon, the tray and the page all draw this."""

from dataclasses import dataclass
from typing import Final

UNITS: Final = 32.0  # the mark's own grid; a border of 2 is one sharp pixel at 16 px

Rgb = tuple[int, int, int]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Square:
    """One with round corners, as far from the grid's edges as `inset`."""

    inset: float
    radius: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """A square that is drawn, not filled; its outer edge is at `inset`."""

    square: Square
    width: float


HERD: Final[tuple[Point, ...]] = (
    (16.0, 11.6),
    (11.2, 20.0),
    (20.8, 20.0),
)  # three machines, as the tray shows them
TILE: Final = Square(inset=0.0, radius=7.5)
TILE_TOP: Final[Rgb] = (14, 126, 104)
TILE_BOTTOM: Final[Rgb] = (9, 84, 70)
FENCE: Final = Fence(square=Square(inset=4.0, radius=6.0), width=2.0)
MACHINES: Final[tuple[Point, ...]] = ((16.0, 11.8), (11.4, 19.8), (20.6, 19.8))
MACHINE_RADIUS: Final = 3.0
WHITE: Final[Rgb] = (255, 255, 255)


def mark_svg() -> str:
    """The program's icon for the page: `webui/src/mark.svg`."""
    tile, fence = TILE, FENCE
    middle = fence.square.inset + fence.width / 2
    dots = "".join(f'<circle cx="{x:g}" cy="{y:g}" r="{MACHINE_RADIUS:g}"/>' for x, y in MACHINES)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {UNITS:g} {UNITS:g}">'
        '<linearGradient id="tile" x2="0" y2="1">'
        f'<stop stop-color="{_hex(TILE_TOP)}"/><stop offset="1" stop-color="{_hex(TILE_BOTTOM)}"/>'
        "</linearGradient>"
        f'<rect {_box(tile.inset, tile.radius)} fill="url(#tile)"/>'
        f'<rect {_box(middle, fence.square.radius - fence.width / 2)} fill="none" '
        f'stroke="{_hex(WHITE)}" stroke-width="{fence.width:g}"/>'
        f'<g fill="{_hex(WHITE)}">{dots}</g></svg>\n'
    )


def _box(inset: float, radius: float) -> str:
    side = UNITS - 2 * inset
    return f'x="{inset:g}" y="{inset:g}" width="{side:g}" height="{side:g}" rx="{radius:g}"'


def _hex(colour: Rgb) -> str:
    return "#" + "".join(f"{part:02x}" for part in colour)
