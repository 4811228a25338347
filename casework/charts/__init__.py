"""Pictures of money: geometry from plain values, drawn by templates/parts/_chart_*.html as SVG in which every mark is a link.

Pure: no ORM, no clock, no translated words. Who calls brings the labels, the titles and the addresses; what comes back are
numbers to be written into an SVG. Amounts are whole fen and always add up: a picture that would not is refused.
See docs/adr/0015-pictures-drawn-on-the-server.md.
"""


class Unbalanced(ValueError):
    """The amounts given do not add up, so no picture of them would be true. A mistake of the caller's."""
