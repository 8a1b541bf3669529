import json
from typing import Any

import jsonschema
import pytest
from tests.media.highlights.talks import interview
from tests.servers.chat_completions import chat_completions

from cliply.errors import LimitReached, Unavailable
from cliply.integrations.judge import OpenAIJudge
from cliply.media.highlights import Candidate, HighlightOptions, find_highlights
from cliply.media.highlights.judge import judged
from cliply.media.types import Highlight, Span

CANDIDATES = [
    Candidate(3, 30, "I lost two million dollars in nine months and learned to ask first."),
    Candidate(7, 25, "We then moved the meeting to the following week."),
]


def passages(body: dict[str, Any]) -> list[dict[str, Any]]:
    content = body["messages"][1]["content"]
    found: list[dict[str, Any]] = json.loads(content[content.index('{"passages"') :])["passages"]
    return found


def verdicts(body: dict[str, Any]) -> tuple[int, Any]:
    """A judge that prefers what comes last."""
    ids = [each["id"] for each in passages(body)]
    return 200, {
        "passages": [
            {
                "id": one,
                "verdict": "must" if place == 0 else "weak",
                "place": place + 1,
                "reason": "Best line.",
                "title": "I lost two million",
            }
            for place, one in enumerate(reversed(ids))
        ]
    }


def test_asks_for_a_schema_and_returns_judgements() -> None:
    with chat_completions(verdicts) as server:
        judged_ones = OpenAIJudge(server.url, "small", key="secret").rerank(CANDIDATES, prompt="money")
    request = server.requests[0]
    assert request["model"] == "small"
    assert "money" in request["messages"][1]["content"]
    schema = request["response_format"]["json_schema"]["schema"]
    jsonschema.validate(verdicts(request)[1], schema)
    assert [(each.id, each.verdict, each.place) for each in judged_ones] == [(7, "must", 0), (3, "weak", 1)]


def test_accepts_only_ids_and_facts_that_were_given() -> None:
    def invents(_body: dict[str, Any]) -> tuple[int, Any]:
        item = {"verdict": "good", "place": 1, "reason": "x"}
        return 200, {
            "passages": [
                {"id": 99, "title": "Never seen", **item},
                {"id": 3, "title": "How I lost 5 million dollars", **item},
                {"id": 3, "title": "Second answer for one id", **item},
                {"id": 7, "title": "Elon Musk destroys Twitter", **item},
            ]
        }

    with chat_completions(invents) as server:
        found = OpenAIJudge(server.url, "small", key="secret").rerank(CANDIDATES, prompt="")
    assert [(each.id, each.title) for each in found] == [(3, ""), (7, "")]


def test_nothing_in_an_answer_steers_a_terminal_or_turns_the_reading_direction() -> None:
    def steers(_body: dict[str, Any]) -> tuple[int, Any]:
        title = "I lost \u202etwo\u2069 million\x1b[K\x07"
        reason = "Best\u200f line\x00.\nAnd \u0646\u200c\u06cc"
        return 200, {"passages": [{"id": 3, "verdict": "good", "place": 1, "reason": reason, "title": title}]}

    with chat_completions(steers) as server:
        only = OpenAIJudge(server.url, "small", key="secret").rerank(CANDIDATES, prompt="")[0]
    assert only.title == "I lost two million[K"
    assert only.reason == "Best line. And \u0646\u200c\u06cc"


def test_titles_made_of_what_was_said_are_kept_and_code_fences_are_read() -> None:
    def fenced(_body: dict[str, Any]) -> tuple[int, Any]:
        item = {
            "id": 3,
            "verdict": "must",
            "place": 1,
            "reason": "Concrete.",
            "title": "Losing two million dollars in nine months",
        }
        return 200, f"```json\n{json.dumps({'passages': [item]})}\n```"

    with chat_completions(fenced) as server:
        found = OpenAIJudge(server.url, "small", key="secret").rerank(CANDIDATES, prompt="")
    assert found[0].title == "Losing two million dollars in nine months"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((500, {"error": "down"}), "500"),
        ((429, {"error": "slow down"}), "no more requests"),
        ((200, "I think the first one is nice."), "form"),
        ((200, {"passages": [{"id": 3, "verdict": "superb", "place": 1}]}), "form"),
    ],
)
def test_a_useless_answer_is_an_error_that_says_why(answer: tuple[int, Any], said: str) -> None:
    with chat_completions(lambda _body: answer) as server, pytest.raises(Unavailable, match=said):
        OpenAIJudge(server.url, "small", key="secret", pause=0.01).rerank(CANDIDATES, prompt="")


