#!/usr/bin/env python3
"""Draws a learning curve: return and model error over environment steps, from the logs of `reverie learn`.

    plot_learning.py RUN... --out FILE.png [--reference NAME=VALUE]... [--title TEXT] [--size WIDTHxHEIGHT]

RUN is a model folder (or its log.jsonl). Several runs of one task are shown as their median and range.
"""

import argparse
import json
import os
import sys

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import plot_style as style  # noqa: E402


def reference(text):
    name, equals, value = text.rpartition("=")
    if not equals or not name:
        raise ValueError(text)
    return name, float(value)


reference.__name__ = "reference, NAME=VALUE"


def read_run(path):
    """Episodes of one run in order of env_steps, as arrays by key; NaN where a line lacks a model error."""
    log = os.path.join(path, "log.jsonl") if os.path.isdir(path) else path
    with open(log, encoding="utf-8", errors="replace") as file:
        text = file.read()
    lines = text.split("\n")
    lines.pop()  # after the last line's end: nothing, or the start of a line that a killed run did not finish
    rows = []
    for index, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{log}, line {index}"
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise style.InputError(f"{where}: not JSON: {error}") from None
        if not isinstance(entry, dict):
            raise style.InputError(f"{where}: expected a JSON object, found {style.kind(entry)}")
        if entry.get("type") != "episode":
            continue
        for key in ("env_steps", "return"):
            if key not in entry:
                raise style.InputError(f"{where}: an episode without the key '{key}'")
        rows.append(
            (
                style.number(entry["env_steps"], f"{where}, env_steps"),
                style.number(entry["return"], f"{where}, return"),
                style.number(entry.get("wall_s"), f"{where}, wall_s", allow_null=True),
                style.number(entry.get("model_rmse"), f"{where}, model_rmse", allow_null=True),
                style.number(entry.get("model_nll"), f"{where}, model_nll", allow_null=True),
            )
        )
    if not rows:
        raise style.InputError(f"{log}: no line of type 'episode'; expected the log of 'reverie learn'")
    table = np.array(sorted(rows, key=lambda row: row[0]))
    return dict(zip(("env_steps", "return", "wall_s", "model_rmse", "model_nll"), table.T))


def task_of(path):
    """Name of the task a run learned, "" where its folder does not say."""
    config = os.path.join(path, "config.json")
    if not os.path.isfile(config):
        return ""
    task = style.read_json(config).get("task", "")
    if isinstance(task, dict):
        task = task.get("name", "")
    return task if isinstance(task, str) else ""


def draw_runs(axes, runs, key, colour):
    """One run as a line with a dot per episode; several as thin lines, their range, and their median."""
    curves = []
    for run in runs:
        known = np.isfinite(run[key])
        if known.any():
            curves.append((run["env_steps"][known], run[key][known]))
    if len(curves) == 1:
        axes.plot(
            *curves[0], color=colour, marker="o", markersize=4, markeredgecolor="white", markeredgewidth=0.6
        )
        return
    for steps, values in curves:
        axes.plot(steps, values, color=colour, linewidth=0.7, alpha=0.45)
    first, last = max(steps[0] for steps, _ in curves), min(steps[-1] for steps, _ in curves)
    grid = np.unique(np.concatenate([steps for steps, _ in curves]))
    grid = grid[(grid >= first) & (grid <= last)]
    if grid.size == 0:
        return
    values = np.array([np.interp(grid, *curve) for curve in curves])
    axes.fill_between(grid, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.18, linewidth=0)
    axes.plot(grid, np.median(values, axis=0), color=colour, linewidth=2.2)


