"""Formats as people call them, instead of as ffmpeg's parts are called."""

_CONTAINERS = {
    "mov": "MP4 or MOV",
    "matroska": "Matroska or WebM",
    "mpeg": "MPEG",
    "mpegts": "MPEG transport stream",
    "avi": "AVI",
    "flv": "Flash video",
    "mp3": "MP3",
    "wav": "WAV",
    "flac": "FLAC",
    "ogg": "Ogg",
    "aac": "AAC",
    "asf": "Windows Media",
}
_CODECS = {
    "h264": "H.264",
    "hevc": "H.265 (HEVC)",
    "libdav1d": "AV1",
    "av1": "AV1",
    "vp8": "VP8",
    "vp9": "VP9",
    "libvpx-vp9": "VP9",
    "mpeg1video": "MPEG-1",
    "mpeg2video": "MPEG-2",
    "mpeg4": "MPEG-4 Part 2",
    "prores": "ProRes",
    "mjpeg": "Motion JPEG",
    "aac": "AAC",
    "mp2": "MP2",
    "mp3": "MP3",
    "mp3float": "MP3",
    "ac3": "Dolby Digital",
    "eac3": "Dolby Digital Plus",
    "opus": "Opus",
    "libopus": "Opus",
    "vorbis": "Vorbis",
    "flac": "FLAC",
    "alac": "Apple Lossless",
}
_CHANNELS = {1: "mono", 2: "stereo"}


def container(name: str) -> str:
    """`mov,mp4,m4a,3gp,3g2,mj2` as `MP4 or MOV`; a name that is not known stays as it is."""
    return _CONTAINERS.get(name.split(",", maxsplit=1)[0], name)


def codec(name: str) -> str:
    """`libdav1d` as `AV1`, `pcm_s16le` as `uncompressed`; a name that is not known stays as it is."""
    return "uncompressed" if name.startswith("pcm_") else _CODECS.get(name, name)


def channels(count: int) -> str:
    return _CHANNELS.get(count, f"{count} channels")
