#!/usr/bin/env python3
"""reverie encode beside PyTorch for Python: the same V-JEPA 2 model on the same pixels and threads.

Makes a model with random weights (the L configuration), encodes clips of 16 frames of 256 x 256 with both in turn, each
in a process of its own, and prints one JSON object: medians of the seconds that encoding takes and that the whole
process takes, the largest memory each holds, and the largest relative difference of what they find.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/python"))
SIZES = {
    "L": {},
    "H": dict(hidden_size=1280, num_hidden_layers=32, num_attention_heads=16),
    "g": dict(hidden_size=1408, num_hidden_layers=40, num_attention_heads=22, mlp_ratio=48 / 11),
    "small": dict(hidden_size=192, num_hidden_layers=4, num_attention_heads=3, pred_num_hidden_layers=2),
}


def make(args, folder):
    import torch
    from safetensors.torch import save_file
    from transformers_reference import VJEPA2Config, VJEPA2Model
    torch.manual_seed(0)
    VJEPA2Model(VJEPA2Config(frames_per_clip=args.frames, **SIZES[args.size])).save_pretrained(folder / "model")
    save_file({"pixel_values": torch.randn(args.clips, args.frames, 3, 256, 256)}, folder / "frames.safetensors")


def reference(args, folder):
    """What a user of transformers writes: load, encode clip by clip, save."""
    import torch
    from safetensors.torch import load_file, save_file
    from transformers_reference import VJEPA2Model
    torch.set_num_threads(args.threads)
    began = time.perf_counter()
    model = VJEPA2Model.from_pretrained(folder / "model").eval()
    if not args.predictor:
        del model.predictor
    load_s = time.perf_counter() - began
    pixels = load_file(folder / "frames.safetensors")["pixel_values"]
    began = time.perf_counter()
    features, predicted = [], []
    with torch.inference_mode():
        for clip in pixels.split(1):
            found = model(pixel_values_videos=clip, skip_predictor=not args.predictor)
            features.append(found.last_hidden_state)
            if args.predictor:
                predicted.append(found.predictor_output.last_hidden_state)
    out = {"last_hidden_state": torch.cat(features)}
    if args.predictor:
        out["predictor_output"] = torch.cat(predicted)
    save_file(out, folder / "reference.safetensors")
    print(json.dumps({"load_s": load_s, "wall_s": time.perf_counter() - began}))


def measured(command, threads):
    """Its JSON, with seconds and largest memory of the whole process."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"}
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"bench_vjepa2: error: {command[0]} ended with {status}")
    return {**json.loads(text), "process_s": time.perf_counter() - began, "peak_memory_mb": usage.ru_maxrss / 1024}


def difference(folder, file, names):
    from safetensors.torch import load_file
    found, expected = load_file(folder / file), load_file(folder / "reference.safetensors")
    return {name: ((found[name] - expected[name]).abs().max() / expected[name].abs().max()).item() for name in names}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="L")
    parser.add_argument("--clips", type=int, default=1)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--runs", type=int, default=3, help="of each, in turn (3)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--predictor", action="store_true")
    parser.add_argument("--bfloat16", action="store_true", help="measure reverie in bfloat16 too")
    parser.add_argument("--binary", default=os.environ.get("REVERIE_BINARY", ROOT / "build/release/reverie"))
    parser.add_argument("--folder", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--step", choices=["make", "reference"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.step:
        return {"make": make, "reference": reference}[args.step](args, args.folder)
    with tempfile.TemporaryDirectory(prefix="reverie-bench-") as name:
        folder = pathlib.Path(name)
        own = [sys.executable, __file__, *sys.argv[1:], "--threads", str(args.threads), "--folder", name, "--step"]
        subprocess.run([*own, "make"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        predictor = ["--predictor"] if args.predictor else []
        reverie = [str(args.binary), "encode", "--encoder", f"{name}/model", "--data", f"{name}/frames.safetensors",
                   "--threads", str(args.threads), "--device", "cpu", "--json", "--overwrite", *predictor]
        commands = {"reverie": [*reverie, "--out", f"{name}/found.safetensors"], "python": [*own, "reference"]}
        if args.bfloat16:
            commands["reverie_bfloat16"] = [*reverie, "--out", f"{name}/coarse.safetensors", "--precision", "bfloat16"]
        runs = {which: [] for which in commands}
        for _ in range(args.runs):
            for which, command in commands.items():
                runs[which].append(measured(command, args.threads))
        report = {"size": args.size, "clips": args.clips, "frames": args.frames, "threads": args.threads,
                  "predictor": args.predictor, "runs": args.runs}
        for which, each in runs.items():
            report[which] = {key: statistics.median(run[key] for run in each)
                             for key in ("wall_s", "load_s", "process_s", "peak_memory_mb")}
            report[which]["each_wall_s"] = [round(run["wall_s"], 2) for run in each]
        report["speedup"] = statistics.median(p["wall_s"] / r["wall_s"] for p, r in zip(runs["python"], runs["reverie"]))
        names = ["last_hidden_state"] + ["predictor_output"] * args.predictor
        report["difference"] = difference(folder, "found.safetensors", names)
        if args.bfloat16:
            report["difference_bfloat16"] = difference(folder, "coarse.safetensors", names)
        print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
