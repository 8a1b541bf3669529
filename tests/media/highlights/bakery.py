"""A short interview for tests, with what clips need: questions, answers with a pay-off, and parts nobody clips."""

from cliply.media.types import Transcript, Word

GREETING = (
    ("host", "Hello, and welcome back to Second Breakfast. I'm Tom.", 300),
    ("host", "My guest today has baked bread for thirty years. Rosa, so good to have you here.", 300),
    ("guest", "Hi Tom, thank you for having me.", 700),
)
READ = (
    ("host", "This episode is brought to you by Cloud Socks, the only socks with a warranty for life.", 600),
    ("host", "Use the code crumb for twenty percent off your first order. And now, back to Rosa.", 1000),
)
FAREWELL = (
    ("host", "Rosa, thank you so much for coming. If you enjoyed this, please subscribe and tell a friend.", 400),
    ("guest", "Thank you, Tom. Bye bye.", 400),
)
ARCS = (
    (
        ("host", "Why does the bread from a supermarket never taste of anything?", 450),
        ("guest", "Because nobody there gives it any time. They add yeast until it grows in forty minutes.", 350),
        ("guest", "My dough sleeps for two days in a cold room. Nothing happens for hours, and that is the work.", 350),
        ("guest", "Flavour is what you get when you do nothing for long enough.", 1100),
    ),
    (
        ("host", "What was the worst morning you ever had?", 500),
        ("guest", "The day before Christmas, nine years ago. I had forgotten the salt in four hundred loaves.", 350),
        (
            "guest",
            "I stood in the yard at five in the morning and cried. Then my daughter came out in her pyjamas.",
            350,
        ),
        ("guest", "She put a sign in the window: free bread, no salt, sorry. People still tell me about it.", 1100),
    ),
    (
        ("host", "So a sourdough starter gets better with age?", 450),
        (
            "guest",
            "No, that is a myth, and everybody loves it. After two weeks everything in it has been replaced.",
            350,
        ),
        ("guest", "They tell you it comes from a grandmother in 1890. All of it is from last Tuesday's flour.", 350),
        ("guest", "You do not inherit a starter. You feed it, or it is gone.", 1100),
    ),
    (
        ("host", "How much does a good loaf really cost you?", 500),
        ("guest", "Here is the thing.", 300),
        ("guest", "The flour is 60 cents. The oven is 20. The rest is a person who gets up at two in the night.", 350),
        ("guest", "Whenever somebody says that bread is expensive, I ask what their sleep is worth to them.", 1100),
    ),
    (
        ("host", "If somebody wants to start baking today, what should they buy?", 500),
        ("guest", "Buy nothing. People spend 300 dollars on bowls and never bake a second loaf.", 350),
        ("guest", "Take a pot that you have, flour, water, salt. Make it badly ten times in a row.", 350),
        ("guest", "The best tool in any kitchen is the tenth attempt.", 1100),
    ),
)
LINES = (*GREETING, *ARCS[0], *ARCS[1], *READ, *ARCS[2], *ARCS[3], *ARCS[4], *FAREWELL)


def bakery(*, speakers: bool) -> Transcript:
    words: list[Word] = []
    at = 500
    for speaker, text, pause in LINES:
        for word in text.split():
            words.append(Word(word, at, at + 310, speaker=speaker if speakers else None))
            at += 330
            if word.endswith((".", "?")):
                at += 300
        at += pause - 300
    return Transcript("en", tuple(words))
