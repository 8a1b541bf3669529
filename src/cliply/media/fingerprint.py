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
    last = max(0, size - _SAMPLE)
    if size <= _SAMPLES * _SAMPLE:
        places = [*range(0, last, _SAMPLE), last]
    else:
        places = [index * last // (_SAMPLES - 1) for index in range(_SAMPLES)]
    with path.open("rb") as file:
        for place in places:
            file.seek(place)
            digest.update(file.read(_SAMPLE))
    return digest.hexdigest()
