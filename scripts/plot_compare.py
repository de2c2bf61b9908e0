#!/usr/bin/env python3
"""Draws what `reverie compare` found: error and coverage by horizon, and one prediction beside what happened.

    plot_compare.py COMPARE_DIR --out FILE.png [--title TEXT] [--size WIDTHxHEIGHT]

COMPARE_DIR holds compare.json and example.json. At most 12 channels of the example are shown.
"""

import argparse
import math
import os
import sys

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import plot_style as style  # noqa: E402
from matplotlib.lines import Line2D  # noqa: E402
from matplotlib.patches import Patch  # noqa: E402

MOST_CHANNELS = 12
CURVES = (
    ("nrmse", "model", style.BLUE, "o", "-"),
    ("nrmse_linear", "linear model", style.ORANGE, "s", (0, (4, 2))),
    ("nrmse_persistence", "persistence", style.GREY, "^", (0, (1, 1.5))),
)


def take(table, key, where, expected):
    if key not in table:
        raise style.InputError(f"{where}: the key '{key}' is missing")
    if not isinstance(table[key], expected):
        names = {list: "an array", dict: "an object", int: "a number"}
        raise style.InputError(f"{where}, {key}: expected {names[expected]}, found {style.kind(table[key])}")
    return table[key]


def read_horizons(folder):
    """Windows, and per horizon its step and figures (NaN for null)."""
    path = os.path.join(folder, "compare.json")
    report = style.read_json(path)
    windows = take(report, "windows", path, int)
    entries = take(report, "horizons", path, list)
    if not entries:
        raise style.InputError(f"{path}, horizons: expected at least one, found none")
    keys = ("h", "nrmse", "nrmse_persistence", "nrmse_linear", "coverage50", "coverage90")
    rows = []
    for i, entry in enumerate(entries):
        where = f"{path}, horizons[{i}]"
        if not isinstance(entry, dict):
            raise style.InputError(f"{where}: expected an object, found {style.kind(entry)}")
        for key in keys:
            if key not in entry:
                raise style.InputError(f"{where}: the key '{key}' is missing")
        rows.append([style.number(entry[key], f"{where}, {key}", allow_null=key != "h") for key in keys])
    if any(row[0] < 1 for row in rows):
        raise style.InputError(f"{path}, horizons: expected every h to be 1 or more")
    table = np.array(sorted(rows)).T
    return windows, dict(zip(keys, table))


def read_example(folder):
    """The window to show: names, control step, arrays (channels, H+1) with the steps of parting, label."""
    path = os.path.join(folder, "example.json")
    example = style.read_json(path)
    names = take(example, "channels", path, list)
    if not names or not all(isinstance(name, str) for name in names):
        raise style.InputError(f"{path}, channels: expected names of one channel or more")
    control_step_s = style.number(example.get("control_step_s"), f"{path}, control_step_s")
    if control_step_s <= 0:
        raise style.InputError(f"{path}, control_step_s: expected more than 0, found {control_step_s:g}")
    arrays = {}
    shape = None
    for key in ("real", "predicted", "low90", "high90"):
        rows = take(example, key, path, list)
        if len(rows) != len(names):
            raise style.InputError(
                f"{path}, {key}: expected {len(names)} rows, one per channel, found {len(rows)}"
            )
        for i, row in enumerate(rows):
            where = f"{path}, {key}[{i}]"
            if not isinstance(row, list):
                raise style.InputError(f"{where}: expected an array, found {style.kind(row)}")
            shape = len(row) if shape is None else shape
            if len(row) != shape or shape < 2:
                raise style.InputError(f"{where}: expected {max(shape, 2)} values, found {len(row)}")
        arrays[key] = np.array(
            [
                [style.number(v, f"{path}, {key}[{i}]", allow_null=True) for v in row]
                for i, row in enumerate(rows)
            ]
        )
    parts = take(example, "parts_at", path, list)
    if len(parts) != len(names):
        raise style.InputError(
            f"{path}, parts_at: expected {len(names)} values, one per channel, found {len(parts)}"
        )
    arrays["parts_at"] = [
        style.number(step, f"{path}, parts_at[{i}]", allow_null=True) for i, step in enumerate(parts)
    ]
    label = example.get("label", "")
    return names, control_step_s, arrays, label if isinstance(label, str) else ""


