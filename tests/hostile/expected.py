"""What `cliply clip` makes of every hostile file: the documented exit codes that are right for it."""

DONE, WRONG_USE, INVALID, NOT_FOUND, NOT_ALLOWED = 0, 2, 3, 4, 5
CONFLICT, LIMIT_REACHED, UNAVAILABLE, CHECK_FAILED = 6, 7, 8, 9

READABLE: dict[str, set[int]] = {
    # Speech with lying or odd headers: a clip, as of any other file.
    "audio_only_in_mp4.mp4": {DONE},
    "audio_starts_late.mp4": {DONE},
    "dims_65535.mp4": {DONE},
    "duration_136_years.mp4": {DONE},
    "metadata_injection.mp4": {DONE},
    # Damaged inside, or with a single sentence: a clip of what can be read, or a refusal.
    "bitflips_mdat.mp4": {DONE, INVALID, CHECK_FAILED},
    "real_wrong_extension.aac": {DONE, INVALID},
}
"""Every other file is refused: no media, no sound, or too short."""


def codes(name: str) -> set[int]:
    return READABLE.get(name, {INVALID})
