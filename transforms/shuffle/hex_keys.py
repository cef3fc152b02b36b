"""16-byte keys as 32 hex digits, as files have them, and back."""

from __future__ import annotations

import binascii

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.keys import KEY_BYTES
from schemas.tables import KEY

_DIGITS = 2 * KEY_BYTES


def hex_keys(keys: pa.ChunkedArray | pa.Array) -> pa.Array:
    """32 hex digits for each 16-byte key, null for null."""
    if isinstance(keys, pa.ChunkedArray):
        keys = keys.combine_chunks()
    if not len(keys):
        return pa.array([], pa.string())
    filled = keys.fill_null(bytes(KEY_BYTES)).cast(KEY)
    data = memoryview(filled.buffers()[1])
    digits = data[KEY_BYTES * filled.offset : KEY_BYTES * (filled.offset + len(keys))].hex().encode()
    ends = pa.py_buffer(np.arange(0, _DIGITS * len(keys) + 1, _DIGITS, dtype=np.int32))
    texts = pa.StringArray.from_buffers(len(keys), ends, pa.py_buffer(digits))
    return pc.if_else(keys.is_null(), pa.scalar(None, pa.string()), texts) if keys.null_count else texts


def keys_of_hex(digits: pa.ChunkedArray | pa.Array) -> pa.Array:
    """The KEY of each text of 32 hex digits; ValueError for a null and any other text."""
    if isinstance(digits, pa.ChunkedArray):
        digits = digits.combine_chunks()
    if not len(digits):
        return pa.array([], KEY)
    if digits.null_count or not pc.all(pc.equal(pc.binary_length(digits), _DIGITS)).as_py():
        raise ValueError("expected keys of 32 hexadecimal digits")
    data = memoryview(digits.buffers()[2])
    ends = np.frombuffer(digits.buffers()[1], np.int32)[digits.offset :]
    found = binascii.unhexlify(data[int(ends[0]) : int(ends[len(digits)])])
    return pa.FixedSizeBinaryArray.from_buffers(KEY, len(digits), [None, pa.py_buffer(found)])
