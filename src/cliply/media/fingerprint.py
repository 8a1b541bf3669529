"""Name a file by its content, fast enough for a long video."""

import hashlib
from pathlib import Path

_SAMPLE = 1 << 16
_SAMPLES = 64


def fingerprint(path: Path) -> str:
    """32 hexadecimal digits from the size and 64 evenly spread samples, first and last bytes included.

    Reads 4 MiB at most, so that a 50 GB recording is named in a blink; two recordings that differ only between the
    samples would need the same size to the byte.
    """
    size = path.stat().st_size
    digest = hashlib.blake2b(str(size).encode(), digest_size=16)
    step = max(_SAMPLE, (size - _SAMPLE) // (_SAMPLES - 1)) if size > _SAMPLE else _SAMPLE
    with path.open("rb") as file:
        for index in range(_SAMPLES):
            at = min(index * step, max(0, size - _SAMPLE))
            file.seek(at)
            digest.update(file.read(_SAMPLE))
            if at >= size - _SAMPLE:
                break
    return digest.hexdigest()
