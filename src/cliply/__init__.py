"""Cliply turns long videos into short clips worth posting."""

__version__ = "0.1.0"
