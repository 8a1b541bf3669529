import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliply.integrations.tiktok_chunks import Chunking, Chunks

LARGEST = 4_000_000_000
MB = 1_000_000

sizes = st.integers(1, LARGEST) | st.sampled_from([1, 5 * MB, 64 * MB, 64 * MB + 1, 70 * MB - 1, 70 * MB, LARGEST])


def spans(chunks: Chunks) -> list[tuple[int, int]]:
    return [chunks.span(number) for number in range(chunks.count)]


def test_tiktok_s_own_example_is_five_requests() -> None:
    chunks = Chunks(50_000_123, 10_000_000)
    assert chunks.count == 5
    assert spans(chunks)[0] == (0, 9_999_999)
    assert spans(chunks)[-1] == (40_000_000, 50_000_122)
    first, last = chunks.span(4)
    assert last - first + 1 == 10_000_123


@given(sizes)
def test_chunks_follow_each_other_and_are_the_whole_file(size: int) -> None:
    chunks = Chunking().cut(size)
    assert 1 <= chunks.count <= 1000
    assert chunks.count == size // chunks.chunk_size, "rounded down, as TikTok does"
    expected = 0
    for first, last in spans(chunks):
        assert first == expected
        assert first <= last
        expected = last + 1
    assert expected == size


@given(sizes)
def test_every_chunk_is_of_a_size_that_tiktok_takes(size: int) -> None:
    chunks = Chunking().cut(size)
    lengths = [last - first + 1 for first, last in spans(chunks)]
    if size > 64 * MB:
        assert chunks.count > 1, "more than 64 MB is not sent at once"
        assert all(5 * 1024 * 1024 <= length <= 64 * MB for length in lengths)
        assert len(set(lengths[:-1])) == 1
        assert lengths[-1] < 2 * chunks.chunk_size
    else:
        assert lengths == [size]


@given(sizes, st.data())
def test_what_is_there_is_counted_in_whole_chunks(size: int, data: st.DataObject) -> None:
    chunks = Chunking().cut(size)
    count = data.draw(st.integers(0, chunks.count))
    there = chunks.length(count)
    assert chunks.kept(there) == count
    if 0 < count < chunks.count:
        assert chunks.kept(there - 1) == count - 1
        assert chunks.kept(there + 1) == count, "as the last byte's number and one, or as the number of bytes and one"
        assert chunks.span(count)[0] == there


@given(sizes, st.integers(-5, LARGEST * 2))
def test_no_count_leads_outside_the_file(size: int, told: int) -> None:
    chunks = Chunking().cut(size)
    kept = chunks.kept(told)
    assert 0 <= kept <= chunks.count
    assert (kept == chunks.count) == (told >= size), "all of it is there only when its last byte is"


@pytest.mark.parametrize("size", [0, -1, 10_010_000_000])
def test_a_size_that_no_number_of_chunks_fits_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="cannot be cut"):
        Chunking().cut(size)
