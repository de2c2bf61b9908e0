#!/usr/bin/env python3
"""Draws what a dataset holds: frames of episodes spread over it, and histograms of returns, lengths and channels.

    plot_dataset.py FOLDER --out FILE.png

FOLDER holds dataset.json and, where there are frames, frames.png, as `reverie data DIR --picture FILE.png` hands them
over. Of each kind of channel some are shown: 18 of the observation, 6 of the signals, 6 of the action.
"""

import argparse
import os
import sys

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import plot_style as style  # noqa: E402
from matplotlib.image import imread  # noqa: E402
from matplotlib.ticker import MaxNLocator  # noqa: E402

MOST_CHANNELS = {"observations": 18, "signals": 6, "actions": 6}
COLUMNS = 6
WIDTH = 12.8  # inches
COLOURS = {"observations": style.BLUE, "signals": style.GREEN, "actions": style.ORANGE}


def take(table, key, expected, where):
    if not isinstance(table, dict) or not isinstance(table.get(key), expected):
        names = {list: "an array", dict: "an object", str: "a text"}
        found = style.kind(table[key]) if isinstance(table, dict) and key in table else "nothing"
        raise style.InputError(f"{where}, {key}: expected {names[expected]}, found {found}")
    return table[key]


def read_histogram(entry, where):
    """Edges and counts; None where there is nothing to count."""
    counts = [style.number(count, f"{where}, counts") for count in take(entry, "counts", list, where)]
    if not counts:
        return None
    low, high = (style.number(entry.get(key), f"{where}, {key}") for key in ("low", "high"))
    if low == high:  # a single bar in the middle
        margin = max(abs(low), 1.0) / 2
        low, high = low - margin, high + margin
    return np.linspace(low, high, len(counts) + 1), np.array(counts)


def draw_histogram(axis, histogram, colour, title):
    axis.set_title(title if len(title) <= 26 else title[:25] + "…", fontsize=8, fontweight="normal", pad=2.5)
    axis.set_yticks([])
    axis.grid(False)
    axis.spines["left"].set_visible(False)
    axis.tick_params(labelsize=7, length=2)
    if histogram is None:
        axis.set_xticks([])
        axis.text(0.5, 0.4, "no finite number", ha="center", fontsize=8, color=style.GREY, transform=axis.transAxes)
        return
    edges, counts = histogram
    axis.stairs(counts, edges, fill=True, color=colour)
    axis.set_xlim(edges[0], edges[-1])
    axis.set_ylim(0, counts.max() * 1.05)
    axis.xaxis.set_major_locator(MaxNLocator(4))
    # Large offsets and powers stand beside the axis otherwise, over the next title.
    low, high = np.abs(edges[[0, -1]]).min(), np.abs(edges[[0, -1]]).max()
    if high >= 1e5 or high < 1e-3:
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
    elif low < 1e5:
        axis.ticklabel_format(axis="x", useOffset=False)


def draw_frames(fig, sheet, picture, top):
    """Draws a row of frames for each episode below `top`; returns where they end."""
    rows = sheet["rows"]
    width, height = sheet["width"], sheet["height"]
    columns = picture.shape[1] // width
    left, gap = 1.02 / WIDTH, 0.06
    across = (WIDTH - 1.02 - 0.14 - gap * (columns - 1)) / columns  # inches
    down = across * height / width
    total = fig.get_figheight()
    for i, row in enumerate(rows):
        bottom = top - ((i + 1) * (down + 0.24)) / total
        label = f"episode {row['episode']}\nreturn {row['return']:.4g}"
        fig.text(0.14 / WIDTH, bottom + down / total, label, fontsize=8.5, va="top", linespacing=1.4)
        for j, (step, time) in enumerate(zip(row["steps"], row["times_s"])):
            x = left + j * (across + gap) / WIDTH
            axis = fig.add_axes((x, bottom, across / WIDTH, down / total))
            axis.imshow(picture[i * height : (i + 1) * height, j * width : (j + 1) * width], aspect="auto",
                        interpolation="nearest" if width < 160 else "antialiased")
            axis.set_axis_off()
            fig.text(x, bottom - 0.03 / total, f"step {step}, {time:.4g} s", fontsize=7.5, color=style.GREY, va="top")
    return top - len(rows) * (down + 0.24) / total


def frames_height(sheet, picture):
    columns = picture.shape[1] // sheet["width"]
    across = (WIDTH - 1.02 - 0.14 - 0.06 * (columns - 1)) / columns
    return len(sheet["rows"]) * (across * sheet["height"] / sheet["width"] + 0.24)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    path = os.path.join(options.folder, "dataset.json")
    dataset = style.read_json(path)
    episodes = [(name, read_histogram(take(dataset, key, dict, path), f"{path}, {key}"), style.PURPLE)
                for key, name in (("returns", "return"), ("lengths", "control steps"))]
    shown, left_out = list(episodes), 0
    for group, colour in COLOURS.items():
        channels = take(dataset, group, list, path)
        for entry in channels[: MOST_CHANNELS[group]]:
            shown.append((take(entry, "label", str, path), read_histogram(entry, f"{path}, {group}"), colour))
        left_out += max(0, len(channels) - MOST_CHANNELS[group])
    sheet = dataset.get("frames")
    picture = None
    if sheet and sheet["rows"]:
        picture = imread(os.path.join(options.folder, "frames.png"))
    rows = -(-len(shown) // COLUMNS)
    head, row_height, foot = 0.68, 0.98, 0.36
    height = head + (frames_height(sheet, picture) + 0.25 if picture is not None else 0) + rows * row_height + foot
    fig = style.figure((1600, round(1600 * height / WIDTH)), WIDTH)
    total = fig.get_figheight()
    style.heading(fig, take(dataset, "title", str, path), take(dataset, "subtitle", str, path))
    top = 1 - head / total
    if picture is not None:
        top = draw_frames(fig, sheet, picture, top) - 0.25 / total
    elif dataset.get("note"):
        fig.text(0.14 / WIDTH, 0.14 / total, dataset["note"], fontsize=8, color=style.GREY, va="bottom")
    across = (WIDTH - 0.4) / COLUMNS
    for i, (title, histogram, colour) in enumerate(shown):
        x = 0.2 + i % COLUMNS * across
        y = top - (i // COLUMNS + 1) * row_height / total
        axis = fig.add_axes(((x + 0.08) / WIDTH, y + 0.26 / total, (across - 0.22) / WIDTH, (row_height - 0.52) / total))
        draw_histogram(axis, histogram, colour, title)
    legend = [f"{name} ({colour_name})" for name, colour_name in
              (("episodes", "purple"), ("observations", "blue"), ("signals", "green"), ("actions", "orange"))
              if name == "episodes" or dataset[name]]
    text = "How often each value occurs: " + ", ".join(legend)
    if left_out > 0:
        text += f"; {left_out} more channels are in the dataset"
    fig.text(1 - 0.14 / WIDTH, 0.14 / total, text, fontsize=8, color=style.GREY, va="bottom", ha="right")
    style.save(fig, options.out)


if __name__ == "__main__":
    style.run(main)
