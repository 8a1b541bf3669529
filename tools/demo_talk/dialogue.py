"""The demo talk, word for word: an interview with answers worth clipping and, as in life, parts that are not."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Speaker: TypeAlias = Literal["host", "guest"]
Shot: TypeAlias = Literal["two", "host", "guest", "slide-dance", "slide-distance"]


@dataclass(frozen=True, slots=True)
class Line:
    """What one person says in one shot."""

    speaker: Speaker
    shot: Shot
    text: str
    pause: float = 0.35
    """Seconds of silence after it."""


TALK: tuple[Line, ...] = (
    # Greetings.
    Line("host", "two", "Hello, and welcome back to the show about small things that turn out to be big. I'm Ben."),
    Line("host", "host", "My guest tonight has kept bees for twenty two years. Clara, it is so good to have you here."),
    Line("guest", "two", "Hi, Ben. Thank you for having me.", 0.7),
    # A number nobody expects.
    Line("host", "host", "How much honey does one bee make in her whole life?", 0.5),
    Line("guest", "guest", "Most people guess a jar. Some guess a cup. The real answer is one twelfth of a teaspoon."),
    Line("guest", "guest", "She visits thousands of flowers, she flies until her wings are worn to rags, "
         "and at the end there is one drop."),
    Line("guest", "two", "So the spoonful of honey in your tea this morning? "
         "That was the life's work of twelve sisters.", 1.0),
    # Slides.
    Line("host", "two", "And how do they tell each other where the flowers are?", 0.5),
    Line("guest", "slide-dance", "They dance. In the dark, on a wall of wax, a bee runs in a straight line and shakes "
         "her body. The direction of that line is the direction to the flowers, measured from the sun."),
    Line("guest", "slide-distance", "And the length of the dance is the distance. "
         "One second of shaking means about one kilometre."),
    Line("guest", "slide-distance", "When Karl von Frisch explained this, serious scientists laughed at him. "
         "In nineteen seventy three, he got the Nobel Prize.", 1.0),
    # A sponsor.
    Line("host", "host", "This episode is brought to you by Paper Lantern, the notebook that never runs out of "
         "battery. Use the code honey for ten percent off your first order. And now, back to Clara.", 0.9),
    # A myth falls.
    Line("host", "two", "So inside the hive, the queen gives the orders?", 0.4),
    Line("guest", "guest", "No! That is the biggest myth of all. The queen decides nothing."),
    Line("guest", "guest", "When a swarm needs a new home, a few hundred scouts go looking, and each one comes back "
         "and argues for her place by dancing. Good places win more dancers. Bad places are forgotten."),
    Line("guest", "two", "And the moment enough of them agree, the whole swarm takes off. "
         "No boss, no meeting, no email, and they almost always choose the best house on the list.", 1.0),
    # A story.
    Line("host", "host", "What was the worst mistake you ever made?", 0.6),
    Line("guest", "guest", "My very first summer. I opened a hive on a cold evening, in a hurry, "
         "because a friend was coming to dinner."),
    Line("guest", "guest", "Ten seconds later I had been stung eleven times. I ran, I fell into the pond, "
         "and I lay there with only my nose above the water."),
    Line("guest", "two", "And my friend stood on the terrace with a bottle of wine, and said: "
         "I can come back later.", 0.6),
    Line("guest", "guest", "I learned one thing that night. Bees don't punish you for being new. "
         "They punish you for being in a hurry.", 1.0),
    # A joke.
    Line("host", "two", "I have to ask. What do you call a bee that can't make up its mind?", 0.6),
    Line("guest", "two", "Go on.", 0.5),
    Line("host", "host", "A maybe!", 0.7),
    Line("guest", "two", "That is terrible, and I will tell it to every school class from now on.", 1.0),
    # Advice against the grain.
    Line("host", "host", "If somebody wants to save the bees, should they buy a hive?", 0.5),
    Line("guest", "guest", "Please don't. Buying a hive to save the bees is like buying a chicken to save the birds."),
    Line("guest", "guest", "The honeybee is doing all right. It is the wild bees that are in trouble, "
         "twenty thousand kinds of them, and most live alone, in a little hole in the ground."),
    Line("guest", "two", "So do less. Leave one corner of your garden alone. Don't mow it, don't rake it, "
         "don't tidy it. The best thing you can do for a bee is to be a little bit lazy.", 1.0),
    # Goodbye.
    Line("host", "host", "Clara, thank you so much for coming. If you liked this conversation, please subscribe, "
         "leave us a review, and tell a friend. See you next week!"),
    Line("guest", "two", "Thank you, Ben. Bye bye.", 0.8),
)  # fmt: skip
