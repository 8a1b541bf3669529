from pathlib import Path

from tests.media.clips import TONE, make

from cliply.integrations.whisper import WhisperTranscriber
from cliply.media.analysis import listen, write_down
from cliply.media.cache import Cache
from cliply.media.options import ClipOptions
from cliply.media.progress import Watch


def test_a_given_transcript_is_not_kept_in_the_language_of_an_earlier_run(tmp_path: Path) -> None:
    source = make(tmp_path / "tone.wav", None, TONE.format(seconds=3))
    words = tmp_path / "words.srt"
    words.write_text("1\n00:00:00,200 --> 00:00:02,000\nguten Tag zusammen\n")
    cache, watch = Cache(tmp_path / "cache"), Watch()
    sound = listen(source, cache, watch)

    def spoken(language: str | None) -> str:
        options = ClipOptions(transcript=words, language=language)
        return write_down(source, sound, options, WhisperTranscriber(), cache, watch).language

    assert [spoken("fr"), spoken("de"), spoken("fr")] == ["fr", "de", "fr"]
