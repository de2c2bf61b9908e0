#!/usr/bin/env python3
"""Prints what scripts/vision.sh measured as a table: which share of the goals is reached, by whom, at any time and at
the end, and of those in another region alone."""

import argparse
import json
import pathlib
import re


def row(name, answer, took=""):
    def percent(key):
        return f"{100 * answer[key]:.0f}%" if key in answer else ""

    return [name, took, percent("success_any"), percent("success_end"), percent("success_any_across"),
            percent("success_end_across"), str(answer["pairs"]),
            f"{1000 / answer['plans_per_s']:.0f} ms" if answer["plans_per_s"] else ""]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder

    def read(name):
        path = folder / (name + ".json")
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    rows = [["", "training", "any", "end", "across, any", "across, end", "pairs", "a plan"]]
    seeds = sorted(int(found.group(1)) for path in folder.glob("goals-*.json")
                   if (found := re.fullmatch(r"goals-(\d+)\.json", path.name)))
    for seed in seeds:
        trained = read(f"train-{seed}")
        took = f"{trained['updates']} updates, {trained['wall_s']:.0f} s" if trained else ""
        eyes = "frozen encoder" if trained and "encoder" in trained else "pictures"
        rows.append(row(f"{eyes}, seed {seed}", read(f"goals-{seed}"), took))
    for name, label in (("random", "random actions"), ("straight", "straight line"),
                        ("ceiling", "simulator, true distance")):
        if answer := read(name):
            rows.append(row(label, answer))
    widths = [max(len(line[i]) for line in rows) for i in range(len(rows[0]))]
    for line in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
    if data := read("data"):
        contacts = data.get("contacts", {})
        print(f"learned from {data['episodes']} episodes, {data['steps'] + data['episodes']} frames; "
              f"{contacts.get('crossings_per_episode', 0):.1f} crossings an episode")


if __name__ == "__main__":
    main()
