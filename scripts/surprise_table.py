#!/usr/bin/env python3
"""Prints what scripts/surprise.sh measured as a table: the area under the ROC curve of every violation, for each seed of
training; controls last."""

import argparse
import json
import pathlib
import re


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder

    def read(name):
        return json.loads((folder / (name + ".json")).read_text(encoding="utf-8"))

    seeds = sorted(int(found.group(1)) for path in folder.glob("pairs-*.json")
                   if (found := re.fullmatch(r"pairs-(\d+)\.json", path.name)))
    if not seeds:
        raise SystemExit(f"surprise_table.py: error: {folder}: expected pairs-SEED.json of scripts/surprise.sh, found none")
    answers = [{result["violation"]: result for result in read(f"pairs-{seed}")["violations"]} for seed in seeds]
    rows = [["AUROC", *(f"seed {seed}" for seed in seeds), "pairs told", "window", "pairs"]]
    for name, first in sorted(answers[0].items(), key=lambda item: item[1]["control"]):
        told = [answer[name]["pairs_told"] for answer in answers]
        rows.append([name + (" (control)" if first["control"] else ""),
                     *(f"{answer[name]['auroc']:.3f}" for answer in answers), f"{100 * min(told):.0f}%",
                     f"{first['window_s']:.2f} s", str(len(first["pairs"]))])
    widths = [max(len(line[i]) for line in rows) for i in range(len(rows[0]))]
    for line in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
    for seed in seeds:
        trained = folder / f"train-{seed}.json"
        if trained.exists():
            answer = json.loads(trained.read_text(encoding="utf-8"))
            print(f"seed {seed}: {answer['updates']} updates on {answer['frames']} frames in {answer['wall_s']:.0f} s")


if __name__ == "__main__":
    main()
