"""Reads files that heed wrote, with numpy and with a reader of the published safetensors format,
and compares them with what they should hold:

    test_parity -tc="files written*" (with HEED_PARITY_OUT=DIR)
    /usr/bin/python3 read_back.py DIR

DIR holds what tests/parity/files_test.cpp left there: every_type.safetensors, *.npy, *.npz."""

import json
import pathlib
import struct
import sys

import numpy as np

from recording import FIXTURES

NUMPY = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "BOOL": "?"}
KINDS = {"f64": "F64", "f32": "F32", "i": "I64", "b": "BOOL"}


def read_safetensors(path):
    """The tensors by name, and the metadata. Every byte must belong to exactly one tensor."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length].decode("utf-8"))
    body, end, tensors = data[8 + length:], 0, {}
    metadata = header.pop("__metadata__", {})
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        start, stop = entry["data_offsets"]
        assert start == end, f"{name}: a gap or an overlap before byte {start}"
        end = stop
        tensors[name] = (entry["dtype"], np.frombuffer(
            body[start:stop], NUMPY[entry["dtype"]]).reshape(entry["shape"]))
    assert end == len(body), "bytes that belong to no tensor"
    return tensors, metadata


def same(name, array, expected):
    want = np.array([float(x) for x in expected["v"]]).reshape(expected["s"])
    assert list(array.shape) == expected["s"], f"{name}: shape {array.shape}"
    assert np.array_equal(array.astype(np.float64), want, equal_nan=True), f"{name}: {array}"


def main(folder):
    fixture = json.loads((FIXTURES / "files.json").read_text())
    tensors, metadata = read_safetensors(folder / "every_type.safetensors")
    assert metadata == fixture["metadata"], metadata
    assert set(tensors) == set(fixture["safetensors"])
    for name, expected in fixture["safetensors"].items():
        dtype, array = tensors[name]
        assert dtype == KINDS[expected["d"]], f"{name}: {dtype}"
        same(name, array, expected)
    for name, expected in fixture["npy"].items():
        same(name, np.load(folder / f"{name}.npy", allow_pickle=False), expected)
    for archive in ("stored", "deflated"):
        with np.load(folder / f"{archive}.npz", allow_pickle=False) as arrays:
            assert set(arrays) == set(fixture["npz"])
            for name in fixture["npz"]:
                same(name, arrays[name], fixture["npy"][name])
    print(len(tensors), "tensors of safetensors,", len(fixture["npy"]), "arrays of npy and both npz")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
