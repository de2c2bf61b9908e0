"""What learning writes is what Python's safetensors reads, and the same seed writes the same bytes.

Also: exit codes and messages of learn, train, evaluate and compare on bad input.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np
from safetensors import safe_open

BINARY = os.environ["REVERIE_BINARY"]
SMALL = ["--set", "model.width=16", "--set", "model.layers=2", "--set", "model.members=2", "--set", "first_updates=20",
         "--set", "updates_per_step=0.1", "--set", "planner.sequences=12", "--set", "planner.elites=4",
         "--set", "planner.iterations=1", "--set", "planner.horizon=4", "--threads", "1"]


def run(*arguments, code=0):
    done = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=300)
    assert done.returncode == code, f"{arguments}: exit {done.returncode}, expected {code}: {done.stderr[-500:]}"
    return done


def refused(*arguments, holds):
    done = run(*arguments, code=1)
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1 and lines[0].startswith("reverie: error: "), f"{arguments}: {done.stderr}"
    assert holds in lines[0], f"{arguments}: expected '{holds}' in: {lines[0]}"


def learn_writes_safetensors_and_is_deterministic(folder):
    reports = []
    for name in ("a", "b"):
        out = folder / name
        done = run("learn", "pendulum-swingup", "--out", out, "--env-steps", 2500, "--seed", 3, "--json", *SMALL)
        reports.append(json.loads(done.stdout))
    for key in ("task", "model", "seed", "env_steps", "wall_s", "return_last3", "episodes", "plan_ms", "update_ms"):
        assert key in reports[0], f"learn --json lacks {key}"
    assert [e["return"] for e in reports[0]["episodes"]] == [e["return"] for e in reports[1]["episodes"]]
    for file in ("weights.safetensors", "baseline.safetensors", "config.json"):
        assert (folder / "a" / file).read_bytes() == (folder / "b" / file).read_bytes(), f"{file} differs between runs"
    with h5py.File(folder / "a/data/main_data.hdf5") as a, h5py.File(folder / "b/data/main_data.hdf5") as b:
        assert set(a) == set(b)
        for episode in a:
            np.testing.assert_array_equal(a[episode]["actions"], b[episode]["actions"])
    with safe_open(folder / "a/weights.safetensors", "np") as weights:
        assert weights.metadata()["model"] == "ensemble"
        first = weights.get_tensor("layers.0.weight")
        assert first.shape[0] == 2 and first.shape[2] == 16 and first.dtype == np.float32
        assert np.isfinite(first).all() and first.std() > 0
        assert weights.get_tensor("layers.2.bias").shape[:2] == (2, 1)
    # The normalisation is that of the data on disk.
    with h5py.File(folder / "a/data/main_data.hdf5") as data, safe_open(folder / "a/weights.safetensors", "np") as weights:
        observations = [data[e]["observations"][:] for e in data]
        change = np.concatenate([o[1:] - o[:-1] for o in observations])
        np.testing.assert_allclose(weights.get_tensor("normalization.change_scale"), change.std(0), rtol=1e-4)
    lines = [json.loads(line) for line in (folder / "a/log.jsonl").read_text().splitlines()]
    assert [line["episode"] for line in lines] == list(range(len(lines))) and len(lines) >= 2


def killed_and_resumed_it_ends_the_same(folder):
    out = folder / "killed"
    command = ["learn", "pendulum-swingup", "--out", out, "--env-steps", 2500, "--seed", 3, *SMALL]
    process = subprocess.Popen([BINARY, *map(str, command)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (out / "log.jsonl").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.kill()
    process.wait()
    done = len((out / "log.jsonl").read_text().splitlines())
    run(*command, "--resume")
    for file in ("weights.safetensors", "data/main_data.hdf5", "data/metadata.json"):
        whole, resumed = ((folder / name / file).read_bytes() for name in ("a", "killed"))
        if file.endswith("metadata.json"):  # which names its own folder
            whole, resumed = whole.replace(b'"a-v0"', b"?"), resumed.replace(b'"killed-v0"', b"?")
        assert whole == resumed, f"{file} differs after a kill that followed {done} episodes"


def evaluate_and_compare(folder):
    report = json.loads(run("evaluate", "pendulum-swingup", "--model", folder / "a", "--episodes", 2, "--out",
                            folder / "acting", "--json", "--threads", 1, *SMALL[10:-2]).stdout)
    for key in ("task", "model", "planner", "seed", "returns", "mean_return", "plans_per_s"):
        assert key in report, f"evaluate --json lacks {key}"
    assert len(report["returns"]) == 2
    with h5py.File(folder / "acting/data/main_data.hdf5") as data:
        recorded = [float(data[f"episode_{k}"]["rewards"][:].sum()) for k in range(2)]
    np.testing.assert_allclose(report["returns"], recorded, rtol=1e-12)
    # As it explores while it learns: other actions, the same for a seed.
    noisy = [json.loads(run("evaluate", "pendulum-swingup", "--model", folder / "a", "--episodes", 2, "--exploration", 1,
                            "--json", "--threads", 1, *SMALL[10:-2]).stdout)["returns"] for _ in range(2)]
    assert noisy[0] == noisy[1] != report["returns"]
    report = json.loads(run("compare", "--model", folder / "a", "--data", folder / "acting", "--horizons", "1,5",
                            "--windows", 20, "--out", folder / "compared", "--json", "--threads", 1).stdout)
    assert report["windows"] == 20 and [h["h"] for h in report["horizons"]] == [1, 5]
    for key in ("nrmse", "nrmse_persistence", "nrmse_linear", "nll", "coverage50", "coverage90"):
        assert key in report["horizons"][0], f"compare --json lacks {key}"
    for file in ("compare.json", "example.json", "compare.png", "worst.mp4"):
        assert (folder / "compared" / file).stat().st_size > 0, f"compare left no {file}"
    # Persistence is known from the data alone: the root mean square of what changes, over the deviation.
    simulator = json.loads(run("compare", "--model", "simulator", "--data", folder / "acting", "--horizons", "1,5",
                               "--windows", 20, "--json", "--threads", 1).stdout)
    assert simulator["horizons"][1]["nrmse"] < 1e-5 < simulator["horizons"][1]["nrmse_persistence"]


def train_on_a_dataset(folder):
    run("collect", "pendulum-swingup", "--out", folder / "set", "--episodes", 3, "--policy", "smooth", "--threads", 1)
    report = json.loads(run("train", "--data", folder / "set", "--out", folder / "trained", "--steps", 200, "--json",
                            "--threads", 1, "--set", "width=16").stdout)
    assert report["updates"] == 200 and np.isfinite(report["held_out_nrmse"])
    with safe_open(folder / "trained/weights.safetensors", "np") as weights:
        assert weights.get_tensor("layers.0.weight").shape[2] == 16


def several_seeds(folder):
    command = ["learn", "pendulum-swingup", "--out", folder / "seeds", "--env-steps", 2500, *SMALL]
    report = json.loads(run(*command, "--seeds", "3,4", "--json").stdout)
    assert [r["seed"] for r in report["runs"]] == [3, 4]
    assert report["return_last3"] == sorted(r["return_last3"] for r in report["runs"])[1]
    weights = "weights.safetensors"
    assert (folder / "seeds/seed-3" / weights).read_bytes() == (folder / "a" / weights).read_bytes()
    assert (folder / "seeds/seed-4" / weights).read_bytes() != (folder / "a" / weights).read_bytes()
    again = json.loads(run(*command, "--seeds", "3,4", "--resume", "--json").stdout)
    assert [r["episodes"] for r in again["runs"]] == [r["episodes"] for r in report["runs"]]
    refused(*command, "--seeds", "5,3", holds="--overwrite")
    assert not (folder / "seeds/seed-5/log.jsonl").exists(), "a run began before all folders were looked at"
    run(*command, "--seeds", "1,1", code=2)
    run(*command, "--seeds", "1,2", "--seed", 3, code=2)


def preferred_action(weights, observation):
    """The mean of a latent model's policy, from the tensors on disk alone."""
    def network(name, x, last):
        layers = sorted({int(key.split(".")[1]) for key in weights if key.startswith(name + ".")})
        for i in layers:
            x = x @ weights[f"{name}.{i}.weight"] + weights[f"{name}.{i}.bias"].reshape(-1)
            if f"{name}.{i}.norm.weight" not in weights:
                continue
            x = (x - x.mean()) / np.sqrt(x.var() + 1e-5)
            x = x * weights[f"{name}.{i}.norm.weight"].reshape(-1) + weights[f"{name}.{i}.norm.bias"].reshape(-1)
            if i == layers[-1]:
                x = last(x)
            else:
                x = x * np.tanh(np.log1p(np.exp(x)))  # Mish
        return x

    def simplices(x):
        e = np.exp(x.reshape(-1, 8))
        return (e / e.sum(1, keepdims=True)).reshape(-1)

    size = len(observation)
    scaled = (observation - weights["normalization.feature_mean"][:size]) / weights["normalization.feature_scale"][:size]
    latent = network("encoder", np.clip(scaled, -10, 10), simplices)
    output = network("policy", latent, None)
    return np.tanh(output[: len(output) // 2])


def a_latent_models_own_policy(folder):
    small = ["--set", "model.latent=16", "--set", "model.width=32", "--set", "model.encoder_width=32",
             "--set", "model.decoder_width=16", "--set", "model.batch=32", "--set", "model.precision=float32",
             "--set", "random_episodes=1", "--set", "first_updates=30", "--set", "updates_per_step=0.1"]
    model = folder / "latent"
    run("learn", "pendulum-swingup", "--model", "latent", "--out", model, "--env-steps", 2500, "--seed", 1, "--threads", 1,
        "--set", "planner.sequences=24", "--set", "planner.iterations=1", *small)
    with safe_open(model / "weights.safetensors", "np") as file:
        assert file.metadata()["model"] == "latent"
        weights = {key: file.get_tensor(key) for key in file.keys()}
    run("collect", "pendulum-swingup", "--policy", "model", "--model", model, "--episodes", 2, "--out", folder / "by-policy",
        "--threads", 1)
    with h5py.File(folder / "by-policy/data/main_data.hdf5") as data:
        assert "policy(latent)" in json.dumps(dict(data.attrs), default=str) + (
            folder / "by-policy/data/metadata.json").read_text()
        episode = data["episode_1"]
        expected = np.array([preferred_action(weights, o) for o in episode["observations"][:-1]])
        np.testing.assert_allclose(episode["actions"][:], expected, atol=2e-4)
        assert episode["actions"][:].std() > 0
        played = [float(data[f"episode_{k}"]["rewards"][:].sum()) for k in range(2)]
    report = json.loads(run("evaluate", "pendulum-swingup", "--model", model, "--planner", "policy", "--episodes", 2,
                            "--json", "--threads", 1).stdout)
    assert report["planner"] == "policy" and all(0 <= r for r in report["returns"]) and len(played) == 2
    # Planner and policy of one model take turns, and which of them acted is kept.
    run("collect", "pendulum-swingup", "--policy", "planner:1,model:1", "--model", model, "--episodes", 6, "--out",
        folder / "mixed", "--threads", 1, "--set", "planner.sequences=24", "--set", "planner.iterations=1")
    with h5py.File(folder / "mixed/data/main_data.hdf5") as data:
        assert {int(data[e]["infos/policy"][0]) for e in data} == {0, 1}
    refused("evaluate", "pendulum-swingup", "--model", folder / "a", "--planner", "policy", holds="no policy of its own")
    refused("evaluate", "pendulum-swingup", "--model", "simulator", "--planner", "policy", holds="no policy of its own")
    refused("learn", "pendulum-swingup", "--out", folder / "none", "--planner", "policy", holds="no policy of its own")
    assert not any((folder / "none").glob("*")), "a run that cannot be made left files"
    done = run("collect", "pendulum-swingup", "--policy", "planner:1,model:1", "--model", folder / "a", "--episodes", 1,
               "--out", folder / "none", code=2)
    assert "are the same policy" in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def bad_input(folder):
    refused("learn", "blocks", "--out", folder / "none", holds="nothing to learn")
    refused("learn", "pendulum-swingup", "--out", folder / "a", "--env-steps", 2500, holds="--overwrite")
    refused("learn", "pendulum-swingup", "--out", folder / "none", "--set", "planner.horizn=3", holds="'horizon'")
    refused("evaluate", "cartpole-swingup", "--model", folder / "a", holds="trained on")
    refused("evaluate", "pendulum-swingup", "--model", folder / "nowhere", holds="no such folder")
    refused("compare", "--model", folder / "a", "--data", folder / "nowhere", holds="nowhere")
    if not os.path.exists("/dev/nvidia0"):
        refused("learn", "pendulum-swingup", "--out", folder / "none", "--device", "cuda", holds="no CUDA device")
    damaged = folder / "damaged"
    damaged.mkdir()
    for file in ("config.json", "weights.safetensors", "baseline.safetensors"):
        (damaged / file).write_bytes((folder / "a" / file).read_bytes())
    whole = (damaged / "weights.safetensors").read_bytes()
    (damaged / "weights.safetensors").write_bytes(whole[: len(whole) // 2])
    refused("evaluate", "pendulum-swingup", "--model", damaged, holds="truncated")
    assert run("learn", "pendulum-swingup", code=2).stdout == ""


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for check in (learn_writes_safetensors_and_is_deterministic, killed_and_resumed_it_ends_the_same,
                      evaluate_and_compare, train_on_a_dataset, several_seeds,
                      a_latent_models_own_policy, bad_input):
            check(folder)
            print("ok:", check.__name__.replace("_", " "))


if __name__ == "__main__":
    sys.exit(main())
