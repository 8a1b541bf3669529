"""Object storage: a folder or any S3, behind one protocol.

`protocol` says what callers may rely on; `folder` and `s3` keep it, each with its uploads in parts beside it; `opening`
chooses by the settings.
"""
