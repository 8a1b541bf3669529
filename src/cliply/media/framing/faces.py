"""Find faces in a picture with YuNet (OpenCV Zoo, MIT), whose weights lie beside this module."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cliply.media.errors import ToolMissing
from cliply.media.framing.frames import Picture
from cliply.media.types import Box

MODEL = "face_detection_yunet_2023mar.onnx"
SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
CONFIDENCE = 0.6
_OVERLAP = 0.3

# A face is between about as wide as it is high and half as wide, turned heads included.
_SLIMMEST, _WIDEST = 0.45, 1.35
# In pixels of the small picture; below it YuNet mostly sees patterns, and the mouth cannot be read anyway.
_NARROWEST = 9

_AGAIN = "Install Cliply again: pip install --force-reinstall cliply"

Points = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Face:
    """One face in one picture, in that picture's pixels."""

    box: Box
    points: Points
    """5 by x, y: the eye at the left of the picture, the other eye, nose, the two corners of the mouth."""
    confidence: float

    def scaled(self, factor: float) -> "Face":
        box = Box(self.box.x * factor, self.box.y * factor, self.box.width * factor, self.box.height * factor)
        return Face(box, self.points * np.float32(factor), self.confidence)


class FaceFinder:
    """YuNet, loaded once. Raises ToolMissing when its weights are absent or damaged."""

    def __init__(self) -> None:
        import cv2

        weights = _weights()
        none = np.empty(0, np.uint8)
        # OpenCV 5 warns about a setting that nobody made.
        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        try:
            self._net: Any = cv2.FaceDetectorYN.create(
                "onnx", np.frombuffer(weights, np.uint8), none, (320, 320), CONFIDENCE, _OVERLAP, 100
            )
        finally:
            cv2.utils.logging.setLogLevel(level)
        self._size = (320, 320)

    def find(self, picture: Picture) -> list[Face]:
        """Faces in a blue, green, red picture, the most certain first."""
        size = (picture.shape[1], picture.shape[0])
        if min(size) < 32:
            return []
        if size != self._size:
            self._net.setInputSize(size)
            self._size = size
        _, found = self._net.detect(picture)
        rows = [] if found is None else [row for row in found if np.isfinite(row).all()]
        faces = [Face(Box(*map(float, row[:4])), row[4:14].reshape(5, 2), float(row[14])) for row in rows]
        return sorted((face for face in faces if _plausible(face)), key=lambda face: -face.confidence)


def _plausible(face: Face) -> bool:
    """Whether the box has a face's shape and the features lie in it as they do in one."""
    box, points = face.box, face.points
    if box.width < _NARROWEST or not _SLIMMEST < box.width / max(1.0, box.height) < _WIDEST:
        return False
    slack = 0.25 * box.width
    within_x = (points[:, 0] > box.x - slack) & (points[:, 0] < box.right + slack)
    within_y = (points[:, 1] > box.y - slack) & (points[:, 1] < box.bottom + slack)
    eyes, mouth = points[:2, 1].mean(), points[3:, 1].mean()
    return bool(within_x.all() and within_y.all() and mouth > eyes)


def _weights() -> bytes:
    try:
        weights = (files("cliply.media") / "data" / MODEL).read_bytes()
    except OSError as absent:
        raise ToolMissing(f"The face model is not there. {_AGAIN}") from absent
    if hashlib.sha256(weights).hexdigest() != SHA256:
        raise ToolMissing(f"The face model is damaged. {_AGAIN}")
    return weights
