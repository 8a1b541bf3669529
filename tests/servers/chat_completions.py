"""A server on this machine that answers like an OpenAI-compatible endpoint and keeps its rules."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.servers.loopback import QuietHandler, listening

Answer = Callable[[dict[str, Any]], tuple[int, Any]]
"""From the request's body to a status and the content of the message, or the whole body of an error."""


class ChatCompletions:
    """Where it listens and what it was asked."""

    def __init__(self, answer: Answer, key: str | None) -> None:
        self.requests: list[dict[str, Any]] = []
        self.answer = answer
        self.key = key
        self.url = ""


@contextmanager
def chat_completions(answer: Answer, key: str | None = "secret") -> Iterator[ChatCompletions]:
    state = ChatCompletions(answer, key)

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path != "/v1/chat/completions":
                self._send(404, {"error": {"message": "no such path"}})
            elif state.key and self.headers.get("Authorization") != f"Bearer {state.key}":
                self._send(401, {"error": {"message": "wrong key"}})
            else:
                state.requests.append(body)
                status, content = state.answer(body)
                self._send(status, _completion(body, content) if status == 200 else content)

        def _send(self, status: int, body: Any) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    with listening(Handler) as address:
        state.url = f"{address}/v1"
        yield state


def _completion(body: dict[str, Any], content: Any) -> dict[str, Any]:
    text = content if isinstance(content, str) else json.dumps(content)
    asked = sum(len(message["content"]) for message in body["messages"]) // 4
    return {
        "object": "chat.completion",
        "model": body["model"],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": asked, "completion_tokens": len(text) // 4, "total_tokens": asked + len(text) // 4},
    }
