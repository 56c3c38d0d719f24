"""Archives for npz_test.cpp: /usr/bin/python3 generate.py writes them beside itself. Needs numpy."""

import io
import pathlib
import struct
import zipfile
import zlib

import numpy as np

HERE = pathlib.Path(__file__).parent


def npy(array):
    body = io.BytesIO()
    np.lib.format.write_array(body, array)
    return body.getvalue()


def packed(data, level=9, strategy=zlib.Z_DEFAULT_STRATEGY):
    squeeze = zlib.compressobj(level, zlib.DEFLATED, -15, 9, strategy)
    return squeeze.compress(data) + squeeze.flush()


def entry_header(name, method, flags, data, body, zip64):
    sizes = (0xffffffff, 0xffffffff) if zip64 else (len(body), len(data))
    extra = struct.pack("<HHQQ", 1, 16, len(data), len(body)) if zip64 else b""
    return struct.pack("<IHHHHHIIIHH", 0x04034b50, 45, flags, method, 0, 33, zlib.crc32(data),
                       *sizes, len(name), len(extra)) + name + extra


def directory_entry(name, method, flags, data, body, offset, zip64):
    values = (0xffffffff, 0xffffffff, 0xffffffff) if zip64 else (len(body), len(data), offset)
    extra = struct.pack("<HHQQQ", 1, 24, len(data), len(body), offset) if zip64 else b""
    # An unknown field in front, which readers must pass over.
    extra = struct.pack("<HH3s", 0x7777, 3, b"abc") + extra if zip64 else extra
    return struct.pack("<IHHHHHHIIIHHHHHII", 0x02014b50, 45, 45, flags, method, 0, 33,
                       zlib.crc32(data), values[0], values[1], len(name), len(extra), 0, 0, 0, 0,
                       values[2]) + name + extra


def archive(path, entries, zip64=False, flags=0x800, comment=b""):
    """entries: (name, method, data, body); a body of None stands at the offset of the one before."""
    out, directory, last = b"", b"", (0, b"")
    for name, method, data, body in entries:
        name = name.encode()
        if body is None:
            offset, body = last
        else:
            offset = len(out)
            out += entry_header(name, method, flags, data, body, zip64) + body
            last = (offset, body)
        directory += directory_entry(name, method, flags, data, body, offset, zip64)
    begin, count = len(out), len(entries)
    out += directory
    if zip64:
        end = len(out)
        out += struct.pack("<IQHHIIQQQQ", 0x06064b50, 44, 45, 45, 0, 0, count, count,
                           len(directory), begin)
        out += struct.pack("<IIQI", 0x07064b50, 0, end, 1)
        out += struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, 0xffff, 0xffff, 0xffffffff, 0xffffffff,
                           len(comment))
    else:
        out += struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, count, count, len(directory), begin,
                           len(comment))
    (HERE / path).write_bytes(out + comment)


def pattern(n):
    """Values that repeat now and then: every kind of match occurs."""
    k = np.arange(n)
    return ((k * k // 7 + k // 100) % 251).astype(np.int64)


def main():
    small = npy(np.arange(6.0).reshape(2, 3))
    archive("zip64.npz", [("x.npy", 0, small, small), ("y.npy", 8, small, packed(small))], True)
    archive("comment.npz", [("x.npy", 0, small, small)], comment=b"made for a test")
    data = npy(pattern(3000))
    noise = npy(np.frombuffer(np.random.RandomState(1).bytes(8000), np.int64))
    archive("strategies.npz", [
        ("default.npy", 8, data, packed(data)),
        ("fastest.npy", 8, data, packed(data, 1)),
        ("fixed.npy", 8, data, packed(data, 9, zlib.Z_FIXED)),
        ("huffman.npy", 8, data, packed(data, 9, zlib.Z_HUFFMAN_ONLY)),
        ("runs.npy", 8, data, packed(data, 9, zlib.Z_RLE)),
        ("blocks.npy", 8, data, packed(data, 0)),
        ("noise.npy", 8, noise, packed(noise)),
        ("stored.npy", 0, data, data)])
    zeros = npy(np.zeros(1 << 20))
    archive("bomb.npz", [("zeros.npy", 8, zeros, packed(zeros))])
    archive("overlap.npz", [("a.npy", 0, small, small), ("a2.npy", 0, small, None)])
    archive("dotdot.npz", [("../x.npy", 0, small, small)])
    archive("dotdot_inside.npz", [("a/..\\x.npy", 0, small, small)])
    archive("absolute.npz", [("/tmp/x.npy", 0, small, small)])
    archive("drive.npz", [("C:x.npy", 0, small, small)])
    archive("twice.npz", [("x.npy", 0, small, small), ("x.npy", 0, small, small)])
    archive("encrypted.npz", [("x.npy", 0, small, small)], flags=0x801)
    archive("bzip2.npz", [("x.npy", 12, small, small)])
    archive("text.npz", [("readme.txt", 0, b"hello", b"hello")])
    pickle = npy(np.zeros(1)).replace(b"<f8", b"|O ").replace(b"'|O '", b"'|O' ")
    archive("pickle.npz", [("x.npy", 0, pickle, pickle)])
    with zipfile.ZipFile(HERE / "zip64.npz") as z:
        assert z.testzip() is None


if __name__ == "__main__":
    main()