def draw_error(axes, horizons):
    for key, name, colour, marker, dashes in CURVES:
        axes.plot(
            horizons["h"],
            horizons[key],
            color=colour,
            marker=marker,
            markersize=4.5,
            linestyle=dashes,
            markeredgecolor="white",
            markeredgewidth=0.6,
            label=name,
            zorder=3 if key == "nrmse" else 2,
        )
    values = np.concatenate([horizons[key] for key, *_ in CURVES])
    values = values[np.isfinite(values)]
    if values.size and values.min() > 0 and values.max() / values.min() > 8:
        axes.set_yscale("log")
        style.plain_log(axes.yaxis)
    else:
        axes.set_ylim(bottom=min(0, values.min()) if values.size else 0)
    axes.set_title("Error by horizon")
    axes.set_ylabel("nRMSE (RMSE / standard deviation)")
    axes.legend(loc="best", handlelength=2.6)


def draw_coverage(axes, horizons):
    for target, key, colour, marker in (
        (0.5, "coverage50", style.GREEN, "s"),
        (0.9, "coverage90", style.PURPLE, "o"),
    ):
        axes.axhline(target, color=colour, linewidth=1, linestyle=(0, (5, 3)))
        axes.plot(
            horizons["h"],
            horizons[key],
            color=colour,
            marker=marker,
            markersize=4.5,
            markeredgecolor="white",
            markeredgewidth=0.6,
            label=f"{target:.0%} interval",
        )
    axes.set_ylim(0, 1.02)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 0.9, 1], ["0", "25%", "50%", "75%", "90%", "100%"])
    axes.set_title("Share of reality inside the interval")
    axes.set_ylabel("Coverage (dashed: target)")
    axes.legend(loc="lower left", handlelength=2.6)


def horizon_axis(axes, steps):
    """The measured horizons as ticks, on a logarithmic axis where they span much."""
    if steps.max() / steps.min() > 8:
        axes.set_xscale("log")
    shown = steps if steps.size <= 8 else steps[np.unique(np.linspace(0, steps.size - 1, 8).astype(int))]
    axes.set_xticks(shown, [f"{step:g}" for step in shown])
    axes.minorticks_off()
    margin = 1.12
    axes.set_xlim(
        *(
            (steps.min() / margin, steps.max() * margin)
            if axes.get_xscale() == "log"
            else (steps.min() - 0.5, steps.max() + 0.5)
        )
    )


def elided(name, most):
    return name if len(name) <= most else f"{name[: most - 1]}…"


def draw_channel(axes, name, time, arrays, index, control_step_s, most_letters):
    real, predicted = arrays["real"][index], arrays["predicted"][index]
    low, high = arrays["low90"][index], arrays["high90"][index]
    axes.fill_between(time, low, high, color=style.BLUE, alpha=0.2, linewidth=0)
    axes.plot(time, real, color=style.INK, linewidth=1.5)
    axes.plot(time, predicted, color=style.BLUE, linewidth=1.5, linestyle=(0, (4, 1.5)))
    # A band that explodes would flatten the lines that matter: it gets at most twice their room either way.
    both = np.concatenate([real, predicted])
    both = both[np.isfinite(both)]
    if both.size:
        span = max(both.max() - both.min(), 1e-6 * max(1.0, np.abs(both).max()))
        floor = max(np.nanmin(np.append(low, both.min())), both.min() - 2 * span)
        ceiling = min(np.nanmax(np.append(high, both.max())), both.max() + 2 * span)
        axes.set_ylim(floor - 0.08 * span, ceiling + 0.08 * span)
    step = arrays["parts_at"][index]
    if math.isfinite(step):
        at = step * control_step_s
        axes.axvline(at, color=style.VERMILION, linewidth=1.1)
        nearest = int(np.clip(round(step), 0, real.size - 1))
        axes.plot(
            at,
            real[nearest],
            "o",
            color=style.VERMILION,
            markersize=4.5,
            markeredgecolor="white",
            markeredgewidth=0.6,
        )
    axes.set_title(elided(name, most_letters), fontsize=9)
    verdict = f"parts at {step * control_step_s:.3g} s" if math.isfinite(step) else "stays together"
    axes.set_title(
        verdict,
        loc="right",
        fontsize=8,
        fontweight="normal",
        color=style.VERMILION if math.isfinite(step) else style.GREY,
    )
    axes.set_xlim(time[0], time[-1])
    axes.locator_params(axis="y", nbins=4)
    axes.locator_params(axis="x", nbins=6)


