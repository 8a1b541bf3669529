"""Headline style: capitals on the words that carry meaning, names kept as they are written."""

import re
from collections.abc import Mapping

from cliply.media.wording import lexicon

_WORD = re.compile(r"[^\W_](?:[\w'’.+#-]*[\w+#])?")


def headline(text: str, names: Mapping[str, str] | None = None) -> str:
    """`text` in headline style; `names` maps folded words to their own writing ("github" to "GitHub")."""
    names = names or {}
    hits = list(_WORD.finditer(text))
    out, at = "", 0
    for index, hit in enumerate(hits):
        out += text[at : hit.start()]
        opens = index == 0 or re.search(r"[:.!?]\s+$|[“\"‘(]$", out) is not None
        out += _cased(hit[0], names, small=not opens and index < len(hits) - 1)
        at = hit.end()
    return out + text[at:]


def sentence_case(text: str) -> str:
    """The first letter raised, the rest as it is; "iPod" stays."""
    first = _WORD.search(text)
    if first is None or any(char.isupper() for char in first[0][1:]):
        return text
    for index, char in enumerate(text):
        if char.isalnum():
            return text[:index] + char.upper() + text[index + 1 :]
    return text


def _cased(word: str, names: Mapping[str, str], *, small: bool) -> str:
    folded = word.casefold().replace("’", "'")
    if folded in names:
        return names[folded]
    if any(char.isupper() for char in word[1:]) or any(char.isdigit() for char in word):
        return word
    if folded in lexicon.words("small") and small:
        return word.lower()
    parts = word.split("-")
    return "-".join(
        part if at and part in lexicon.words("small") else part[:1].upper() + part[1:] for at, part in enumerate(parts)
    )
