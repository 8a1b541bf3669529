"""How TikTok wants a file cut: the count rounded down, so that the last chunk takes what is left over."""

from dataclasses import dataclass

MOST_CHUNKS = 1000


@dataclass(frozen=True, slots=True)
class Chunking:
    """Sizes that are within TikTok's limits however it counts a megabyte."""

    whole_up_to: int = 64_000_000
    """Bytes of a file that is sent as one chunk."""
    chunk_size: int = 10_000_000
    """Bytes of a chunk of a larger file; the last one has up to twice as many, less one."""

    def cut(self, size: int) -> "Chunks":
        """Raises ValueError for a size that TikTok takes in no number of chunks."""
        chunks = Chunks(size, size if size <= self.whole_up_to else self.chunk_size)
        if size < 1 or chunks.count > MOST_CHUNKS:
            raise ValueError(f"{size} bytes cannot be cut into 1 to {MOST_CHUNKS} chunks")
        return chunks


@dataclass(frozen=True, slots=True)
class Chunks:
    """A file as it was announced."""

    size: int
    chunk_size: int

    @property
    def count(self) -> int:
        return self.size // self.chunk_size if self.chunk_size else 0

    def span(self, number: int) -> tuple[int, int]:
        """First and last byte of a chunk, both of them sent; the first chunk is number 0."""
        first = number * self.chunk_size
        return first, self.size - 1 if number == self.count - 1 else first + self.chunk_size - 1

    def length(self, count: int) -> int:
        """Bytes of that many of the first chunks."""
        return self.size if count >= self.count else count * self.chunk_size

    def kept(self, received: int) -> int:
        """How many whole chunks are there, when TikTok says it has so many bytes: of a broken one it keeps nothing."""
        return self.count if received >= self.size else min(max(received, 0) // self.chunk_size, self.count - 1)
