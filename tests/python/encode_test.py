#!/usr/bin/env python3
"""reverie encode against the transformers library: features, preprocessing, files of every broken kind.

Needs REVERIE_BINARY. Models are small, with random weights; nothing is downloaded.
"""

import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import tempfile
import time

import h5py
import numpy as np
from transformers_reference import (VJEPA2Config, VJEPA2ForVideoClassification, VJEPA2Model, VJEPA2VideoProcessor,
                                    torch)
from safetensors import safe_open
from safetensors.torch import load_file, save_file

BINARY = os.environ["REVERIE_BINARY"]
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))

# Name: configuration, shape of the pixels.
SMALL = {
    "square": (dict(crop_size=32, frames_per_clip=4, hidden_size=48, num_attention_heads=2, num_hidden_layers=2,
                    pred_hidden_size=24, pred_num_attention_heads=2, pred_num_hidden_layers=2), (2, 4, 3, 32, 32)),
    # Five heads, a grid of 7 x 7, head sizes that three axes do not divide, patches of 8, tubelets of 3.
    "odd grid": (dict(crop_size=56, patch_size=8, tubelet_size=3, frames_per_clip=9, hidden_size=100,
                      num_attention_heads=5, num_hidden_layers=3, mlp_ratio=3.5, pred_hidden_size=66,
                      pred_num_attention_heads=3, pred_num_hidden_layers=2, pred_num_mask_tokens=3,
                      layer_norm_eps=1e-5), (3, 10, 3, 56, 56)),
    # Pictures of another size than the crop and not square, fewer frames than a tubelet, no biases of queries.
    "other size": (dict(crop_size=48, frames_per_clip=8, hidden_size=64, num_attention_heads=4, num_hidden_layers=2,
                        qkv_bias=False, pred_hidden_size=32, pred_num_attention_heads=4, pred_num_hidden_layers=1,
                        pred_num_mask_tokens=1), (2, 1, 3, 64, 40)),
}


def run(*arguments, code=0, **options):
    done = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == code, f"{arguments}: exit {done.returncode}, expected {code}: {done.stderr[-500:]}"
    return done


def refused(*arguments, holds):
    lines = [line for line in run(*arguments, code=1).stderr.splitlines() if line.strip()]
    assert len(lines) == 1 and lines[0].startswith("reverie: error: "), f"{arguments}: {lines}"
    for text in [holds] if isinstance(holds, str) else holds:
        assert text in lines[0], f"{arguments}: expected '{text}' in: {lines[0]}"


def difference(found, expected):
    """Largest difference relative to the largest value."""
    assert found.shape == expected.shape, f"{tuple(found.shape)} is not {tuple(expected.shape)}"
    return ((found - expected).abs().max() / expected.abs().max()).item()


def random_model(seed, kind=VJEPA2Model, **config):
    """Weights of such a size that every part of the model matters for what comes out."""
    torch.manual_seed(seed)
    model = kind(VJEPA2Config(**config)).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            scale = 0.5 if parameter.ndim < 2 else 1.5 / parameter[0].numel() ** 0.5
            parameter.copy_(torch.randn_like(parameter) * scale + (1.0 if "norm" in name and "weight" in name else 0.0))
    return model


def encode(folder, encoder, data, *options):
    out = folder / "out.safetensors"
    report = json.loads(run("encode", "--encoder", encoder, "--data", data, "--out", out, "--json", "--overwrite",
                            *options).stdout)
    return load_file(out), report


