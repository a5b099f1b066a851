"""Figures by name, and how they are shown."""

import json
import statistics


def shown(number):
    return f"{number:,.4g}" if abs(number) < 1000 else f"{number:,.0f}"


class Figures:
    """One value for each repetition, and ratios of their medians."""

    def __init__(self):
        self.values = {}
        self.units = {}

    def add(self, name, value, unit):
        self.values.setdefault(name, []).append(value)
        self.units[name] = unit

    def median(self, name):
        return statistics.median(self.values[name])

    def ratio(self, name, over, under):
        """From the medians; left out when either is missing."""
        if over in self.values and under in self.values and self.median(under) > 0:
            self.values[name] = [self.median(over) / self.median(under)]
            self.units[name] = "ratio"

    def table(self):
        lines = ["| figure | min | median | max | unit |", "|---|---:|---:|---:|---|"]
        for name, values in self.values.items():
            cells = [shown(number) for number in (min(values), statistics.median(values), max(values))]
            lines.append(f"| {name} | {' | '.join(cells)} | {self.units[name]} |")
        return "\n".join(lines)

    def as_json(self):
        return json.dumps({name: {"unit": self.units[name], "min": min(values),
                                  "median": statistics.median(values), "max": max(values)}
                           for name, values in self.values.items()}, indent=1)


WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 360, 80, 50, 40


def curve_svg(title, x_name, y_name, points):
    """Points over logarithmic x; y begins at 0, so that a flat curve looks flat."""
    import math
    xs = [math.log10(x) for x, _ in points]
    low, high = min(xs), max(max(xs), min(xs) + 1e-9)
    most = max(y for _, y in points) or 1
    at = lambda x, y: (LEFT + (math.log10(x) - low) / (high - low) * (WIDTH - LEFT - 30),
                       HEIGHT - BOTTOM - y / most * (HEIGHT - BOTTOM - TOP))
    line = " ".join(f"{px:.1f},{py:.1f}" for px, py in (at(x, y) for x, y in points))
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
             'font-family="sans-serif" font-size="12">',
             '<rect width="100%" height="100%" fill="white"/>',
             f'<text x="{LEFT}" y="20" font-size="14">{title}</text>',
             f'<text x="{WIDTH / 2}" y="{HEIGHT - 10}" text-anchor="middle">{x_name}</text>',
             f'<text x="10" y="{TOP - 8}">{y_name}</text>',
             f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - 30}" stroke="black" fill="none"/>',
             f'<polyline points="{line}" fill="none" stroke="steelblue" stroke-width="2"/>']
    for x, y in points:
        px, py = at(x, y)
        parts.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="steelblue"/>'
                     f'<text x="{px:.1f}" y="{py - 8:.1f}" text-anchor="middle">{shown(y)}</text>'
                     f'<text x="{px:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{shown(x)}</text>')
    return "\n".join(parts) + "\n</svg>\n"
