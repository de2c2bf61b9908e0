#!/usr/bin/env python3
"""Saves a small V-JEPA 2 with random weights, as the transformers library stores one: a floor for what a frozen encoder
is worth, and something to try `reverie train --encoder` and `reverie encode` with where no weights are at hand.

    scripts/random_vjepa2.py OUT [--crop 64] [--patch 16] [--width 64] [--layers 2] [--heads 4] [--seed 0]
"""

import argparse
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "python"))
from transformers_reference import VJEPA2Config, VJEPA2Model, torch  # noqa: E402
import transformers  # noqa: E402  once the line above has made it importable


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", help="folder for config.json and model.safetensors")
    parser.add_argument("--crop", type=int, default=64, help="pixels that it sees (64)")
    parser.add_argument("--patch", type=int, default=16, help="pixels of a token (16)")
    parser.add_argument("--width", type=int, default=64, help="channels of a token (64)")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    transformers.utils.logging.disable_progress_bar()
    if os.path.exists(os.path.join(options.out, "config.json")):
        sys.exit(f"{options.out}: there is a model already; give another folder")
    torch.manual_seed(options.seed)
    config = VJEPA2Config(crop_size=options.crop, patch_size=options.patch, hidden_size=options.width,
                          num_hidden_layers=options.layers, num_attention_heads=options.heads, frames_per_clip=16,
                          pred_hidden_size=options.width, pred_num_hidden_layers=1,
                          pred_num_attention_heads=options.heads)
    model = VJEPA2Model(config).eval()
    with torch.no_grad():
        # As wide as needed for what is seen to come through: initialised for training they are all but zero.
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=parameter[0].numel() ** -0.5)
    model.save_pretrained(options.out)
    print(f"{options.out}: {sum(p.numel() for p in model.encoder.parameters())} weights of the encoder, "
          f"{(options.crop // options.patch) ** 2} tokens of {options.width}")


if __name__ == "__main__":
    main()
