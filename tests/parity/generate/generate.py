"""Writes every fixture of tests/parity/fixtures anew. See tests/parity/README.md."""

import importlib
import sys
import warnings

import torch

MODULES = ["elementwise", "reductions", "linalg", "shape", "neural", "errors", "random_draws",
           "printing", "optimizers", "modules", "files"]


def main():
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    for name in sys.argv[1:] or MODULES:
        importlib.import_module(name).generate()


if __name__ == "__main__":
    main()
