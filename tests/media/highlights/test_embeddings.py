from pathlib import Path

import numpy as np
import pytest

from cliply.media.errors import ToolMissing
from cliply.media.highlights.embeddings import DIMENSIONS, Embedder


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder()


def test_like_sentences_are_closer_than_unlike_ones(embedder: Embedder) -> None:
    vectors = embedder.embed(["The cat sat on the mat.", "A cat is lying on a rug.", "Interest rates rose in March."])
    assert vectors.shape == (3, DIMENSIONS)
    assert vectors.dtype == np.float32
    likeness = vectors @ vectors.T
    assert np.allclose(np.diag(likeness), 1, atol=1e-5)
    assert likeness[0, 1] > 0.5 > likeness[0, 2]


def test_the_order_of_the_texts_is_kept_and_the_result_repeats(embedder: Embedder) -> None:
    texts = [
        "a long sentence about the history of the printing press in Europe",
        "",
        "short",
        *["again and again"] * 40,
    ]
    vectors = embedder.embed(texts)
    assert np.array_equal(vectors, embedder.embed(texts))
    # Batches change the last bits of 8-bit arithmetic, not the meaning.
    assert vectors[0] @ embedder.embed(texts[:1])[0] > 0.97
    assert embedder.embed([]).shape == (0, DIMENSIONS)


def test_progress_ends_at_one_and_may_stop_the_work(embedder: Embedder) -> None:
    shares: list[float] = []
    embedder.embed(["text"] * 50, shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)

    def stop(_share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embedder.embed(["text"] * 50, stop)


def test_a_damaged_or_missing_model_is_named(tmp_path: Path) -> None:
    damaged = tmp_path / "model.onnx"
    damaged.write_bytes(b"not a model")
    with pytest.raises(ToolMissing, match="damaged"):
        Embedder(model=damaged)
    with pytest.raises(ToolMissing, match="cannot be read"):
        Embedder(model=tmp_path / "absent.onnx")