def draw_references(axes, references):
    """Dashed lines, named at the left, where learning curves are low; below if another is close above."""
    low, high = axes.get_ylim()
    above = None
    for name, value in sorted(references, key=lambda item: -item[1]):
        axes.axhline(value, color=style.VERMILION, linewidth=1.1, linestyle=(0, (5, 3)))
        under = above is not None and above - value < 0.07 * (high - low)
        axes.annotate(
            f"{name}: {value:g}",
            (0, value),
            xycoords=axes.get_yaxis_transform(),
            xytext=(6, -3 if under else 3),
            textcoords="offset points",
            ha="left",
            va="top" if under else "bottom",
            fontsize=8.5,
            color=style.VERMILION,
        )
        above = value


def summary(runs):
    """The line below the title: what was run, how well it ended, how long it took."""
    last3 = [float(np.mean(run["return"][-3:])) for run in runs]
    parts = [f"{len(runs)} runs: median and range" if len(runs) > 1 else f"{runs[0]['return'].size} episodes"]
    ending = f"mean return of the last 3 episodes {np.median(last3):.0f}"
    if len(runs) > 1:
        ending += f" ({min(last3):.0f} to {max(last3):.0f})"
    parts.append(ending)
    steps = int(np.median([run["env_steps"][-1] for run in runs]))
    wall = [float(run["wall_s"][-1]) for run in runs if np.isfinite(run["wall_s"][-1])]
    parts.append(f"{steps:,} steps" + (f" in {np.median(wall):,.0f} s" if wall else ""))
    return "   ·   ".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--out", required=True, metavar="FILE.png")
    parser.add_argument("--reference", action="append", default=[], type=reference, metavar="NAME=VALUE")
    parser.add_argument("--title", default="")
    parser.add_argument("--size", type=style.size, default=(1600, 1100), metavar="WIDTHxHEIGHT")
    args = parser.parse_args()

    runs = [read_run(path) for path in args.runs]
    tasks = sorted({task_of(path) for path in args.runs} - {""})
    if len(tasks) > 1:
        raise style.InputError(f"runs of different tasks ({', '.join(tasks)}); expected runs of one task")

    fig = style.figure(args.size, inches_wide=10)
    top = style.heading(fig, args.title or (tasks[0] if tasks else "Learning curve"), summary(runs))
    error = "model_rmse" if any(np.isfinite(run["model_rmse"]).any() for run in runs) else "model_nll"
    has_error = any(np.isfinite(run[error]).any() for run in runs)
    grid = fig.add_gridspec(
        2 if has_error else 1,
        1,
        height_ratios=[2, 1] if has_error else None,
        left=0.8 / fig.get_figwidth(),
        right=1 - 0.3 / fig.get_figwidth(),
        top=top - 0.12 / fig.get_figheight(),
        bottom=0.55 / fig.get_figheight(),
        hspace=0.16,
    )
    end = max(run["env_steps"][-1] for run in runs)
    axes = fig.add_subplot(grid[0])
    draw_runs(axes, runs, "return", style.BLUE)
    values = np.concatenate([run["return"] for run in runs] + [np.array([v for _, v in args.reference])])
    span = max(values.max() - min(values.min(), 0), 1e-9)
    axes.set_ylim(min(values.min(), 0) - 0.03 * span, values.max() + 0.1 * span)
    draw_references(axes, args.reference)
    axes.set_ylabel("Return per episode")
    style.thousands(axes.yaxis)
    panels = [axes]
    if has_error:
        lower = fig.add_subplot(grid[1], sharex=axes)
        draw_runs(lower, runs, error, style.GREEN)
        if error == "model_rmse":
            known = np.concatenate([run[error] for run in runs])
            if np.all(known[np.isfinite(known)] > 0):
                lower.set_yscale("log")
                style.plain_log(lower.yaxis)
            lower.set_ylabel("Model error\n(RMSE, one step ahead)")
        else:
            lower.set_ylabel("Model error\n(NLL, nats)")
        axes.tick_params(labelbottom=False)
        panels.append(lower)
    axes.set_xlim(0, end * 1.015)
    panels[-1].set_xlabel("Environment steps")
    style.thousands(panels[-1].xaxis)
    fig.align_ylabels(panels)
    style.save(fig, args.out)


if __name__ == "__main__":
    style.run(main)
