#!/usr/bin/env python3
"""V-JEPA 2-AC: a random checkpoint of the published one's names and shapes is converted and run.

What the predictor should give is computed here from the paper's description and the checkpoint's conventions, in
float64, token by token; what the encoder should give, by the transformers library. Needs REVERIE_BINARY and
REVERIE_SOURCE.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from transformers_reference import VJEPA2Model, torch
from safetensors.torch import load_file, save_file

BINARY = os.environ["REVERIE_BINARY"]
CONVERT = pathlib.Path(os.environ["REVERIE_SOURCE"]) / "scripts/convert_vjepa2_ac.py"
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))

IMAGE, PATCH, GRID = 48, 16, 3                         # pixels, pixels, patches
EMBED, DEPTH, HEADS = 44, 2, 2                         # the encoder
WIDTH, BLOCKS, PREDICTOR_HEADS, ACTION = 60, 3, 3, 7   # the predictor; heads of 20: two elements turn with no axis


def run(*command, code=0):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300)
    assert done.returncode == code, f"{command}: exit {done.returncode}, expected {code}: {done.stderr[-500:]}"
    return done


def block(state, name, width, hidden):
    for part in ("norm1", "norm2"):
        state[f"{name}.{part}.weight"] = 1 + 0.3 * torch.randn(width)
        state[f"{name}.{part}.bias"] = 0.3 * torch.randn(width)
    for part, outputs, inputs in (("attn.qkv", 3 * width, width), ("attn.proj", width, width),
                                  ("mlp.fc1", hidden, width), ("mlp.fc2", width, hidden)):
        linear(state, f"{name}.{part}", outputs, inputs)


def linear(state, name, outputs, inputs):
    state[f"{name}.weight"] = 1.5 * torch.randn(outputs, inputs) / inputs ** 0.5
    state[f"{name}.bias"] = 0.3 * torch.randn(outputs)


def norm(state, name, width):
    state[f"{name}.weight"] = 1 + 0.3 * torch.randn(width)
    state[f"{name}.bias"] = 0.3 * torch.randn(width)


def checkpoint():
    """Names as torch.hub.load('facebookresearch/vjepa2', 'vjepa2_ac_vit_giant') finds them in vjepa2-ac-vitg.pt."""
    torch.manual_seed(0)
    encoder, predictor = {}, {}
    encoder["patch_embed.proj.weight"] = torch.randn(EMBED, 3, 2, PATCH, PATCH) / 40
    encoder["patch_embed.proj.bias"] = 0.3 * torch.randn(EMBED)
    for i in range(DEPTH):
        block(encoder, f"blocks.{i}", EMBED, int(EMBED * 48 / 11))
    norm(encoder, "norm", EMBED)
    linear(predictor, "predictor_embed", WIDTH, EMBED)
    linear(predictor, "action_encoder", WIDTH, ACTION)
    linear(predictor, "state_encoder", WIDTH, ACTION)
    linear(predictor, "extrinsics_encoder", WIDTH, ACTION - 1)
    for i in range(BLOCKS):
        block(predictor, f"predictor_blocks.{i}", WIDTH, 4 * WIDTH)
    norm(predictor, "predictor_norm", WIDTH)
    linear(predictor, "predictor_proj", EMBED, WIDTH)
    return {"encoder": {f"module.backbone.{k}": v for k, v in encoder.items()},
            "predictor": {f"module.{k}": v for k, v in predictor.items()}, "epoch": 1}, encoder, predictor


def layer_norm(x, weight, bias):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred ** 2).mean(-1, keepdims=True) + 1e-6) * weight + bias


def turned(vector, place):
    """A query or key of one head, its first elements turned by time, the next by height, then by width.

    Neighbouring elements form a pair. Element i of an axis's n turns at 10000^-(2 (i mod n/2) / n), so that the two of
    a pair turn by different angles: the checkpoint was trained so.
    """
    vector, n = vector.copy(), 2 * (len(vector) // 3 // 2)
    for axis, position in enumerate(place):
        part = vector[axis * n:(axis + 1) * n].copy()
        for i in range(n):
            angle = position / 10000 ** (2 * (i % (n // 2)) / n)
            other = -part[i + 1] if i % 2 == 0 else part[i - 1]
            vector[axis * n + i] = part[i] * np.cos(angle) + other * np.sin(angle)
    return vector


def gelu(x):
    return torch.nn.functional.gelu(torch.from_numpy(x)).numpy()


def predict(state, tokens, conditions):
    """One clip. tokens (T, grid * grid, EMBED); conditions: (T, size) each, with their layer's name."""
    w = {k: v.double().numpy() for k, v in state.items()}

    def apply(name, x):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    rows, places, times = [], [], []
    for t, frame in enumerate(tokens):
        for name, values in conditions:
            rows.append(apply(name, values[t]))
            places.append((t, 0, 0))
        for i, token in enumerate(frame):
            rows.append(apply("predictor_embed", token))
            places.append((t, i // GRID, i % GRID))
        times += [t] * (len(rows) - len(times))
    x, times = np.stack(rows), np.array(times)
    size = WIDTH // PREDICTOR_HEADS
    for b in range(BLOCKS):
        name = f"predictor_blocks.{b}"
        qkv = apply(f"{name}.attn.qkv", layer_norm(x, w[f"{name}.norm1.weight"], w[f"{name}.norm1.bias"]))
        heads = []
        for h in range(PREDICTOR_HEADS):
            q, k, v = (qkv[:, part * WIDTH + h * size:part * WIDTH + (h + 1) * size] for part in range(3))
            q = np.stack([turned(row, place) for row, place in zip(q, places)])
            k = np.stack([turned(row, place) for row, place in zip(k, places)])
            scores = q @ k.T / np.sqrt(size)
            scores[times[:, None] < times[None, :]] = -np.inf
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            heads.append(scores / scores.sum(-1, keepdims=True) @ v)
        x = x + apply(f"{name}.attn.proj", np.concatenate(heads, -1))
        y = layer_norm(x, w[f"{name}.norm2.weight"], w[f"{name}.norm2.bias"])
        x = x + apply(f"{name}.mlp.fc2", gelu(apply(f"{name}.mlp.fc1", y)))
    x = x.reshape(len(tokens), -1, WIDTH)[:, len(conditions):].reshape(-1, WIDTH)
    return apply("predictor_proj", layer_norm(x, w["predictor_norm.weight"], w["predictor_norm.bias"]))


def encode(folder, model, data, code=0):
    out = folder / "out.safetensors"
    done = run(BINARY, "encode", "--encoder", model, "--data", data, "--out", out, "--json", "--overwrite", code=code)
    return done.stderr if code else load_file(out)


def close(found, expected, what):
    expected = torch.as_tensor(np.asarray(expected), dtype=torch.float32)
    assert found.shape == expected.shape, f"{what}: {tuple(found.shape)} is not {tuple(expected.shape)}"
    worst = ((found - expected).abs().max() / expected.abs().max()).item()
    print(f"{what}: largest relative difference {worst:.1e}")
    assert worst <= 1e-4, f"{what}: {worst}"


def main(folder):
    stored, encoder, predictor = checkpoint()
    torch.save(stored, folder / "ac.pt")
    sizes = ("--image-size", IMAGE, "--frames", 8, "--heads", PREDICTOR_HEADS, "--encoder-heads", HEADS)
    for extrinsics in (False, True):
        model = folder / f"converted {extrinsics}"
        run(sys.executable, CONVERT, folder / "ac.pt", model, *sizes, *(["--extrinsics"] if extrinsics else []))
        clips, frames = 2, 3
        data = {"last_hidden_state": torch.randn(clips, frames * GRID * GRID, EMBED),
                "actions": torch.randn(clips, frames, ACTION), "states": torch.randn(clips, frames, ACTION),
                "extrinsics": torch.randn(clips, frames, ACTION - 1)}
        save_file(data, folder / "data.safetensors")
        names = [("action_encoder", "actions"), ("state_encoder", "states")]
        names += [("extrinsics_encoder", "extrinsics")] if extrinsics else []
        expected = [predict(predictor, data["last_hidden_state"][b].view(frames, GRID * GRID, EMBED).double().numpy(),
                            [(layer, data[key][b].double().numpy()) for layer, key in names]) for b in range(clips)]
        found = encode(folder, model, folder / "data.safetensors")["predictor_output"]
        close(found, expected, f"predictor, extrinsics {extrinsics}")
        # Frames to come change nothing in what was predicted before.
        shorter = {k: v[:, :2 * GRID * GRID if k == "last_hidden_state" else 2].contiguous() for k, v in data.items()}
        save_file(shorter, folder / "data.safetensors")
        close(encode(folder, model, folder / "data.safetensors")["predictor_output"], found[:, :2 * GRID * GRID],
              "the same without the last frame")

    # The checkpoint's encoder, as transformers reads it and as Reverie does.
    config = json.loads((model / "encoder/config.json").read_text())
    assert (config["num_hidden_layers"], config["hidden_size"], config["crop_size"]) == (DEPTH, EMBED, IMAGE)
    reference, report = VJEPA2Model.from_pretrained(model / "encoder", output_loading_info=True)
    assert all(name.startswith("predictor.") for name in report["missing_keys"]) and not report["unexpected_keys"]
    assert torch.equal(reference.encoder.layer[1].attention.key.weight,
                       encoder["blocks.1.attn.qkv.weight"][EMBED:2 * EMBED])
    pixels = torch.randn(2, 4, 3, IMAGE, IMAGE)
    save_file({"pixel_values": pixels}, folder / "frames.safetensors")
    with torch.no_grad():
        expected = reference.eval()(pixel_values_videos=pixels, skip_predictor=True).last_hidden_state
    close(encode(folder, model / "encoder", folder / "frames.safetensors")["last_hidden_state"], expected, "encoder")

    # What does not fit is one line.
    save_file({k: v for k, v in data.items() if k != "states"}, folder / "data.safetensors")
    assert "'states' is missing" in encode(folder, model, folder / "data.safetensors", code=1)
    save_file({**data, "actions": data["actions"][..., :6].contiguous()}, folder / "data.safetensors")
    assert "found F32 (2, 3, 6)" in encode(folder, model, folder / "data.safetensors", code=1)
    tensors = load_file(model / "model.safetensors")
    del tensors["predictor_blocks.1.attn.qkv.bias"]
    save_file(tensors, model / "model.safetensors")
    save_file(data, folder / "data.safetensors")
    assert "missing predictor_blocks.1.attn.qkv.bias" in encode(folder, model, folder / "data.safetensors", code=1)
    done = run(sys.executable, CONVERT, folder / "ac.pt", model, *sizes, code=1)
    assert "expected a new or empty folder" in done.stderr
    torch.save({"predictor": {"blocks.0.weight": torch.zeros(2)}}, folder / "foreign.pt")
    done = run(sys.executable, CONVERT, folder / "foreign.pt", folder / "foreign", code=1)
    assert "not V-JEPA 2-AC's predictor: has blocks.0.weight" in done.stderr
    (folder / "text.pt").write_text("no checkpoint")
    done = run(sys.executable, CONVERT, folder / "text.pt", folder / "text", code=1)
    assert done.stderr.count("\n") == 1 and "not a checkpoint that torch reads" in done.stderr


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="reverie ac ü ") as name:
        main(pathlib.Path(name))
