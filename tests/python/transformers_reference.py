"""The transformers library's V-JEPA 2, offline, whichever build of torchvision lies beside this Torch."""

import os
import sys

try:
    import torch
except ImportError:
    print("skipped: this Python has no torch (scripts/setup.sh --torch takes LibTorch alone)")
    sys.exit(77)

os.environ["HF_HUB_OFFLINE"] = "1"
try:
    import torchvision  # noqa: F401
except RuntimeError:
    # Its compiled half is of another build (CUDA, processor) than this Torch's; transformers needs the half in Python
    # alone, which asks for the names of two operators.
    _library = torch.library.Library("torchvision", "FRAGMENT")
    for _operator in ("nms", "qnms"):
        _library.define(f"{_operator}(Tensor boxes, Tensor scores, float iou_threshold) -> Tensor")

from transformers import (VJEPA2Config, VJEPA2ForVideoClassification, VJEPA2Model,  # noqa: E402, F401
                          VJEPA2VideoProcessor)
