"""Files as other programs write them: safetensors by a writer of the published format, npy and npz
by numpy. files.json says what is in them."""

import io
import json
import struct
import zipfile

import numpy as np
import torch
from torch import nn

import models
from recording import FIXTURES, Input, Values, number, numbers, write

OUT = FIXTURES / "files"
NAMES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
         torch.int64: "I64", torch.bool: "BOOL"}


def raw(t):
    t = t.contiguous()
    if t.dtype == torch.bfloat16:
        return t.view(torch.int16).numpy().tobytes()
    return t.numpy().tobytes()


def write_safetensors(path, tensors, metadata=None, pad=True):
    """Eight bytes of header length, little end first; the header as JSON; the tensors' bytes
    (https://huggingface.co/docs/safetensors, "Format")."""
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, t in tensors.items():
        body = raw(t)
        header[name] = {"dtype": NAMES[t.dtype], "shape": list(t.shape),
                        "data_offsets": [len(data), len(data) + len(body)]}
        data += body
    text = json.dumps(header).encode()
    if pad:
        text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def kind(t):
    """The dtype heed gives it: F16 and BF16 are read into float32."""
    return {torch.float64: "f64", torch.int64: "i", torch.bool: "b"}.get(t.dtype, "f32")


def content(tensors):
    return {name: {"s": list(t.shape), "d": kind(t), "v": numbers(t.double())}
            for name, t in tensors.items()}


def of_every_type(v):
    values = torch.tensor(v.draw([2, 3])).reshape(2, 3)
    special = torch.tensor([0.0, -0.0, float("inf"), float("-inf"), float("nan"), 6e-8, 1e-7, 1.5])
    return {"f64": values.double(), "f32": values.float(), "f16": values.half(),
            "bf16": values.bfloat16(), "i64": torch.tensor([[-1, 2 ** 40], [0, 7]]),
            "bool": torch.tensor([True, False, True]), "scalar": torch.tensor(2.5),
            "empty": torch.zeros(0, 3), "f16 special": special.half(),
            "bf16 special": special.bfloat16(), "ünicode/名": torch.tensor([1.0])}


def trained(module, seed):
    """A module whose every weight is away from its start, in float32."""
    v = Values(f"trained {seed}")
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(torch.tensor(v.draw(p.shape, -0.5, 0.5)).reshape(p.shape))
    return module


def results(module, *inputs, **call):
    """What the module gives in float64, with the same weights."""
    out = module.double()(*[x.build() for x in inputs], **call)
    out = out[0] if isinstance(out, tuple) else out
    return {"in": [x.describe() for x in inputs], "out": {"s": list(out.shape), "v": numbers(out)}}


def state_dicts(v):
    t = lambda *s: v.t(*s, grad=False)
    attention = trained(nn.MultiheadAttention(8, 2, batch_first=True), 1)
    layer = trained(nn.TransformerEncoderLayer(8, 2, 12, 0.0, batch_first=True), 2)
    first = trained(nn.TransformerEncoderLayer(8, 2, 12, 0.0, "gelu", batch_first=True,
                                               norm_first=True), 3)
    gpt = trained(models.GPT(11, 6, 2, 2, 8), 4)
    tokens = Input([1, 5, 10, 0, 3, 3, 2, 7], [2, 4], "i")
    x = t(2, 3, 8)
    out = {}
    for name, module, inputs in (("multihead_attention", attention, [x, x, x]),
                                 ("encoder_layer", layer, [x]),
                                 ("encoder_layer_norm_first", first, [x]), ("gpt", gpt, [tokens])):
        write_safetensors(OUT / f"{name}.safetensors", module.state_dict(), {"format": "pt"})
        out[name] = results(module.train(), *inputs)
    return out


def npy(v):
    values = np.array(v.draw([3, 4])).reshape(3, 4)
    arrays = {"c_f8": values, "c_f4": values.astype(np.float32),
              "fortran_f8": np.asfortranarray(values),
              "fortran_f4_3d": np.asfortranarray(np.arange(24, dtype=np.float32).reshape(2, 3, 4)),
              "i8": np.array([[-1, 2 ** 40], [0, 7]]), "b1": np.array([True, False, True]),
              "scalar": np.array(2.5), "empty": np.zeros((0, 3)), "f2": values.astype(np.float16),
              "i4": np.array([1, -2, 3], np.int32), "u1": np.array([0, 255], np.uint8)}
    for name, a in arrays.items():
        np.save(OUT / f"{name}.npy", a)
    arrays["version_2"] = values
    with open(OUT / "version_2.npy", "wb") as f:
        np.lib.format.write_array(f, values, version=(2, 0))
    arrays["version_3"] = values
    with open(OUT / "version_3.npy", "wb") as f:
        np.lib.format.write_array(f, values, version=(3, 0))
    np.save(OUT / "big_endian.npy", values.astype(">f8"))
    arrays["big_endian"] = values
    return arrays


def npz(arrays):
    """numpy's own archives carry the time of writing; these are packed with a fixed one."""
    chosen = {k: arrays[k] for k in ("c_f8", "fortran_f4_3d", "i8", "b1", "scalar", "empty")}
    for name, method in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
        with zipfile.ZipFile(OUT / f"{name}.npz", "w", method) as archive:
            for key, a in chosen.items():
                body = io.BytesIO()
                np.lib.format.write_array(body, a)
                entry = zipfile.ZipInfo(key + ".npy", (1980, 1, 1, 0, 0, 0))
                entry.compress_type = method
                archive.writestr(entry, body.getvalue())
        with np.load(OUT / f"{name}.npz") as back:
            assert all(np.array_equal(back[k], chosen[k]) for k in chosen)
    return list(chosen)


def described(a):
    kinds = {"f8": "f64", "f4": "f32", "f2": "f32", "i8": "i", "b1": "b"}
    return {"s": list(a.shape), "d": kinds.get(a.dtype.str[1:], "i"), "dtype": a.dtype.str,
            "v": [number(x) for x in a.reshape(-1).tolist()]}


def generate():
    OUT.mkdir(exist_ok=True)
    v = Values("files")
    tensors = of_every_type(v)
    write_safetensors(OUT / "every_type.safetensors", tensors, {"made by": "generate.py", "ü": "名"})
    write_safetensors(OUT / "unpadded.safetensors", {"x": torch.arange(3)}, pad=False)
    write_safetensors(OUT / "nothing.safetensors", {})
    arrays = npy(v)
    write("files", {"safetensors": content(tensors),
                    "metadata": {"made by": "generate.py", "ü": "名"},
                    "modules": state_dicts(v),
                    "npy": {k: described(a) for k, a in arrays.items()},
                    "npz": npz(arrays)})


if __name__ == "__main__":
    generate()
