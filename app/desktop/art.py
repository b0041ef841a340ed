"""Corral's mark, drawn: a fence around the machines. In the tray what is inside tells the state, by colour and by shape."""

from typing import Final

from PIL import Image, ImageDraw

from corral.app.desktop.look import Look

Colour = tuple[int, int, int, int]
Point = tuple[float, float]

_FINE: Final = 4  # drawn so many times larger, then made small: smooth edges
_UNITS: Final = 32.0  # the drawing's own grid
_WHITE: Final[Colour] = (255, 255, 255, 255)
_FENCE: Final[dict[bool, Colour]] = {False: (226, 232, 240, 255), True: (38, 46, 56, 255)}  # by light panel
_GROUND: Final[dict[bool, Colour]] = {
    False: (23, 32, 42, 255),
    True: (250, 250, 250, 255),
}  # legible on either panel
_TILE: Final[Colour] = (19, 78, 74, 255)
_TILE_LIT: Final[Colour] = (15, 118, 110, 255)
_HERD: Final[tuple[Point, ...]] = ((16.0, 11.6), (11.2, 20.0), (20.8, 20.0))


COLOURS: Final[dict[bool, dict[Look, Colour]]] = {  # by light panel
    False: {
        Look.STARTING: (251, 191, 36, 255),
        Look.ALONE: (94, 234, 212, 255),
        Look.SERVING: (74, 222, 128, 255),
        Look.ROUTER: (96, 165, 250, 255),
        Look.PAUSED: (156, 163, 175, 255),
        Look.PROBLEM: (248, 113, 113, 255),
    },
    True: {
        Look.STARTING: (180, 83, 9, 255),
        Look.ALONE: (15, 118, 110, 255),
        Look.SERVING: (21, 128, 61, 255),
        Look.ROUTER: (29, 78, 216, 255),
        Look.PAUSED: (107, 114, 128, 255),
        Look.PROBLEM: (185, 28, 28, 255),
    },
}


def tray_image(look: Look, *, light_panel: bool = False, size: int = 64) -> Image.Image:
    """The icon for a panel: transparent around the fence."""
    canvas = _Canvas(size)
    colour = COLOURS[light_panel][look]
    canvas.fence(_FENCE[light_panel], ground=_GROUND[light_panel], open_at_top=look is Look.STARTING)
    if look is Look.ALONE:
        canvas.dot((16, 16), 5.4, colour)
    elif look is Look.SERVING:
        for place in _HERD:
            canvas.dot(place, 3.7, colour)
    elif look is Look.ROUTER:
        canvas.polygon([(16, 6.4), (25.6, 16), (16, 25.6), (6.4, 16)], colour)
    elif look is Look.PAUSED:
        canvas.bar((11.0, 10.0, 14.4, 22.0), colour)
        canvas.bar((17.6, 10.0, 21.0, 22.0), colour)
    elif look is Look.PROBLEM:
        canvas.bar((14.0, 8.4, 18.0, 18.0), colour)
        canvas.dot((16, 22.2), 2.4, colour)
    else:
        canvas.ring((16, 16.6), 6.0, 2.8, colour)
    return canvas.image()


def app_image(size: int) -> Image.Image:
    """The icon of the program: white on a tile."""
    canvas = _Canvas(size)
    canvas.tile()
    canvas.fence(_WHITE, inset=5.6, width=2.0)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        canvas.line(_near(_HERD[one]), _near(_HERD[other]), 1.0, (153, 246, 228, 255))
    for place in _HERD:
        canvas.dot(_near(place), 2.3, _WHITE)
    return canvas.image()


def _near(place: Point) -> Point:
    """A machine's place, within the smaller fence of the tile."""
    return 16 + (place[0] - 16) * 0.84, 16.2 + (place[1] - 17.2) * 0.84


class _Canvas:
    """Draws in units of a 32nd of the icon."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._scale = size * _FINE / _UNITS
        self._image = Image.new("RGBA", (size * _FINE, size * _FINE), (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self._image)

    def image(self) -> Image.Image:
        return self._image.resize((self._size, self._size), Image.Resampling.LANCZOS)

    def tile(self) -> None:
        """A rounded square, a little brighter at its top."""
        whole = self._image.size[0]
        shape = Image.new("L", self._image.size, 0)
        ImageDraw.Draw(shape).rounded_rectangle(self._box(1, 1, 31, 31), self._scale * 7, fill=255)
        ramp = Image.linear_gradient("L").resize((whole, whole))
        lit = Image.new("RGBA", self._image.size, _TILE_LIT)
        self._image.paste(Image.composite(Image.new("RGBA", lit.size, _TILE), lit, ramp), mask=shape)

    def fence(
        self,
        colour: Colour,
        *,
        ground: Colour | None = None,
        inset: float = 0.5,
        width: float = 2.6,
        open_at_top: bool = False,
    ) -> None:
        """All around, with the ground in it; `open_at_top`: its gate is open."""
        far = _UNITS - inset
        radius = self._scale * (far - inset) * 0.26
        self._draw.rounded_rectangle(
            self._box(inset, inset, far, far),
            radius,
            fill=ground,
            outline=colour,
            width=round(width * self._scale),
        )
        if open_at_top:
            self._draw.rectangle(self._box(11.0, 0, 21.0, inset + width), fill=ground or (0, 0, 0, 0))

    def dot(self, centre: Point, radius: float, colour: Colour) -> None:
        x, y = centre
        self._draw.ellipse(self._box(x - radius, y - radius, x + radius, y + radius), fill=colour)

    def ring(self, centre: Point, radius: float, width: float, colour: Colour) -> None:
        x, y = centre
        box = self._box(x - radius, y - radius, x + radius, y + radius)
        self._draw.ellipse(box, outline=colour, width=round(width * self._scale))

    def bar(self, box: tuple[float, float, float, float], colour: Colour) -> None:
        self._draw.rounded_rectangle(self._box(*box), self._scale, fill=colour)

    def polygon(self, points: list[Point], colour: Colour) -> None:
        self._draw.polygon([(x * self._scale, y * self._scale) for x, y in points], fill=colour)

    def line(self, start: Point, end: Point, width: float, colour: Colour) -> None:
        places = [(x * self._scale, y * self._scale) for x, y in (start, end)]
        self._draw.line(places, fill=colour, width=max(1, round(width * self._scale)))

    def _box(self, left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
        scale = self._scale
        return left * scale, top * scale, right * scale, bottom * scale
