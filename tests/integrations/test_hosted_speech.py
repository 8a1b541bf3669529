import time
import traceback
import wave
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import numpy as np
import pytest
from tests.servers import speech
from tests.servers.speech import KEY

from cliply.errors import CliplyError, LimitReached, NotAllowed, Unavailable
from cliply.integrations.busy import ServiceBusy
from cliply.integrations.deepgram import DeepgramTranscriber
from cliply.integrations.openai import OpenAITranscriber
from cliply.media.errors import Cancelled
from cliply.media.types import Word


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """Six seconds of noise with a pause from 3.6 to 4.2 s."""
    samples = np.random.default_rng(1).normal(0, 3000, 96_000)
    samples[57_600:67_200] = 0
    file = tmp_path / "speech.wav"
    with wave.open(str(file), "wb") as track:
        track.setparams((1, 2, 16_000, 0, "NONE", ""))
        track.writeframes(samples.astype("<i2").tobytes())
    return file


def test_deepgram_gives_words_with_punctuation_and_speakers(sound: Path) -> None:
    with speech.deepgram() as service:
        heard = DeepgramTranscriber(KEY, url=service.url).transcribe(sound)
    assert heard.words == (
        Word("Good", 200, 450, 0.98, "A"),
        Word("morning.", 500, 750, 0.97, "A"),
        Word("Hi!", 1400, 1650, 0.91, "B"),
    )
    assert heard.language == "en"
    asked = service.requests[0]
    assert asked["query"]["detect_language"] == ["true"]
    assert asked["seconds"] == 6.0


def test_a_named_language_is_not_detected(sound: Path) -> None:
    with speech.deepgram() as service:
        heard = DeepgramTranscriber(KEY, url=service.url).transcribe(sound, language="de")
    assert heard.language == "de"
    assert service.requests[0]["query"]["language"] == ["de"]
    assert "detect_language" not in service.requests[0]["query"]


def test_openai_words_take_the_punctuation_of_the_text(sound: Path) -> None:
    with speech.openai() as service:
        heard = OpenAITranscriber(KEY, url=service.url).transcribe(sound)
    assert [word.text for word in heard.words] == ["It's", "late,", "isn't", "it?"]
    assert heard.language == "en"


def test_a_long_recording_is_sent_in_parts_cut_in_a_pause(sound: Path) -> None:
    with speech.openai() as service:
        heard = OpenAITranscriber(KEY, url=service.url, part=4500).transcribe(sound)
    lengths = [asked["seconds"] for asked in service.requests]
    assert len(lengths) == 2
    assert 3.6 < lengths[0] < 4.2
    assert sum(lengths) == pytest.approx(6.0, abs=0.01)
    assert heard.words[4].start == pytest.approx(lengths[0] * 1000 + 100, abs=2)
    assert service.requests[1]["fields"]["language"] == ["en"], "later parts are in the language of the first"


def test_a_busy_service_is_asked_again_after_the_time_it_names(sound: Path) -> None:
    with speech.deepgram() as service:
        service.troubles = [(429, {"Retry-After": "1"}), (503, {})]
        began = time.monotonic()
        heard = DeepgramTranscriber(KEY, url=service.url, pause=0.01).transcribe(sound)
    assert len(heard.words) == 3
    assert time.monotonic() - began >= 1.0


@pytest.mark.parametrize("status", [429, 503])
def test_a_service_that_asks_for_a_long_wait_is_not_asked_again_and_quoted(sound: Path, status: int) -> None:
    with speech.openai() as service:
        service.troubles = [(status, {"Retry-After": "1200"})]
        with pytest.raises(ServiceBusy, match="asks to wait 20 min") as busy:
            OpenAITranscriber(KEY, url=service.url).transcribe(sound)
        assert service.requests == []
    assert busy.value.retry_after == 1200


def test_a_wait_may_be_told_as_a_date(sound: Path) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)
    with speech.deepgram() as service:
        service.troubles = [(429, {"Retry-After": at})]
        with pytest.raises(ServiceBusy) as busy:
            DeepgramTranscriber(KEY, url=service.url).transcribe(sound)
    assert busy.value.retry_after == pytest.approx(7200, abs=30)


@pytest.mark.parametrize(
    ("status", "kind"), [(500, Unavailable), (429, ServiceBusy), (402, LimitReached), (404, Unavailable)]
)
def test_trouble_that_stays_ends_in_a_plain_error(sound: Path, status: int, kind: type[CliplyError]) -> None:
    with speech.openai() as service:
        service.troubles = [(status, {})] * 4
        with pytest.raises(kind):
            OpenAITranscriber(KEY, url=service.url, pause=0.001).transcribe(sound)


def test_a_refused_key_is_named_as_the_reason_and_never_shown(sound: Path) -> None:
    wrong = "sk-wrong-987654321"
    with speech.openai() as service:
        transcriber = OpenAITranscriber(wrong, url=service.url)
        with pytest.raises(NotAllowed) as refused:
            transcriber.transcribe(sound)
    assert wrong not in "".join(traceback.format_exception(refused.value))
    assert wrong not in repr(vars(transcriber))


def test_a_service_that_is_not_there_is_unavailable(sound: Path) -> None:
    with speech.deepgram() as service:
        gone = service.url
    with pytest.raises(Unavailable, match="does not answer") as silent:
        DeepgramTranscriber(KEY, url=gone, pause=0.001).transcribe(sound)
    assert KEY not in "".join(traceback.format_exception(silent.value))


def test_waiting_for_an_answer_can_be_stopped_at_once(sound: Path) -> None:
    began = time.monotonic()

    def stop(_share: float) -> None:
        raise Cancelled

    with speech.deepgram() as service:
        service.hangs.set()
        with pytest.raises(Cancelled):
            DeepgramTranscriber(KEY, url=service.url).transcribe(sound, on_progress=stop)
        assert time.monotonic() - began < 2


@pytest.mark.parametrize("address", ["", "localhost:8000", "ftp://example.org", "http://"])
def test_an_address_that_cannot_be_one_is_refused_before_the_work(address: str) -> None:
    with pytest.raises(Unavailable, match="https://"):
        OpenAITranscriber(None, url=address).check()
