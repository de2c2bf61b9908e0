#!/usr/bin/env python3
"""Turns a published V-JEPA 2-AC checkpoint (.pt) into safetensors that 'reverie encode' reads.

OUT/            the action-conditioned predictor: config.json, model.safetensors
OUT/encoder/    the encoder beside it in the checkpoint, as the transformers library stores V-JEPA 2

The checkpoint's tensors keep their values; the predictor's keep their names too. What the tensors do not say (picture
size, heads, eps) is the published model's and can be given.
"""

import argparse
import json
import pathlib
import re
import sys

import torch
from safetensors.torch import save_file

PREDICTOR_PARTS = re.compile(
    r"(predictor_embed|action_encoder|state_encoder|extrinsics_encoder|predictor_norm|predictor_proj"
    r"|predictor_blocks\.\d+\.(norm1|norm2|attn\.qkv|attn\.proj|mlp\.fc1|mlp\.fc2))\.(weight|bias)")


def fail(message):
    sys.exit(f"convert_vjepa2_ac: error: {message}")


def clean(state):
    """Names as the modules have them, without the wrappers of distributed training; tensors of their own memory."""
    return {name.replace("module.", "").replace("backbone.", ""): value.detach().contiguous().clone()
            for name, value in state.items()}


def depth_of(state, prefix):
    numbers = [int(name[len(prefix):].split(".")[0]) for name in state if name.startswith(prefix)]
    return max(numbers, default=-1) + 1


def predictor_config(state, args):
    width, embed = state["predictor_embed.weight"].shape
    grid = args.image_size // args.patch_size
    return {
        "model_type": "vjepa2_ac",
        "grid_height": grid,
        "grid_width": grid,
        "embed_dim": embed,
        "predictor_embed_dim": width,
        "depth": depth_of(state, "predictor_blocks."),
        "num_heads": args.heads,
        "mlp_ratio": state["predictor_blocks.0.mlp.fc1.weight"].shape[0] / width,
        "action_embed_dim": state["action_encoder.weight"].shape[1],
        "use_extrinsics": args.extrinsics,
        "is_frame_causal": True,
        "layer_norm_eps": args.eps,
    }


def convert_encoder(state, args):
    """The encoder in transformers' names; queries, keys and values are one matrix in the checkpoint."""
    patches = state["patch_embed.proj.weight"]
    width = patches.shape[0]
    out = {"encoder.embeddings.patch_embeddings.proj.weight": patches,
           "encoder.embeddings.patch_embeddings.proj.bias": state["patch_embed.proj.bias"],
           "encoder.layernorm.weight": state["norm.weight"], "encoder.layernorm.bias": state["norm.bias"]}
    depth = depth_of(state, "blocks.")
    for i in range(depth):
        for kind in ("weight", "bias"):
            parts = state[f"blocks.{i}.attn.qkv.{kind}"].chunk(3)
            for name, part in zip(("query", "key", "value"), parts):
                out[f"encoder.layer.{i}.attention.{name}.{kind}"] = part.clone()
            out[f"encoder.layer.{i}.attention.proj.{kind}"] = state[f"blocks.{i}.attn.proj.{kind}"]
            for name in ("norm1", "norm2", "mlp.fc1", "mlp.fc2"):
                out[f"encoder.layer.{i}.{name}.{kind}"] = state[f"blocks.{i}.{name}.{kind}"]
    config = {
        "model_type": "vjepa2",
        "architectures": ["VJEPA2Model"],
        "patch_size": patches.shape[-1],
        "tubelet_size": patches.shape[2],
        "in_chans": patches.shape[1],
        "crop_size": args.image_size,
        "frames_per_clip": args.frames,
        "hidden_size": width,
        "num_attention_heads": args.encoder_heads,
        "num_hidden_layers": depth,
        "mlp_ratio": state["blocks.0.mlp.fc1.weight"].shape[0] / width,
        "layer_norm_eps": args.eps,
        "qkv_bias": True,
        "hidden_act": "gelu",
    }
    # int(width * ratio) must give the hidden size back.
    while int(width * config["mlp_ratio"]) < state["blocks.0.mlp.fc1.weight"].shape[0]:
        config["mlp_ratio"] += 1e-12
    return config, out


def save(folder, config, tensors):
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / "model.safetensors.partial"
    save_file(tensors, partial, metadata={"format": "pt"})
    partial.replace(folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=pathlib.Path, help="vjepa2-ac-vitg.pt")
    parser.add_argument("out", type=pathlib.Path, help="folder for the result; a new one")
    parser.add_argument("--image-size", type=int, default=256, help="pixels along a side (256)")
    parser.add_argument("--patch-size", type=int, default=16, help="pixels along a patch's side (16)")
    parser.add_argument("--frames", type=int, default=64, help="frames of a clip (64)")
    parser.add_argument("--heads", type=int, default=16, help="of the predictor's attention (16)")
    parser.add_argument("--encoder-heads", type=int, default=22, help="of the encoder's attention (22)")
    parser.add_argument("--eps", type=float, default=1e-6, help="of layer normalisation (1e-6)")
    parser.add_argument("--extrinsics", action="store_true", help="the model takes the camera's pose too")
    args = parser.parse_args()
    if args.out.exists() and any(args.out.iterdir()):
        fail(f"{args.out}: expected a new or empty folder")
    try:
        checkpoint = torch.load(args.checkpoint, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # torch raises many kinds
        fail(f"{args.checkpoint}: not a checkpoint that torch reads: {str(error).splitlines()[0]}")
    if not isinstance(checkpoint, dict) or "predictor" not in checkpoint:
        fail(f"{args.checkpoint}: expected a 'predictor' in it, as V-JEPA 2-AC's checkpoints have")
    predictor = clean(checkpoint["predictor"])
    foreign = [name for name in predictor if not PREDICTOR_PARTS.fullmatch(name)]
    if foreign or "action_encoder.weight" not in predictor:
        fail(f"{args.checkpoint}: not V-JEPA 2-AC's predictor: " +
             (f"has {', '.join(foreign[:4])}" if foreign else "lacks action_encoder.weight"))
    config = predictor_config(predictor, args)
    if config["predictor_embed_dim"] % args.heads != 0:
        fail(f"--heads {args.heads}: the predictor's width is {config['predictor_embed_dim']}")
    if "encoder" in checkpoint:
        encoder_config, tensors = convert_encoder(clean(checkpoint["encoder"]), args)
        save(args.out / "encoder", encoder_config, tensors)
    save(args.out, config, predictor)
    print(f"{args.out}: {config['depth']} blocks of width {config['predictor_embed_dim']}" +
          (f"; the encoder in {args.out / 'encoder'}" if "encoder" in checkpoint else ""))


if __name__ == "__main__":
    main()
