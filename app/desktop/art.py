"""Corral's mark, drawn: a fence around the machines. In the tray what is inside tells the state, by colour and by shape."""

from typing import Final

from corral.app.desktop import mark
from corral.app.desktop.look import Look
from corral.app.left_out import left_out

with left_out("PIL._imagingft"):  # letters: the mark has none, and the tray stays 1 MB smaller
    from PIL import Image, ImageDraw

Colour = tuple[int, int, int, int]

_FINE: Final = 4  # drawn so many times larger, then made small: smooth edges
_RAIL: Final = mark.Fence(square=mark.Square(inset=0.0, radius=8.0), width=2.2)  # the tray's fence
_FENCE: Final[dict[bool, Colour]] = {False: (226, 232, 240, 255), True: (38, 46, 56, 255)}  # by light panel
_GROUND: Final[dict[bool, Colour]] = {
    False: (23, 32, 42, 255),
    True: (250, 250, 250, 255),
}  # legible on either panel

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
    canvas.fence(_RAIL, _FENCE[light_panel], ground=_GROUND[light_panel])
    if look is Look.STARTING:
        canvas.open_gate(_RAIL, _GROUND[light_panel])
    if look is Look.ALONE:
        canvas.dot((16, 16), 5.4, colour)
    elif look is Look.SERVING:
        for place in mark.HERD:
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
    """The icon of the program, which the page shows too: white on a tile."""
    canvas = _Canvas(size)
    canvas.tile(mark.TILE)
    canvas.fence(mark.FENCE, _opaque(mark.WHITE))
    for place in mark.MACHINES:
        canvas.dot(place, mark.MACHINE_RADIUS, _opaque(mark.WHITE))
    return canvas.image()


def _opaque(colour: mark.Rgb) -> Colour:
    return (*colour, 255)


class _Canvas:
    """Draws in units of a 32nd of the icon."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._scale = size * _FINE / mark.UNITS
        self._image = Image.new("RGBA", (size * _FINE, size * _FINE), (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self._image)

    def image(self) -> Image.Image:
        return self._image.resize((self._size, self._size), Image.Resampling.BOX)

    def tile(self, square: mark.Square) -> None:
        """A rounded square, a little brighter at its top."""
        whole = self._image.size[0]
        shape = Image.new("L", self._image.size, 0)
        draw = ImageDraw.Draw(shape)
        draw.rounded_rectangle(self._square(square), self._scale * square.radius, fill=255)
        ramp = Image.linear_gradient("L").resize((whole, whole))
        top, bottom = (
            Image.new("RGBA", self._image.size, _opaque(each)) for each in (mark.TILE_TOP, mark.TILE_BOTTOM)
        )
        self._image.paste(Image.composite(bottom, top, ramp), mask=shape)

    def fence(self, fence: mark.Fence, colour: Colour, *, ground: Colour | None = None) -> None:
        """All around, with the ground in it."""
        self._draw.rounded_rectangle(
            self._square(fence.square),
            self._scale * fence.square.radius,
            fill=ground,
            outline=colour,
            width=round(fence.width * self._scale),
        )

    def open_gate(self, fence: mark.Fence, ground: Colour) -> None:
        """A gap in the fence's upper side."""
        self._draw.rectangle(self._box(11.0, 0, 21.0, fence.square.inset + fence.width + 0.5), fill=ground)

    def dot(self, centre: mark.Point, radius: float, colour: Colour) -> None:
        x, y = centre
        self._draw.ellipse(self._box(x - radius, y - radius, x + radius, y + radius), fill=colour)

    def ring(self, centre: mark.Point, radius: float, width: float, colour: Colour) -> None:
        x, y = centre
        box = self._box(x - radius, y - radius, x + radius, y + radius)
        self._draw.ellipse(box, outline=colour, width=round(width * self._scale))

    def bar(self, box: tuple[float, float, float, float], colour: Colour) -> None:
        self._draw.rounded_rectangle(self._box(*box), self._scale, fill=colour)

    def polygon(self, points: list[mark.Point], colour: Colour) -> None:
        self._draw.polygon([(x * self._scale, y * self._scale) for x, y in points], fill=colour)

    def _square(self, square: mark.Square) -> tuple[float, float, float, float]:
        far = mark.UNITS - square.inset
        return self._box(square.inset, square.inset, far, far)

    def _box(self, left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
        scale, last = self._scale, 1  # Pillow's boxes have their last pixel in them
        return left * scale, top * scale, right * scale - last, bottom * scale - last