def features_equal_the_reference(folder):
    for seed, (name, (config, shape)) in enumerate(SMALL.items()):
        model = random_model(seed, **config)
        model.save_pretrained(folder / name)
        pixels = torch.randn(shape)
        save_file({"pixel_values": pixels}, folder / "frames.safetensors")
        with torch.no_grad():
            expected = model(pixel_values_videos=pixels)
        for options in ([], ["--batch", "1"], ["--batch", "2", "--threads", "1"]):
            found, report = encode(folder, folder / name, folder / "frames.safetensors", "--predictor", *options)
            worst = {"last_hidden_state": difference(found["last_hidden_state"], expected.last_hidden_state),
                     "predictor_output": difference(found["predictor_output"],
                                                    expected.predictor_output.last_hidden_state)}
            assert max(worst.values()) <= 1e-4, f"{name} {options}: {worst}"
        print(f"{name}: largest relative difference {worst}")
        for key in ("windows", "tokens", "hidden_size", "device", "precision", "wall_s", "peak_memory_mb"):
            assert key in report, f"--json lacks {key}"
        assert (report["windows"], report["tokens"]) == tuple(expected.last_hidden_state.shape[:2])
        # Without the predictor its output is not there, and the rest is the same.
        alone, _ = encode(folder, folder / name, folder / "frames.safetensors", *options)
        assert set(alone) == {"last_hidden_state"}
        assert torch.equal(alone["last_hidden_state"], found["last_hidden_state"])
        # In bfloat16 it is the same to that precision, and not to more.
        coarse, report = encode(folder, folder / name, folder / "frames.safetensors", "--precision", "bfloat16")
        assert report["precision"] == "bfloat16"
        assert 1e-4 < difference(coarse["last_hidden_state"], expected.last_hidden_state) < 0.15


def every_way_of_storing_is_read(folder):
    """Shards with an index, a classifier's encoder, half precision, an encoder without its predictor."""
    config, shape = SMALL["square"]
    model = random_model(7, **config)
    pixels = torch.randn(shape)
    frames = folder / "frames.safetensors"
    save_file({"pixel_values": pixels}, frames)
    with torch.no_grad():
        expected = model(pixel_values_videos=pixels)

    def check(encoder, *options, tolerance=1e-4, reference=expected):
        found, report = encode(folder, encoder, frames, *options)
        assert difference(found["last_hidden_state"], reference.last_hidden_state) <= tolerance, encoder
        if "predictor_output" in found:
            assert difference(found["predictor_output"], reference.predictor_output.last_hidden_state) <= tolerance
        return report

    model.save_pretrained(folder / "shards", max_shard_size="100KB")
    assert len(list((folder / "shards").glob("model-*.safetensors"))) > 2
    check(folder / "shards", "--predictor")

    classifier = random_model(8, VJEPA2ForVideoClassification, **config)
    classifier.vjepa2.load_state_dict(model.state_dict())
    classifier.save_pretrained(folder / "classifier")
    check(folder / "classifier", "--predictor")

    for dtype, name in ((torch.bfloat16, "bfloat16"), (torch.float16, "float16")):
        half = VJEPA2Model(VJEPA2Config(**config)).eval()
        half.load_state_dict({k: v.to(dtype).float() for k, v in model.state_dict().items()})
        with torch.no_grad():
            rounded = half(pixel_values_videos=pixels)
        half.to(dtype).save_pretrained(folder / name)
        assert check(folder / name, "--predictor", "--precision", "float32",
                     reference=rounded)["precision"] == "float32"
    assert check(folder / "bfloat16", tolerance=0.2)["precision"] == "bfloat16"
    assert check(folder / "float16", tolerance=0.01)["precision"] == "float32"

    shutil.copytree(folder / "square", folder / "alone")
    tensors = load_file(folder / "square/model.safetensors")
    save_file({k: v for k, v in tensors.items() if k.startswith("encoder.")}, folder / "alone/model.safetensors")
    encode(folder, folder / "alone", frames)
    refused("encode", "--encoder", folder / "alone", "--data", frames, "--out", folder / "new", "--predictor",
            holds="an encoder alone")


