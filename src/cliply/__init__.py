"""Cliply turns long videos into short clips worth posting."""

import os

__version__ = "0.1.0"

# Since 1.29, onnxruntime keeps a device id and reports every model it loads to its maker, unless this is set before
# it starts. Nothing of a creator's work leaves the machine unasked.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