def test_a_busy_server_is_asked_again() -> None:
    def busy_at_first(body: dict[str, Any]) -> tuple[int, Any]:
        return (429, {"error": "slow down"}) if len(server.requests) < 3 else verdicts(body)

    with chat_completions(busy_at_first) as server:
        judged_ones = OpenAIJudge(server.url, "small", key="secret", pause=0.01).rerank(CANDIDATES, prompt="")
    assert [each.id for each in judged_ones] == [7, 3]
    assert len(server.requests) == 3


def test_a_wrong_key_or_no_server_is_an_error_that_says_so() -> None:
    with chat_completions(verdicts) as server, pytest.raises(Unavailable, match=r"401.*key"):
        OpenAIJudge(server.url, "small", key="wrong").rerank(CANDIDATES, prompt="")
    with pytest.raises(Unavailable, match="address"):
        OpenAIJudge("http://127.0.0.1:9/v1", "small").rerank(CANDIDATES, prompt="")


@pytest.mark.parametrize("address", ["http://[::1", "localhost:8000/v1"])
def test_an_address_that_leads_nowhere_is_an_error_that_says_so(address: str) -> None:
    with pytest.raises(Unavailable, match="address"):
        OpenAIJudge(address, "small").rerank(CANDIDATES, prompt="")


def test_spends_no_more_tokens_than_allowed() -> None:
    many = [Candidate(index, 30, "Something was said here. " * 40) for index in range(30)]
    with chat_completions(verdicts) as server:
        found = OpenAIJudge(server.url, "small", key="secret", token_limit=6000).rerank(many, prompt="")
        assert len(server.requests) == 1
        assert 0 < len(found) <= 10
        with pytest.raises(LimitReached):
            OpenAIJudge(server.url, "small", key="secret", token_limit=100).rerank(many, prompt="")
        assert len(server.requests) == 1


def highlights(count: int) -> tuple[Highlight, ...]:
    return tuple(
        Highlight(Span(index * 1000, index * 1000 + 900), 100.0 - index, f"Text {index}.", "Local.", chosen=index < 2)
        for index in range(count)
    )


def test_the_judges_order_counts_and_weak_ones_are_not_chosen() -> None:
    with chat_completions(verdicts) as server:
        found, warnings = judged(OpenAIJudge(server.url, "small", key="secret"), highlights(5), prompt="")
    assert warnings == ()
    assert found[0].text == "Text 4."
    assert found[0].reason == "Best line."
    assert [each.score for each in found] == [100.0, 99.0, 98.0, 97.0, 96.0]
    assert [each.text for each in found if each.chosen] == ["Text 4."]


def test_a_failing_judge_changes_nothing_and_is_reported() -> None:
    talk = interview(10, gems=(5,), ads=())
    duration = talk.words[-1].end
    options = HighlightOptions()
    with chat_completions(lambda _body: (503, {})) as server:
        judge = OpenAIJudge(server.url, "small", key="secret")
        findings = find_highlights(talk, duration, options=options, judge=judge)
    assert findings.highlights == find_highlights(talk, duration, options=options).highlights
    assert "503" in findings.warnings[0]


def test_a_judge_reorders_what_was_found_but_never_the_times() -> None:
    talk = interview(10, gems=(5,), ads=())
    duration = talk.words[-1].end
    with chat_completions(verdicts) as server:
        found = find_highlights(talk, duration, judge=OpenAIJudge(server.url, "small", key="secret")).highlights
    local = find_highlights(talk, duration).highlights
    assert {each.span for each in found} == {each.span for each in local}
    assert [each.span for each in found] != [each.span for each in local]
