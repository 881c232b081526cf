"""Only plain data crosses, exactly, and no frame can make the grader do more than refuse it."""

import contextlib
import json
import struct

import numpy as np
import pytest
import torch

from rlhf_edu.grading import wire

PLAIN = [
    None,
    True,
    -3,
    2**400,
    0.1,
    float("inf"),
    "naïve \udc80 ✓",
    [],
    (1, [2.5, None], ("a",)),
    {"a": 1, (1, 2): [3], None: {}},
    [["l", []], ["a", "float32", [1], 0]],  # looks like the encoding itself
]


@pytest.mark.parametrize("value", PLAIN)
def test_plain_values_come_back_equal_and_of_the_same_type(value):
    back = wire.unpack(wire.pack(value))
    assert back == value
    assert type(back) is type(value)


def test_nan_comes_back():
    assert np.isnan(wire.unpack(wire.pack(float("nan"))))


@pytest.mark.parametrize("dtype", sorted(wire._NUMPY))
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3)])
def test_arrays_come_back_with_dtype_shape_and_bytes(dtype, shape):
    array = (np.random.default_rng(1).normal(0, 50, shape) * 3).astype(dtype)
    back = wire.unpack(wire.pack([array, array.T]))
    for ours, theirs in zip(back, [array, array.T], strict=True):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        np.testing.assert_array_equal(ours, theirs)


def test_a_big_endian_array_keeps_its_numbers():
    array = np.array([1.5, -2.0], dtype=">f4")
    np.testing.assert_array_equal(wire.unpack(wire.pack(array)), array)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.bool])
def test_tensors_come_back(dtype):
    tensor = torch.tensor([[0.0, 1.0], [2.0, 3.0]], requires_grad=True).to(dtype).T
    back = wire.unpack(wire.pack({"x": tensor}))["x"]
    assert back.dtype == dtype
    assert torch.equal(back, tensor.detach())
    assert not back.requires_grad


def test_a_numpy_scalar_stays_one():
    back = wire.unpack(wire.pack(np.float32(0.25)))
    assert type(back) is np.float32
    assert back == np.float32(0.25)


class Text(str):
    pass


class Liar(dict):
    def items(self):
        return [("score", 1)]


@pytest.mark.parametrize(
    "value",
    [object(), Text("a"), Liar(), {1, 2}, b"x", 1j, lambda: 1, np.array([object()]), np.array(["a"]), 2**600, range(3)],
)
def test_what_is_not_plain_is_refused(value):
    with pytest.raises(wire.WireError):
        wire.pack([value])


def test_too_deep_too_many_and_too_large_are_refused():
    deep: list = []
    for _ in range(100):
        deep = [deep]
    for value in (deep, [0] * 300_000, np.zeros(20_000_000), "x" * 5_000_000):
        with pytest.raises(wire.WireError):
            wire.pack(value)


def framed(tree, blob: bytes = b"") -> bytes:
    header = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
    return struct.pack("<I", len(header)) + header + blob


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xff\xff\xff",
        framed(b"{}"),
        framed(b"[" * 100_000),
        framed(b"1" * 10_000),
        framed(["l", 3]),
        framed(["d", [[["l", []], 1]]]),
        framed(["d", [[1]]]),
        framed(["x", 1]),
        framed(["a", "object", [1], 0], b"12345678"),
        framed(["a", "float64", [1 << 40], 0], b"12345678"),
        framed(["a", "float64", [-1], 0], b"12345678"),
        framed(["a", "float64", [1 << 20, 1 << 20, 1 << 20, 1 << 20], 0], b"12345678"),
        framed(["a", "float64", [1], 4], b"12345678"),
        framed(["a", "float64", [1], -8], b"12345678"),
        framed(["a", "float64", "1", 0], b"12345678"),
        framed(["a", "float64", [True], 0], b"12345678"),
        framed(["a", ["float64"], [1], 0], b"12345678"),
        framed(["a", "bool", [2], 0], b"\x01\x07"),
        framed(["f", "1e3"]),
        framed(["p", "float128", [1], 0], b"12345678" * 2),
    ],
)
def test_hostile_frames_are_refused(data):
    with pytest.raises(wire.WireError):
        wire.unpack(data)


def test_random_bytes_never_do_more_than_raise():
    rng = np.random.default_rng(5)
    good = bytearray(wire.pack({"id": 1, "value": [np.arange(6.0), "text", (1, 2.5)]}))
    for _ in range(2000):
        bad = bytearray(good)
        for place in rng.integers(0, len(bad), rng.integers(1, 6)):
            bad[place] = rng.integers(0, 256)
        with contextlib.suppress(wire.WireError):
            wire.unpack(bytes(bad))
