"""check_contrast.py CSS: whether the page's colours can be told apart (WCAG 2.1, AA), light and dark."""

import re
import sys

PAIRS = [("text", "card", 4.5), ("text", "back", 4.5), ("soft", "card", 4.5), ("soft", "back", 4.5),
         ("wait", "card", 4.5), ("good", "good-back", 4.5), ("bad", "bad-back", 4.5),
         ("doubt", "doubt-back", 4.5), ("text", "bad-back", 4.5), ("text", "track", 4.5),
         ("good", "track", 3), ("wait", "track", 3), ("bad", "track", 3), ("doubt", "track", 3),
         ("rest", "track", 3), ("rest", "card", 3)]


def luminance(colour):
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        blocks = re.findall(r":root \{(.*?)\}", file.read(), re.DOTALL)
    modes = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block)) for block in blocks]
    assert len(modes) == 2, "light and dark"
    bad = ["%s: %s on %s: %.2f, at least %.1f" % (mode, one, other, found, least)
           for mode, colours in zip(("light", "dark"), modes)
           for one, other, least in PAIRS
           for found in [contrast(colours[one], colours[other])] if found < least]
    print("\n".join(bad) or "%d pairs of colours, all good" % (2 * len(PAIRS)))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
