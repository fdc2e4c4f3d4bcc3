"""Writes swin_reference.npz beside it: what torchvision's Swin blocks make of random weights and inputs.

It ran once, with Debian 12's packages python3-torch 1.13.1+dfsg-4 and python3-torchvision 0.14.1-2; the file
holds the versions that Python saw. The tests do without torch: its wheels on PyPI bring gigabytes of CUDA.
"""

import json
import platform
from pathlib import Path

import numpy as np
import torch
import torchvision
from torchvision.models.swin_transformer import PatchMerging, SwinTransformerBlock

#: Channels, heads, window and MLP ratio of blocks; shifted and unshifted ones share their weights.
BLOCKS = {
    "window 4": {"channels": 12, "heads": 3, "window": 4, "mlp_ratio": 2},
    "window 5": {"channels": 8, "heads": 2, "window": 5, "mlp_ratio": 4},
}

#: Block, whether it is shifted, height and width of the map.
CASES = {
    "whole windows": ("window 4", False, 8, 8),
    "whole windows, shifted": ("window 4", True, 8, 8),
    "padded": ("window 4", False, 6, 10),
    "padded, shifted": ("window 4", True, 6, 10),
    "one window, shifted": ("window 4", True, 4, 4),
    "less than a window, shifted": ("window 4", True, 3, 2),
    "one window high, shifted": ("window 4", True, 3, 9),
    "one window wide, shifted": ("window 4", True, 9, 4),
    "odd window, shifted": ("window 5", True, 11, 6),
}

#: Cases whose gradients by the weights are kept.
WITH_GRADIENTS = ("padded, shifted", "odd window, shifted")


def draw(module, rng):
    """Give a module random weights, all of which show in the output: float32 values, float64 arithmetic."""
    module.double().eval()
    for name, weight in module.named_parameters():
        values = rng.normal(size=weight.shape) / (np.sqrt(weight.shape[-1]) if weight.ndim == 2 else 2)
        if name.endswith("table"):
            values = rng.normal(size=weight.shape)
        elif "norm" in name and name.endswith("weight"):
            values += 1
        weight.data = torch.from_numpy(values.astype(np.float32)).double()
    return module


def recorded(module, values, with_gradients):
    """Input, output, and gradients of the sum of their product, in which the input counts as constant."""
    values = torch.from_numpy(values).double().requires_grad_()
    output = module(values)
    module.zero_grad()
    (output * values.detach()).sum().backward()
    arrays = {"input": values.detach(), "output": output.detach(), "input gradient": values.grad}
    if with_gradients:
        arrays |= {f"gradient/{name}": weight.grad for name, weight in module.named_parameters()}
    return {name: array.numpy().astype(np.float32) for name, array in arrays.items()}


def main():
    rng = np.random.default_rng(1)
    arrays = {}
    for name, sizes in BLOCKS.items():
        window = [sizes["window"]] * 2
        make = (sizes["channels"], sizes["heads"], window)
        plain = draw(SwinTransformerBlock(*make, [0, 0], sizes["mlp_ratio"]), rng)
        shifted = SwinTransformerBlock(*make, [length // 2 for length in window], sizes["mlp_ratio"])
        shifted.double().eval().load_state_dict(plain.state_dict())
        for key, weight in plain.named_parameters():
            arrays[f"{name}/{key}"] = weight.detach().numpy().astype(np.float32)
        for case, (block, is_shifted, height, width) in CASES.items():
            if block == name:
                values = rng.normal(size=(2, height, width, sizes["channels"])).astype(np.float32)
                module = shifted if is_shifted else plain
                for key, array in recorded(module, values, case in WITH_GRADIENTS).items():
                    arrays[f"{case}/{key}"] = array
    merging = draw(PatchMerging(6), rng)
    for key, weight in merging.named_parameters():
        arrays[f"merging/{key}"] = weight.detach().numpy().astype(np.float32)
    values = torch.from_numpy(rng.normal(size=(2, 4, 6, 6)).astype(np.float32))
    arrays["merging/input"] = values.numpy()
    arrays["merging/output"] = merging(values.double()).detach().numpy().astype(np.float32)
    versions = {module.__name__: module.__version__ for module in (torch, torchvision, np)}
    about = {"blocks": BLOCKS, "cases": CASES, "versions": {"python": platform.python_version(), **versions}}
    path = Path(__file__).with_name("swin_reference.npz")
    np.savez_compressed(path, about=np.array(json.dumps(about)), **arrays)


if __name__ == "__main__":
    main()
