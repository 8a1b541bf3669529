"""Servers on this machine that keep the rules of Deepgram and of OpenAI's transcription endpoint."""

import io
import json
import threading
import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.servers.loopback import QuietHandler, listening

KEY = "dg-secret-key-123456"
_LARGEST = 25 * 1024 * 1024


@dataclass
class SpeechService:
    """Where it listens, what it was asked, and what it answers before it works: (status, headers)."""

    url: str = ""
    troubles: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    hangs: threading.Event = field(default_factory=threading.Event)
    """Set: it takes the request and never answers."""


@contextmanager
def deepgram() -> Iterator[SpeechService]:
    def answer(handler: BaseHTTPRequestHandler, body: bytes, service: SpeechService) -> tuple[int, Any]:
        address = urlsplit(handler.path)
        if address.path != "/v1/listen":
            return 404, {"err_code": "NOT_FOUND"}
        if handler.headers["Authorization"] != f"Token {KEY}":
            return 401, {"err_code": "INVALID_AUTH"}
        if handler.headers["Content-Type"] != "audio/wav":
            return 400, {"err_code": "Bad Request"}
        service.requests.append({"query": parse_qs(address.query), "seconds": _seconds(body)})
        words = [
            _word("good", "Good", 0.2, 0) | {"confidence": 0.98},
            _word("morning", "morning.", 0.5, 0) | {"confidence": 0.97},
            _word("hi", "Hi!", 1.4, 1) | {"confidence": 0.91},
        ]
        channel = {"detected_language": "en", "alternatives": [{"transcript": "Good morning. Hi!", "words": words}]}
        return 200, {"results": {"channels": [channel]}}

    with _serving(answer) as service:
        yield service


_LATE = [("It's", 0.1, 0.3), ("late", 0.3, 0.8), ("isn't", 1.0, 1.3), ("it", 1.3, 1.4)]


@contextmanager
def openai(
    text: str = "It's late, isn't it?", words: Sequence[tuple[str, float, float]] = _LATE
) -> Iterator[SpeechService]:
    """Whatever it is sent, it hears `words`, each with its beginning and end in seconds."""

    def answer(handler: BaseHTTPRequestHandler, body: bytes, service: SpeechService) -> tuple[int, Any]:
        if handler.path != "/v1/audio/transcriptions":
            return 404, {"error": {"message": "no such path"}}
        if handler.headers["Authorization"] != f"Bearer {KEY}":
            return 401, {"error": {"message": f"Incorrect API key provided: {handler.headers['Authorization']}"}}
        if len(body) > _LARGEST:
            return 413, {"error": {"message": "too large"}}
        fields, sound = _form(handler.headers["Content-Type"], body)
        if fields.get("response_format") != ["verbose_json"] or "word" not in fields["timestamp_granularities[]"]:
            return 400, {"error": {"message": "word times need verbose_json"}}
        service.requests.append({"fields": fields, "seconds": _seconds(sound)})
        times = [{"word": word, "start": start, "end": end} for word, start, end in words]
        return 200, {"language": "english", "text": text, "words": times}

    with _serving(answer) as service:
        service.url += "/v1"
        yield service


@contextmanager
def _serving(answer: Any) -> Iterator[SpeechService]:
    service = SpeechService()
    closing = threading.Event()

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if service.hangs.is_set():
                closing.wait(20)
                return
            extra: dict[str, str] = {}
            if service.troubles:
                status, extra = service.troubles.pop(0)
                told: Any = {"error": {"message": "try later"}}
            else:
                status, told = answer(self, body, service)
            data = json.dumps(told).encode()
            self.send_response(status)
            for name, value in {**extra, "Content-Type": "application/json", "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

    with listening(Handler) as address:
        service.url = address
        try:
            yield service
        finally:
            closing.set()


def _word(word: str, written: str, start: float, speaker: int) -> dict[str, Any]:
    return {"word": word, "punctuated_word": written, "start": start, "end": start + 0.25, "speaker": speaker}


def _seconds(wav: bytes) -> float:
    with wave.open(io.BytesIO(wav)) as track:
        return float(track.getnframes() / track.getframerate())


def _form(content_type: str, body: bytes) -> tuple[dict[str, list[str]], bytes]:
    message = BytesParser().parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    fields: dict[str, list[str]] = {}
    sound = b""
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if not isinstance(payload, bytes) or not isinstance(name, str):
            continue
        if part.get_filename():
            sound = payload
        else:
            fields.setdefault(name, []).append(payload.decode())
    return fields, sound
