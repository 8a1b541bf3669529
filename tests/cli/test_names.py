from cliply.cli import names


def test_formats_are_named_as_people_call_them() -> None:
    assert names.container("mov,mp4,m4a,3gp,3g2,mj2") == "MP4 or MOV"
    assert names.codec("libdav1d") == "AV1"
    assert names.codec("pcm_s16le") == "uncompressed"
    assert names.channels(2) == "stereo"


def test_an_unknown_format_keeps_its_name() -> None:
    assert (names.container("nut"), names.codec("rv40"), names.channels(6)) == ("nut", "rv40", "6 channels")
