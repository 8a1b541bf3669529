"""Nouns without a model: by articles, capitals and particles, for the languages that have them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from cliply.media.wording.tokens import Token, stop_words

_ARTICLES: dict[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "de": "der die das den dem des ein eine einen einem einer eines kein keine mein meine dein deine sein seine "
        "unser unsere ihr ihre im am zum zur vom beim",
        "es": "el la los las un una unos unas del al mi mis tu tus su sus nuestro nuestra este esta estos estas",
        "fr": "le la les un une des du au aux mon ma mes ton ta tes son sa ses notre nos "
        "votre vos leur leurs ce cette ces",
        "it": "il lo la i gli le un uno una del della dei degli delle al alla ai alle "
        "nel nella mio mia suo sua questo questa",
        "pt": "o a os as um uma uns umas do da dos das no na nos nas ao meu minha seu sua este esta esse essa",
        "nl": "de het een mijn jouw zijn haar ons onze hun dit dat deze die",
        "sv": "en ett den det de min mitt din ditt sin sitt",
        "da": "en et den det de min mit din dit sin sit",
        "no": "en et ei den det de min mitt din ditt sin sitt",
        "ro": "un o al a ai ale unui unei",
    }.items()
}
_ELIDED = re.compile(r"^(?:l|d|j|c|s|n|m|t|qu|jusqu|lorsqu|un|dell|nell|all|quest)['’](?=\w{3})", re.IGNORECASE)
_KOREAN_PARTICLE = re.compile(
    r"(?<=[가-힣]{2})(?:에서|으로|까지|부터|에게|한테|처럼|보다|은|는|이|가|을|를|의|도|로|와|과|에)$"
)
_KOREAN_VERB = re.compile(r"(?:다|요|까|죠|네|고|서|면|지만|니다)$")
_SHORTEST = 4
_SHORTEST_KOREAN = 2


def plain_nouns(tokens: Sequence[Token], language: str) -> Iterator[Token]:
    """The words that could name something: those after an article, or in languages without, all but stop words."""
    articles = _ARTICLES.get(language, frozenset())
    stop = stop_words(language)
    for index, token in enumerate(tokens):
        word = _named(token, language)
        if word is None or word.word in stop or word.word.isdigit():
            continue
        elided = word is not token and language in ("fr", "it")
        after_article = index > 0 and tokens[index - 1].word in articles and not tokens[index - 1].after.strip()
        name = index > 0 and word.text[0].isupper()
        if elided or name or (after_article and language != "de") or not articles:
            yield word


def _named(token: Token, language: str) -> Token | None:
    """The token without elision or particle; None where it is too short or plainly a verb."""
    if language == "ko":
        if _KOREAN_VERB.search(token.word):
            return None
        text = _KOREAN_PARTICLE.sub("", token.text)
        return replace(token, text=text, word=text) if len(text) >= _SHORTEST_KOREAN else None
    text = without_elision(token.text)
    named = token if text == token.text else replace(token, text=text, word=text.casefold())
    return named if len(named.word) >= _SHORTEST else None


def without_elision(text: str) -> str:
    """ "l'attention" as "attention"."""
    return _ELIDED.sub("", text)
