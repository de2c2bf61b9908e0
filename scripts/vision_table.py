#!/usr/bin/env python3
"""Prints what scripts/vision.sh measured as tables: which share of the goals is reached, by whom, at any time and at the
end, and of those in another region alone; and the area under the ROC curve of every violation, controls last."""

import argparse
import json
import pathlib
import re


def print_table(rows):
    widths = [max(len(line[i]) for line in rows) for i in range(len(rows[0]))]
    for line in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


class Answers:
    def __init__(self, folder):
        self.folder = folder

    def read(self, name):
        path = self.folder / (name + ".json")
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def of_seeds(self, name):
        """What is there of name-SEED.json, by seed."""
        seeds = sorted(int(found.group(1)) for path in self.folder.glob(name + "-*.json")
                       if (found := re.fullmatch(name + r"-(\d+)\.json", path.name)))
        return {seed: self.read(f"{name}-{seed}") for seed in seeds}


SHARES = ["success_any", "success_end", "success_any_across", "success_end_across"]


def goal_row(name, answer, took=""):
    return [name, took, *(f"{100 * answer[key]:.0f}%" if key in answer else "" for key in SHARES), str(answer["pairs"]),
            f"{1000 / answer['plans_per_s']:.0f} ms" if answer.get("plans_per_s") else ""]


def print_goals(answers):
    rows = [["goals reached", "training", "any", "end", "across, any", "across, end", "pairs", "a plan"]]
    played = answers.of_seeds("goals")
    for seed, answer in played.items():
        trained = answers.read(f"train-{seed}")
        took = f"{trained['updates']} updates, {trained['wall_s']:.0f} s" if trained else ""
        eyes = "frozen encoder" if trained and "encoder" in trained else "pictures"
        rows.append(goal_row(f"{eyes}, seed {seed}", answer, took))
    if len(played) > 1:
        worst = {key: min(answer[key] for answer in played.values()) for key in SHARES
                 if all(key in answer for answer in played.values())}
        rows.append(goal_row("the least of each", {"pairs": "", **worst}))
    for name, label in (("random", "random actions"), ("straight", "straight line"),
                        ("ceiling", "simulator, true distance")):
        if answer := answers.read(name):
            rows.append(goal_row(label, answer))
    if len(rows) > 1:
        print_table(rows)


def print_violations(answers):
    told = answers.of_seeds("twins")
    if not told:
        return
    results = [{result["violation"]: result for result in answer["violations"]} for answer in told.values()]
    rows = [["AUROC", *(f"seed {seed}" for seed in told), "pairs told", "window", "pairs"]]
    for name, first in sorted(results[0].items(), key=lambda item: item[1]["control"]):
        least = min(result[name]["pairs_told"] for result in results)
        rows.append([name + (" (control)" if first["control"] else ""), *(f"{result[name]['auroc']:.3f}" for result in results),
                     f"{100 * least:.0f}%", f"{first['window_s']:.2f} s", str(len(first["pairs"]))])
    print()
    print_table(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    answers = Answers(parser.parse_args().folder)
    if not answers.of_seeds("train"):
        parser.error(f"{answers.folder}: expected train-SEED.json of scripts/vision.sh, found none")
    print_goals(answers)
    print_violations(answers)
    if data := answers.read("data"):
        contacts = data.get("contacts", {})
        print(f"\nlearned from {data['episodes']} episodes, {data['steps'] + data['episodes']} frames; "
              f"{contacts.get('crossings_per_episode', 0):.1f} crossings an episode")


if __name__ == "__main__":
    main()