def broken_models_are_one_line(folder):
    frames, good = folder / "frames.safetensors", folder / "square"
    save_file({"pixel_values": torch.zeros(1, 4, 3, 32, 32)}, frames)
    weights, tensors = (good / "model.safetensors").read_bytes(), load_file(good / "model.safetensors")
    config = json.loads((good / "config.json").read_text())
    bad = folder / "bad"

    def check(holds, name=None, content=None, changed=None, settings=None):
        shutil.rmtree(bad, ignore_errors=True)
        shutil.copytree(good, bad)
        if name is not None:
            (bad / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        if changed is not None:
            save_file({k: v for k, v in {**tensors, **changed}.items() if v is not None}, bad / "model.safetensors")
        if settings is not None:
            (bad / "config.json").write_text(json.dumps({**config, **settings}))
        refused("encode", "--encoder", bad, "--data", frames, "--out", folder / "new", holds=holds)
        assert not list(folder.glob("new*")), "something was left behind"

    name = "model.safetensors"
    check([name, "found 0 bytes"], name, b"")
    check([name, "truncated"], name, weights[:100])
    check([name, "truncated or damaged"], name, weights[:-4])
    check([name, "truncated or damaged"], name, weights[:len(weights) // 2])
    check([name, "truncated or no safetensors file"], name, b"\xff" * 8 + weights[8:])
    check([name, "no JSON"], name, weights[:8] + b"?" + weights[9:])
    check([name, "it is damaged"], name, weights + b"more")
    key, other = "encoder.layer.1.mlp.fc2.weight", "encoder.layernorm.bias"
    # What the file's own header says of one tensor is changed: a lie about its size, then of its name.
    check([name, "mlp.fc2.weight", "needs 37056 bytes"], name, weights.replace(b'"shape":[48,192]', b'"shape":[48,193]'))
    check(["missing", key, "encoder.layer.1.mlp.fcX.weight"], name,
          weights.replace(key.encode(), b"encoder.layer.1.mlp.fcX.weight"))
    check(["missing", key, other], changed={key: None, other: None})
    check(["not of this model", "encoder.extra"], changed={"encoder.extra": torch.zeros(2)})
    check([key, "expected (48, 192), found (192, 48)"], changed={key: tensors[key].T.contiguous()})
    check([other, "found I64"], changed={other: tensors[other].long()})
    check([other, "not finite"], changed={other: tensors[other] * float("nan")})
    check(["missing", "encoder.layer.2.norm1.bias"], settings={"num_hidden_layers": 3})
    check("expected model_type 'vjepa2', found 'bert'", settings={"model_type": "bert"})
    check("model_type", settings={"model_type": None})
    check(["hidden_size", "found 48.5"], settings={"hidden_size": 48.5})
    check(["num_attention_heads", "multiple"], settings={"num_attention_heads": 7})
    check(["hidden_act", "gelu"], settings={"hidden_act": "relu"})
    check(["crop_size", "found 8"], settings={"crop_size": 8})
    check(["patch_size", "found [16,16]"], settings={"patch_size": [16, 16]})
    check("expected a JSON object", "config.json", "{")
    refused("encode", "--encoder", folder / "nowhere", "--data", frames, "--out", folder / "new", holds="no such folder")
    os.remove(bad / "config.json")
    refused("encode", "--encoder", bad, "--data", frames, "--out", folder / "new", holds="expected config.json")
    shutil.copy(good / "config.json", bad)
    os.remove(bad / name)
    refused("encode", "--encoder", bad, "--data", frames, "--out", folder / "new", holds=["found neither", str(bad)])
    # Shards: one that is missing, an index that names another file, one that leads out of the folder.
    shutil.rmtree(bad)
    shutil.copytree(folder / "shards", bad)
    shard, index = sorted(bad.glob("model-*.safetensors"))[0], bad / "model.safetensors.index.json"
    shutil.move(shard, folder / "kept")
    refused("encode", "--encoder", bad, "--data", frames, "--out", folder / "new", holds=shard.name)
    shutil.move(folder / "kept", shard)
    listed = json.loads(index.read_text())
    moved = next(k for k, v in listed["weight_map"].items() if v == shard.name)
    wrong = next(v for v in listed["weight_map"].values() if v != shard.name)
    for file, holds in ((wrong, [moved, "lacks it"]), ("../kept", "a file beside it")):
        index.write_text(json.dumps({"weight_map": {**listed["weight_map"], moved: file}}))
        refused("encode", "--encoder", bad, "--data", frames, "--out", folder / "new", holds=holds)


def broken_data_is_one_line(folder):
    frames, good, out = folder / "frames.safetensors", folder / "square", folder / "new.safetensors"

    def check(holds, tensors=None, data=frames):
        if tensors is not None:
            save_file(tensors, frames)
        refused("encode", "--encoder", good, "--data", data, "--out", out, holds=holds)
        assert not list(folder.glob("new*")), "something was left behind"

    check(["pixel_values", "'pixels'"], {"pixels": torch.zeros(1, 4, 3, 32, 32)})
    check(["found F64"], {"pixel_values": torch.zeros(1, 4, 3, 32, 32, dtype=torch.float64)})
    check(["found F32 (4, 3, 32, 32)"], {"pixel_values": torch.zeros(4, 3, 32, 32)})
    check(["expected at least 1 frame of 16 x 16"], {"pixel_values": torch.zeros(1, 4, 3, 8, 32)})
    check("no such file", data=folder / "missing.mp4")
    (folder / "no film.mp4").write_bytes(b"no film")
    check("no film.mp4", data=folder / "no film.mp4")
    run("collect", "pendulum-swingup", "--out", folder / "numbers", "--episodes", 1, "--policy", "random")
    check(["numbers", "encode needs pictures"], data=folder / "numbers")
    save_file({"pixel_values": torch.zeros(1, 4, 3, 32, 32)}, frames)
    out.write_bytes(b"kept")
    refused("encode", "--encoder", good, "--data", frames, "--out", out, holds="--overwrite")
    assert out.read_bytes() == b"kept"
    os.remove(out)
    refused("encode", "--encoder", good, "--data", frames, "--out", folder / "no/folder.safetensors",
            holds="No such file or directory")
    run("encode", "--encoder", good, "--data", frames, "--out", out, "--window", 4, code=2)
    run("encode", "--encoder", good, "--data", frames, "--out", out, "--precision", "float8", code=2)
    refused("encode", "--encoder", good, "--data", frames, "--out", out, "--surprise", 3,
            holds="multiple of 2 and fewer than the 4")


def video_processor(crop):
    """(T, H, W, 3) to (1, T, 3, crop, crop), as transformers does it."""
    processor = VJEPA2VideoProcessor(crop_size=crop)
    return lambda video: processor(torch.from_numpy(video).permute(0, 3, 1, 2),
                                   return_tensors="pt")["pixel_values_videos"]


def films_are_preprocessed_as_published(folder):
    """A film's windows give what the model makes of the published preprocessing of its decoded frames."""
    config, _ = SMALL["square"]
    random = np.random.default_rng(0)
    model = random_model(3, **config)
    model.save_pretrained(folder / "film model")
    for crop, (height, width) in ((32, (66, 92)), (48, (50, 46))):
        # Lossless RGB: what is decoded is what was written, so that only the preprocessing is compared.
        film = random.integers(0, 256, (11, height, width, 3), dtype=np.uint8)
        path = folder / f"film {crop}.mkv"
        write_lossless(path, film)
        settings = {"crop_size": {"height": crop, "width": crop}, "image_mean": [0.485, 0.456, 0.406],
                    "image_std": [0.229, 0.224, 0.225], "do_resize": True, "resample": 2,
                    "video_processor_type": "VJEPA2VideoProcessor"}
        name = folder / "film model" / "video_preprocessor_config.json"
        name.write_text(json.dumps(settings))
        if crop == 32:
            os.remove(name)  # the model's own crop size, the published mean and deviation
        process = video_processor(crop)
        for options, starts in (([], [0, 4, 7]), (["--stride", "3"], [0, 3, 6, 7]),
                                (["--stride", "6", "--window", "2"], [0, 6, 9]), (["--window", "64"], [0])):
            found, report = encode(folder, folder / "film model", path, *options)
            assert found["window_start"].tolist() == starts, found["window_start"]
            frames = report["frames"]
            with torch.no_grad():
                expected = torch.cat([model(pixel_values_videos=process(film[s:s + frames]), skip_predictor=True)
                                      .last_hidden_state for s in starts])
            worst = difference(found["last_hidden_state"], expected)
            assert worst <= 1e-4, f"crop {crop} {options}: {worst}"
    settings["do_resize"] = False
    name.write_text(json.dumps(settings))
    refused("encode", "--encoder", folder / "film model", "--data", path, "--out", folder / "new",
            holds=["do_resize", "expected true, found false"])
    os.remove(name)
    # A film cut short is an error or a shorter film, never a crash or a file in part.
    (folder / "cut.mkv").write_bytes(path.read_bytes()[:path.stat().st_size // 2])
    done = subprocess.run([BINARY, "encode", "--encoder", folder / "film model", "--data", folder / "cut.mkv", "--out",
                           folder / "new"], capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1) and (folder / "new").exists() == (done.returncode == 0)
    (folder / "new").unlink(missing_ok=True)


def datasets_give_their_episodes(folder):
    """Windows of recorded frames give what the model makes of the pixels that h5py finds in the dataset."""
    data = folder / "pixels"
    made = subprocess.run([BINARY, "collect", "pendulum-swingup", "--out", data, "--episodes", "2", "--policy", "random",
                           "--pixels", "40", "--seed", "1"], capture_output=True, text=True, timeout=300)
    if made.returncode != 0 and "EGL" in made.stderr:
        print("no OpenGL driver: pictures of datasets were not tested")
        return
    assert made.returncode == 0, made.stderr
    model = VJEPA2Model.from_pretrained(folder / "square").eval()
    process = video_processor(32)
    with h5py.File(data / "data/main_data.hdf5") as file:
        films = [next(iter(file[f"episode_{k}/observations/pixels"].values()))[:] for k in range(2)]
    encoded, _ = encode(folder, folder / "square", data, "--stride", 60)
    starts, episodes = encoded["window_start"].tolist(), encoded["window_episode"].tolist()
    assert episodes == sorted(episodes) and set(episodes) == {0, 1}
    for k in range(2):
        assert max(s for s, e in zip(starts, episodes) if e == k) == len(films[k]) - 4
    with torch.no_grad():
        expected = torch.cat([model(pixel_values_videos=process(films[e][s:s + 4]), skip_predictor=True)
                              .last_hidden_state for s, e in zip(starts, episodes)])
    assert difference(encoded["last_hidden_state"], expected) <= 1e-4
    alone, _ = encode(folder, folder / "square", data, "--stride", 60, "--episode", 1)
    assert torch.equal(alone["last_hidden_state"],
                       encoded["last_hidden_state"][torch.tensor(episodes) == 1])
    refused("encode", "--encoder", folder / "square", "--data", data, "--out", folder / "new", "--camera", "nowhere",
            holds=["no pictures of camera 'nowhere'"])
    refused("encode", "--encoder", folder / "square", "--data", data, "--out", folder / "new", "--episode", 2,
            holds=["episodes 0 to 1"])
    refused("encode", "--encoder", folder / "square", "--data", data, "--out", folder / "new", "--window", 100000,
            holds=["episode 0 has", "smaller --window"])


def write_lossless(path, film):
    """Matroska with raw RGB frames, as its specification has it: no encoder is needed."""
    def element(number, payload):
        return bytes.fromhex(number) + struct.pack(">Q", len(payload) | 1 << 56) + payload

    def number(value, size=4):
        return value.to_bytes(size, "big")

    _, height, width, _ = film.shape
    video = element("b0", number(width)) + element("ba", number(height)) + element("2eb524", b"RGB\x18")
    track = element("ae", element("d7", number(1)) + element("73c5", number(1)) + element("83", number(1, 1)) +
                    element("86", b"V_UNCOMPRESSED") + element("23e383", number(40_000_000)) + element("e0", video))
    blocks = b"".join(element("a3", b"\x81" + struct.pack(">h", 40 * i) + b"\x80" + frame.tobytes())
                      for i, frame in enumerate(film))
    ebml = element("1a45dfa3", element("4286", number(1)) + element("42f7", number(1)) + element("42f2", number(4)) +
                   element("42f3", number(8)) + element("4282", b"matroska") + element("4287", number(4)) +
                   element("4285", number(2)))
    info = element("1549a966", element("2ad7b1", number(1_000_000)))
    cluster = element("1f43b675", element("e7", number(0)) + blocks)
    path.write_bytes(ebml + element("18538067", info + element("1654ae6b", track) + cluster))


def surprise_is_the_error_on_future_tokens(folder):
    """As published: the encoder sees the context alone, the target is the whole window's features, normalised."""
    config, shape = SMALL["odd grid"]
    model = random_model(1, **config)
    torch.manual_seed(5)
    pixels = torch.randn(shape)
    save_file({"pixel_values": pixels}, folder / "frames.safetensors")
    found, _ = encode(folder, folder / "odd grid", folder / "frames.safetensors", "--surprise", 6, "--batch", "2")
    assert set(found) == {"last_hidden_state", "surprise"}
    per_time, tokens = 7 * 7, 3 * 7 * 7
    seen = torch.arange(2 * per_time).repeat(shape[0], 1)
    future = torch.arange(2 * per_time, tokens).repeat(shape[0], 1)
    with torch.no_grad():
        whole = model(pixel_values_videos=pixels, skip_predictor=True).last_hidden_state
        context = model(pixel_values_videos=pixels[:, :6], skip_predictor=True).last_hidden_state
        predicted = model.predictor(encoder_hidden_states=context, context_mask=[seen],
                                    target_mask=[future]).last_hidden_state
    target = torch.nn.functional.layer_norm(whole[:, 2 * per_time:], (whole.shape[-1],))
    expected = (predicted - target).abs().mean((1, 2))
    assert difference(found["surprise"], expected) <= 1e-4, (found["surprise"], expected)


def interrupted_leaves_nothing(folder):
    model = random_model(9, crop_size=64, frames_per_clip=8, hidden_size=256, num_attention_heads=4,
                         num_hidden_layers=12, pred_num_hidden_layers=1)
    model.save_pretrained(folder / "slow")
    save_file({"pixel_values": torch.zeros(200, 8, 3, 64, 64)}, folder / "frames.safetensors")
    process = subprocess.Popen([BINARY, "encode", "--encoder", folder / "slow", "--data", folder / "frames.safetensors",
                                "--out", folder / "new", "--batch", "1"], stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not (folder / "new.partial").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, (process.returncode, said)
    assert "interrupted" in said and not list(folder.glob("new*"))
    os.remove(folder / "frames.safetensors")


def the_file_says_where_it_is_from(folder):
    save_file({"pixel_values": torch.zeros(1, 4, 3, 32, 32)}, folder / "frames.safetensors")
    encode(folder, folder / "square", folder / "frames.safetensors")
    first = (folder / "out.safetensors").read_bytes()
    encode(folder, folder / "square", folder / "frames.safetensors", "--threads", "1")
    assert first == (folder / "out.safetensors").read_bytes(), "two runs wrote different bytes"
    with safe_open(folder / "out.safetensors", "np") as file:
        assert file.metadata()["encoder"] == str(folder / "square") and file.metadata()["precision"] == "float32"


TESTS = [features_equal_the_reference, every_way_of_storing_is_read, broken_models_are_one_line,
         broken_data_is_one_line, films_are_preprocessed_as_published, datasets_give_their_episodes,
         surprise_is_the_error_on_future_tokens,
         interrupted_leaves_nothing, the_file_says_where_it_is_from]

if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="reverie encode ü ") as name:
        for test in TESTS:
            began = time.monotonic()
            test(pathlib.Path(name))
            print(f"{test.__name__}: {time.monotonic() - began:.1f} s")
