#!/usr/bin/env python3
"""Checks models on a GPU against the same on the processor, and times both, in one command:

    python3 scripts/check_cuda.py [--torch DIR] [--device cuda] [--updates 300] [--json]

Sets up and builds first (--torch: a LibTorch or PyTorch with CUDA, as scripts/setup.sh takes it; the wheel from the usual
index has it). A model of each kind is trained on the device; what it predicts there and on the processor must be the same
to a thousandth, one trained on the processor must err as much to a fifth, and learning must go on where it was stopped.
Then updates and plans a second of both. Ends with 1 if anything differs.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SAME, ALIKE = 1e-3, 0.2  # relative


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", help="LibTorch or PyTorch with CUDA")
    parser.add_argument("--device", default="cuda", help="what is checked against cpu (cuda)")
    parser.add_argument("--updates", type=int, default=300, help="of each training (300)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else there")
    arguments = parser.parse_args()
    binary = os.environ.get("REVERIE_BINARY")
    if not binary:
        more = ["--torch", arguments.torch] if arguments.torch else []
        subprocess.run(["bash", ROOT / "scripts/setup.sh", "--build", *more], check=True, stdout=sys.stderr)
        binary = ROOT / "build/release/reverie"
    folder = pathlib.Path(tempfile.mkdtemp(prefix="reverie-cuda-"))
    problems = []

    def reverie(*words):
        answer = subprocess.run([binary, *map(str, words), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if answer.returncode != 0:
            sys.exit(f"check_cuda.py: error: reverie {' '.join(map(str, words))}: {answer.stderr.strip().splitlines()[-1]}")
        return json.loads(answer.stdout)

    def expect(what, found, wanted, tolerance):
        worst = max(abs(f - w) / max(abs(w), 1e-6) for f, w in zip(found, wanted, strict=True))
        print(f"{what}: apart by {worst:.2g} of it at most (allowed {tolerance})", file=sys.stderr)
        if not worst <= tolerance:
            problems.append(what)

    checks, rates = {}, []
    try:
        task, data, held_out = "dm_control/cartpole-swingup", folder / "data", folder / "held-out"
        for seed, episodes, out in ((0, 20, data), (1, 4, held_out)):
            reverie("collect", task, "--out", out, "--episodes", episodes, "--seed", seed, "--policy", "smooth")
        for kind, options in (("ensemble", []), ("latent", []), ("latent", ["--set", "memory=4"])):
            name = kind + "-".join(["", *options[1:]])
            errors = {}
            for role, device in (("device", arguments.device), ("cpu", "cpu")):
                reverie("train", "--model", kind, "--data", data, "--out", folder / f"{name}-on-{role}", "--steps",
                        arguments.updates, "--device", device, *options)
            for role, trained_on, device in (("device", "device", arguments.device), ("moved", "device", "cpu"),
                                             ("cpu", "cpu", "cpu")):
                compared = reverie("compare", "--model", folder / f"{name}-on-{trained_on}", "--data", held_out, "--horizons",
                                   "1,5,10", "--device", device)
                errors[role] = [horizon["nrmse"] for horizon in compared["horizons"]]
            expect(f"{name}: one model on both devices", errors["device"], errors["moved"], SAME)
            expect(f"{name}: trained on either device", errors["device"], errors["cpu"], ALIKE)
            checks[name] = errors

        # Stopped halfway and gone on with, a run ends as one that was not.
        returns = {}
        for out, marks in (("whole", [4000]), ("halves", [2000, 4000])):
            for i, steps in enumerate(marks):
                run = reverie("learn", task, "--model", "latent", "--out", folder / out, "--env-steps", steps, "--device",
                              arguments.device, "--set", "random_episodes=2", "--set", "first_updates=100", "--set",
                              "updates_per_step=0.2", *(["--resume"] if i else []))
            returns[out] = [episode["return"] for episode in run["episodes"]]
        expect("latent: learning stopped and resumed", returns["halves"], returns["whole"], SAME)

        for kind, sizes in (("ensemble", [None]), ("latent", ["tiny", "1M", "5M"])):
            for size in sizes:
                of_size = ["--set", f"size={size}"] if size else []
                row = {"model": kind, "size": size}
                for what, rate in (("train", "updates_per_s"), ("plan", "plans_per_s")):
                    for role, device in (("device", arguments.device), ("cpu", "cpu")):
                        told = reverie("bench", what, "--task", task, "--model", kind, *of_size, "--device", device)
                        row[f"{role}_{rate}"] = told[rate]
                rates.append(row)
                print("  ".join(f"{key} {value:.1f}" if isinstance(value, float) else f"{value}" for key, value in row.items()),
                      file=sys.stderr)
    finally:
        shutil.rmtree(folder)
    if arguments.json:
        print(json.dumps({"device": arguments.device, "checks": checks, "rates": rates, "problems": problems}))
    if problems:
        sys.exit("check_cuda.py: error: differs from the processor: " + "; ".join(problems))


if __name__ == "__main__":
    main()
