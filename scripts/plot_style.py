"""What the plotting scripts share: look, JSON input, one-line errors, pictures that appear whole.

A picture depends on its input alone: no user settings, no dates, no fonts but the ones matplotlib ships.
"""

import json
import math
import os
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import FuncFormatter, NullFormatter  # noqa: E402

# Colours of Okabe and Ito, told apart with any colour vision.
BLUE, ORANGE, GREEN, VERMILION, PURPLE = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7"
INK, GREY, PALE = "#1B1F24", "#6A737D", "#D9DEE3"


class InputError(Exception):
    """What is wrong with the input, in one line."""


def run(main):
    """Runs `main` and ends the process: 0, or 1 with one line on stderr."""
    try:
        main()
    except (InputError, OSError) as error:
        text = str(error)
        if isinstance(error, OSError) and error.filename is not None:
            text = f"{error.filename}: {error.strerror}"
        name = os.path.basename(sys.argv[0])
        print(f"{name}: error: {text}", file=sys.stderr)
        sys.exit(1)


def read_json(path):
    """Reads a file that holds one JSON object."""
    with open(path, encoding="utf-8") as file:
        try:
            value = json.load(file)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected a JSON object, found {kind(value)}")
    return value


def kind(value):
    """The JSON name of a value's type."""
    if value is None:
        return "null"
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}
    return names.get(type(value), "a number")


def number(value, where, allow_null=False):
    """A finite float; NaN for null where that is allowed."""
    if value is None and allow_null:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InputError(f"{where}: expected a number, found {kind(value)}")
    value = float(value)
    if not math.isfinite(value) and not allow_null:
        raise InputError(f"{where}: expected a finite number, found {value}")
    return value if math.isfinite(value) else math.nan


def size(text):
    """Parses "1600x1000" for argparse."""
    width, cross, height = text.partition("x")
    if not (
        cross
        and width.isdigit()
        and height.isdigit()
        and 400 <= int(width) <= 8000
        and 300 <= int(height) <= 8000
    ):
        raise ValueError(text)
    return int(width), int(height)


size.__name__ = "size, WIDTHxHEIGHT in pixels from 400x300 to 8000x8000"


def figure(pixels, inches_wide):
    """An empty figure of exactly this many pixels, in the house look; text is sized for `inches_wide`."""
    matplotlib.rcdefaults()
    matplotlib.rcParams.update(
        {
            "font.family": "DejaVu Sans",
            "font.size": 9,
            "text.color": INK,
            "axes.edgecolor": GREY,
            "axes.labelcolor": INK,
            "axes.labelsize": 9,
            "axes.linewidth": 0.7,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.titlelocation": "left",
            "axes.titlesize": 10,
            "axes.titleweight": "bold",
            "grid.color": PALE,
            "grid.linewidth": 0.6,
            "xtick.color": GREY,
            "ytick.color": GREY,
            "xtick.labelcolor": INK,
            "ytick.labelcolor": INK,
            "xtick.labelsize": 8,
            "ytick.labelsize": 8,
            "lines.linewidth": 1.8,
            "lines.solid_capstyle": "round",
            "legend.frameon": False,
            "legend.fontsize": 8.5,
        }
    )
    dpi = pixels[0] / inches_wide
    # matplotlib rounds a picture's size down: a hundredth of a pixel keeps it from losing one.
    return plt.figure(figsize=((pixels[0] + 0.01) / dpi, (pixels[1] + 0.01) / dpi), dpi=dpi)


def heading(fig, title, subtitle):
    """A title at the top left, and a quieter line below it."""
    height = fig.get_figheight()
    fig.text(0.14 / fig.get_figwidth(), 1 - 0.13 / height, title, fontsize=14, fontweight="bold", va="top")
    fig.text(0.14 / fig.get_figwidth(), 1 - 0.43 / height, subtitle, fontsize=9, color=GREY, va="top")
    return 1 - 0.66 / height


def thousands(axis):
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))


def plain_log(axis):
    """Labels a logarithmic axis 0.01, 0.1, 1 rather than with powers; 0.02, 0.05 too where few show."""
    low, high = sorted(axis.get_view_interval())
    decades = math.log10(high / low) if low > 0 else 1

    def text(value, _):
        return f"{value:g}"

    def minor(value, _):
        leading = round(value / 10 ** math.floor(math.log10(value) + 1e-9))
        return f"{value:g}" if leading in (2, 5) else ""

    axis.set_major_formatter(FuncFormatter(text))
    axis.set_minor_formatter(FuncFormatter(minor) if decades < 2 else NullFormatter())
    axis.set_tick_params(which="minor", labelsize=8)


def save(fig, path):
    """Writes a PNG beside `path` and renames it, so that it appears whole or not at all."""
    partial = f"{path}.partial"
    try:
        with open(partial, "wb") as file:
            fig.savefig(file, format="png", dpi=fig.dpi, facecolor="white", metadata={"Software": None})
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        if os.path.exists(partial):
            os.remove(partial)
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        plt.close(fig)
