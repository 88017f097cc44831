"""Small vector pictures by hand: elements, and a frame with axes. Colours come from the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

Point = tuple[float, float]


def tag(name: str, *children: str, **attributes: str | float | None) -> str:
    """Write an element; ``class_`` stands for ``class``, ``stroke_width`` for ``stroke-width``.

    Children are markup already (see ``text``); attributes are escaped, those of None left out.
    """
    held = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_shown(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(children)
    return f"<{name}{held}>{inner}</{name}>" if inner or name in _PAIRED else f"<{name}{held}/>"


_PAIRED = frozenset({"svg", "td", "th", "div", "span", "p"})


def text(words: str) -> str:
    """Escape what a reader is to see as it is."""
    return escape(words, quote=False)


def picture(width: float, height: float, label: str, *children: str) -> str:
    """Put shapes into a picture that says what it shows to those who cannot see it."""
    return tag(
        "svg",
        tag("title", text(label)),
        *children,
        viewBox=f"0 0 {width:g} {height:g}",
        width=width,
        height=height,
        role="img",
    )


def path(points: Sequence[Point], class_: str) -> str:
    """Join points by straight lines."""
    if not points:
        return ""
    steps = " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return tag("path", d=f"M{steps}", class_=class_)


def words(x: float, y: float, content: str, class_: str = "", anchor: str = "start") -> str:
    """Write words into a picture."""
    return tag("text", text(content), x=x, y=y, class_=class_ or None, text_anchor=anchor)


@dataclass(frozen=True)
class Frame:
    """A plane in a picture: where numbers lie.

    Attributes:
        left: of the plane, in pixels.
        top: likewise.
        width: likewise.
        height: likewise.
        x_range: the numbers at its left and right edge.
        y_range: the numbers at its lower and upper edge.
    """

    left: float
    top: float
    width: float
    height: float
    x_range: Point = (0.0, 1.0)
    y_range: Point = (0.0, 1.0)

    def x(self, value: float) -> float:
        """Return the pixel of a number."""
        low, high = self.x_range
        return self.left + (value - low) / (high - low) * self.width

    def y(self, value: float) -> float:
        """Return the pixel of a number; more is further up."""
        low, high = self.y_range
        return self.top + self.height - (value - low) / (high - low) * self.height

    def at(self, x: float, y: float) -> Point:
        """Return both pixels."""
        return self.x(x), self.y(y)

    def axes(self, x_name: str, y_name: str, ticks: Sequence[float]) -> str:
        """Draw a grid with its numbers and names."""
        bottom, right = self.top + self.height, self.left + self.width
        parts = []
        for tick in ticks:
            x, y = self.x(tick), self.y(tick)
            parts += [
                tag("line", x1=x, y1=self.top, x2=x, y2=bottom, class_="grid"),
                tag("line", x1=self.left, y1=y, x2=right, y2=y, class_="grid"),
                words(x, bottom + 14, _number(tick), "tick", "middle"),
                words(self.left - 6, y + 4, _number(tick), "tick", "end"),
            ]
        middle_x, middle_y = self.left + self.width / 2, self.top + self.height / 2
        parts.append(words(middle_x, bottom + 30, x_name, "axis", "middle"))
        turned = f"rotate(-90 {self.left - 32:.1f} {middle_y:.1f})"
        parts.append(
            tag("text", text(y_name), x=self.left - 32, y=middle_y, class_="axis",
                text_anchor="middle", transform=turned)
        )  # fmt: skip
        return "".join(parts)


def _number(value: float) -> str:
    return f"{value:g}".replace("0.", ".") if 0 < abs(value) < 1 else f"{value:g}"


def _shown(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
