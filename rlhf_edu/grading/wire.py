"""Plain data and nothing else, packed for the channel between the grader and a student's code.

Never pickle: `unpack` can only ever build None, bool, int, float, str, list, tuple, dict, NumPy arrays and scalars and
torch tensors, so an object that equals everything, or one that runs code when it is loaded, cannot cross. Both ends
have size limits, and the grader treats every frame as hostile.
"""

import json
import math
import struct
import sys
from collections.abc import Collection
from typing import Any

import numpy as np

MAX_HEADER = 4 << 20  # bytes of JSON
MAX_FRAME = 64 << 20  # bytes, header included
MAX_ITEMS = 200_000
MAX_DEPTH = 16
_NUMPY = {"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}
_NUMPY |= {"float16", "float32", "float64", "complex64", "complex128"}
_TORCH = _NUMPY | {"bfloat16"}


class WireError(ValueError):
    """Data that cannot or must not cross the channel; the message can be shown to a student."""


def pack(value: Any) -> bytes:
    """`value` as bytes: the length of a JSON header, the header, then the bytes of its arrays."""
    packer = _Packer()
    tree = packer.tree(value, 0)
    header = json.dumps(tree, separators=(",", ":")).encode("utf-8", "surrogatepass")
    size = 4 + len(header) + packer.size
    if len(header) > MAX_HEADER or size > MAX_FRAME:
        raise WireError(f"the value takes {size / 1e6:.0f} MB, but at most {MAX_FRAME >> 20} MB can be handed over")
    return b"".join([struct.pack("<I", len(header)), header, *packer.blobs])


def unpack(data: bytes) -> Any:
    """The value packed in `data`, which may come from an enemy; raises `WireError` for anything odd."""
    if not 4 <= len(data) <= MAX_FRAME:
        raise WireError(f"a frame of {len(data)} bytes is not an answer")
    (n,) = struct.unpack_from("<I", data)
    if n > MAX_HEADER or 4 + n > len(data):
        raise WireError("the frame's header does not fit into the frame")
    try:
        tree = json.loads(data[4 : 4 + n].decode("utf-8", "surrogatepass"))
        return _Unpacker(memoryview(data)[4 + n :]).value(tree, 0)
    except WireError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, RecursionError, OverflowError, MemoryError) as error:
        raise WireError(f"the frame is damaged ({type(error).__name__})") from None


class _Packer:
    def __init__(self):
        self.blobs: list[bytes] = []
        self.size = 0
        self.items = 0

    def tree(self, value: Any, depth: int) -> Any:
        self.items += 1
        if depth > MAX_DEPTH or self.items > MAX_ITEMS:
            raise WireError(f"the value nests deeper than {MAX_DEPTH} levels or holds more than {MAX_ITEMS} items")
        kind = type(value)  # the exact type: a subclass could lie about itself
        if value is None or kind is bool or kind is str:
            return value
        if kind is int:
            if abs(value) >> 512:
                raise WireError("an integer of more than 512 bits cannot be handed over")
            return value
        if kind is float:
            return value if math.isfinite(value) else ["f", str(value)]
        if kind is list or kind is tuple:
            return ["l" if kind is list else "t", [self.tree(item, depth + 1) for item in value]]
        if kind is dict:
            pairs = [[self.tree(k, depth + 1), self.tree(v, depth + 1)] for k, v in value.items()]
            return ["d", pairs]
        if kind is np.ndarray:
            return self.array("a", value.dtype.name, value.shape, np.ascontiguousarray(value))
        if isinstance(value, np.generic):
            return self.array("s", value.dtype.name, (), np.asarray(value))
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(value, torch.Tensor):
            return self.tensor(torch, value)
        raise WireError(f"a value of type {kind.__name__} cannot be handed over: return plain numbers, lists or arrays")

    def tensor(self, torch, value) -> list:
        if value.layout is not torch.strided:
            raise WireError("a sparse tensor cannot be handed over: call .to_dense()")
        value = value.detach().cpu().resolve_conj().resolve_neg().contiguous()
        name = str(value.dtype).removeprefix("torch.")
        flat = value.view(torch.int16) if name == "bfloat16" else value
        return self.array("p", name, tuple(value.shape), flat.numpy(), _TORCH)

    def array(self, tag: str, name: str, shape: tuple, value: np.ndarray, allowed: Collection[str] = _NUMPY) -> list:
        if name not in allowed:
            raise WireError(f"an array of dtype {name} cannot be handed over")
        if self.size + value.nbytes > MAX_FRAME:
            raise WireError(f"the arrays take more than the {MAX_FRAME >> 20} MB that can be handed over")
        blob = value.astype(value.dtype.newbyteorder("<"), copy=False).tobytes()
        self.blobs.append(blob)
        self.size += len(blob)
        return [tag, name, list(shape), self.size - len(blob)]


class _Unpacker:
    def __init__(self, blob: memoryview):
        self.blob = blob
        self.items = 0

    def value(self, tree: Any, depth: int) -> Any:
        self.items += 1
        if depth > MAX_DEPTH or self.items > MAX_ITEMS:
            raise WireError(f"the value nests deeper than {MAX_DEPTH} levels or holds more than {MAX_ITEMS} items")
        if tree is None or type(tree) in (bool, int, str):
            return tree
        if type(tree) is float:
            return tree
        if type(tree) is not list or len(tree) < 2:
            raise WireError("the frame holds something that is not plain data")
        tag, content = tree[0], tree[1]
        if tag == "f" and content in ("nan", "inf", "-inf"):
            return float(content)
        if tag == "l" and type(content) is list:
            return [self.value(item, depth + 1) for item in content]
        if tag == "t" and type(content) is list:
            return tuple(self.value(item, depth + 1) for item in content)
        if tag == "d" and type(content) is list:
            return {self.value(k, depth + 1): self.value(v, depth + 1) for k, v in content}
        if tag in ("a", "s", "p") and len(tree) == 4:
            return self.array(tag, *tree[1:])
        raise WireError("the frame holds something that is not plain data")

    def array(self, tag: str, name: str, shape: list, start: int) -> Any:
        if name not in (_TORCH if tag == "p" else _NUMPY):
            raise WireError(f"an array of dtype {str(name)[:20]} cannot be handed over")
        if type(start) is not int or not all(type(n) is int and 0 <= n <= MAX_FRAME for n in shape) or len(shape) > 16:
            raise WireError("the frame holds an array with an impossible shape")
        dtype = np.dtype("<i2" if name == "bfloat16" else name)
        count = math.prod(shape)
        if start < 0 or start + count * dtype.itemsize > len(self.blob):
            raise WireError("the frame holds an array larger than the frame")
        flat = np.frombuffer(self.blob, dtype.newbyteorder("<"), count, start) if count else np.empty(0, dtype)
        if dtype == np.bool_ and count and flat.view(np.uint8).max() > 1:
            raise WireError("the frame holds booleans that are neither true nor false")
        array = flat.astype(dtype).reshape(shape)  # a writable copy in the machine's byte order
        if tag == "a":
            return array
        if tag == "s":
            return array[()]
        import torch  # only where a tensor really came

        tensor = torch.from_numpy(array)
        return tensor.view(torch.bfloat16) if name == "bfloat16" else tensor
