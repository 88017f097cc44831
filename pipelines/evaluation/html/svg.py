"""SVG charts: elements, and a frame with axes. The colours are in the page's style sheet."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

Point = tuple[float, float]


def tag(name: str, *children: str, **attributes: str | float | None) -> str:
    """Return an element; ``class_`` becomes ``class``, ``stroke_width`` ``stroke-width``.

    Children are markup (see ``text``); attributes are escaped, those of None left out.
    """
    rendered = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_shown(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(children)
    return (
        f"<{name}{rendered}>{inner}</{name}>"
        if inner or name in _PAIRED
        else f"<{name}{rendered}/>"
    )


_PAIRED = frozenset({"svg", "td", "th", "div", "span", "p"})


def text(words: str) -> str:
    """Return text escaped for HTML."""
    return escape(words, quote=False)


def picture(width: float, height: float, label: str, *children: str) -> str:
    """Return a picture of shapes, with a label for screen readers."""
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
    """Return straight lines through points."""
    if not points:
        return ""
    steps = " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return tag("path", d=f"M{steps}", class_=class_)


def words(x: float, y: float, content: str, class_: str = "", anchor: str = "start") -> str:
    """Return words at a point of a picture."""
    return tag("text", text(content), x=x, y=y, class_=class_ or None, text_anchor=anchor)


@dataclass(frozen=True)
class Frame:
    """The area of a chart, which maps numbers to pixels.

    Attributes:
        left: left edge, in pixels.
        top: upper edge, in pixels.
        width: width in pixels.
        height: height in pixels.
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
        """Return the horizontal pixel of a number."""
        low, high = self.x_range
        return self.left + (value - low) / (high - low) * self.width

    def y(self, value: float) -> float:
        """Return the vertical pixel of a number; larger is higher."""
        low, high = self.y_range
        return self.top + self.height - (value - low) / (high - low) * self.height

    def at(self, x: float, y: float) -> Point:
        """Return both pixels."""
        return self.x(x), self.y(y)

    def axes(self, x_name: str, y_name: str, ticks: Sequence[float]) -> str:
        """Return a grid with its numbers and names."""
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
        rotation = f"rotate(-90 {self.left - 32:.1f} {middle_y:.1f})"
        parts.append(
            tag("text", text(y_name), x=self.left - 32, y=middle_y, class_="axis",
                text_anchor="middle", transform=rotation)
        )  # fmt: skip
        return "".join(parts)


def _number(value: float) -> str:
    return f"{value:g}".replace("0.", ".") if 0 < abs(value) < 1 else f"{value:g}"


def _shown(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
