"""Transcripts made for tests: a real enough interview, with what should be found and what should not."""

from cliply.media.types import Transcript, Word

AD = (
    "This episode is brought to you by Plankton. Plankton is the hosting platform for people who ship every day. "
    "You push your code and it runs, with no servers to care for. Teams at many companies like yours "
    "moved in an afternoon. "
    "Go to plankton.dev/talk and use the code talk to get your first month free. That's plankton.dev/talk."
)
GREETING = "Hello everyone and welcome back to the show. My name is Ann and I'm your host. Thanks for having me."
GEM = (
    "Why do most founders never talk to a single customer before they quit their job? "
    "Because you are afraid of the answer. "
    "I lost two million dollars in nine months, and the worst part is that everybody had told me. "
    "You never fail because of the code, you always fail because nobody wanted it. "
    "If you remember only one thing, ask ten strangers to pay you before you write a line."
)
FILLER = [
    "We had a meeting about the roadmap on some weekday and then there was another meeting about the meeting.",
    "And it was kind of the same as before, so they moved it to the following week as far as that goes.",
    "So that process continued in the way that those processes usually continue in larger organisations over time.",
    "They then looked at it again and it seemed to be more or less in line with what was expected of it.",
    "It has a number of parts that relate to each other in several ways depending on the configuration of them.",
]


def interview(minutes: int = 20, *, gems: tuple[int, ...] = (6, 13), ads: tuple[int, ...] = (4, 10)) -> Transcript:
    """A guest who rambles, with a gem, a sponsor read or a question of the host at given minutes."""
    words: list[Word] = []
    at = 0
    turn = 0

    def say(text: str, speaker: str) -> None:
        nonlocal at
        for word in text.split():
            words.append(Word(word, at, at + 280, speaker=speaker))
            at += 300
        at += 200

    say(GREETING, "host")
    todo = sorted([(minute, GEM, "guest") for minute in gems] + [(minute, AD, "host") for minute in ads])
    while at < minutes * 60_000 - 15_000:
        if todo and at >= todo[0][0] * 60_000:
            say("And what did that teach you over time?" if todo[0][2] == "guest" else "Let us pause here.", "host")
            say(todo[0][1], todo[0][2])
            todo.pop(0)
        for _ in range(8):
            say(FILLER[turn % len(FILLER)] + f" Item {turn} was noted.", "guest")
            turn += 1
        say("Okay, go on with that.", "host")
    say("Thank you so much for listening everyone. Bye.", "host")
    return Transcript("en", tuple(words))