def example_legend(fig, x, y):
    """Names the lines that every channel's panel shares."""
    handles = [
        Line2D([], [], color=style.INK, linewidth=1.5, label="real"),
        Line2D([], [], color=style.BLUE, linewidth=1.5, linestyle=(0, (4, 1.5)), label="predicted"),
        Patch(color=style.BLUE, alpha=0.2, linewidth=0, label="90% interval"),
        Line2D(
            [],
            [],
            color=style.VERMILION,
            linewidth=1.1,
            marker="o",
            markersize=4.5,
            label="parts: error past tolerance",
        ),
    ]
    fig.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(x, y),
        ncols=4,
        handlelength=2,
        borderaxespad=0,
        columnspacing=1.6,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", metavar="COMPARE_DIR")
    parser.add_argument("--out", required=True, metavar="FILE.png")
    parser.add_argument("--title", default="Predicted versus real")
    parser.add_argument("--size", type=style.size, default=(2200, 1300), metavar="WIDTHxHEIGHT")
    args = parser.parse_args()

    windows, horizons = read_horizons(args.folder)
    names, control_step_s, arrays, label = read_example(args.folder)
    shown = min(len(names), MOST_CHANNELS)
    steps = arrays["real"].shape[1] - 1

    fig = style.figure(args.size, inches_wide=13.75)
    width, height = fig.get_figwidth(), fig.get_figheight()
    subtitle = f"{windows:,} windows from held-out episodes   ·   control step {control_step_s:g} s"
    top = style.heading(fig, args.title, subtitle)
    body = top - 0.3 / height
    split = 0.32

    left = fig.add_gridspec(
        2, 1, left=0.75 / width, right=split - 0.2 / width, top=body, bottom=0.55 / height, hspace=0.28
    )
    error, coverage = fig.add_subplot(left[0]), fig.add_subplot(left[1])
    draw_error(error, horizons)
    draw_coverage(coverage, horizons)
    for axes in (error, coverage):
        horizon_axis(axes, horizons["h"])
    coverage.set_xlabel("Horizon (control steps)")
    fig.align_ylabels([error, coverage])

    columns = 1 if shown <= 3 else 2 if shown <= 8 else 3
    rows = -(-shown // columns)
    right_edge = 1 - 0.25 / width
    grid = fig.add_gridspec(
        rows,
        columns,
        left=split + 0.75 / width,
        right=right_edge,
        top=body,
        bottom=0.55 / height,
        hspace=0.42,
        wspace=0.24 if columns < 3 else 0.28,
    )
    heading = f"One window{': ' + elided(label, 60) if label else ''}"
    if shown < len(names):
        heading += f"   ({shown} of {len(names)} channels, {len(names) - shown} more not shown)"
    fig.text(split + 0.75 / width, 1 - 0.17 / height, heading, fontsize=11, fontweight="bold", va="top")
    example_legend(fig, split + 0.75 / width, 1 - 0.43 / height)
    time = np.arange(steps + 1) * control_step_s
    letters = max(10, int(width * (1 - split) / columns / 0.17))
    for index in range(shown):
        row, column = divmod(index, columns)
        axes = fig.add_subplot(grid[row, column])
        draw_channel(axes, names[index], time, arrays, index, control_step_s, letters)
        if index + columns >= shown:
            axes.set_xlabel("Time ahead (s)")
        else:
            axes.tick_params(labelbottom=False)
    middle = (body + 0.55 / height) / 2
    fig.text(
        split + 0.24 / width,
        middle,
        "Observation (SI units)",
        rotation=90,
        va="center",
        ha="center",
        fontsize=9,
    )
    style.save(fig, args.out)


if __name__ == "__main__":
    style.run(main)
