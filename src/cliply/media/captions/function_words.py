"""Small words of the common languages, by what captions must know of them."""

from functools import cache

# Articles, prepositions, conjunctions, possessives and auxiliaries: words that lead to the next one, so that a line
# should not end with them. Kept short on purpose: a missing word costs one ugly break, a wrong one costs many.
_LEADING = {
    "en": """a an the this that these those my your his her its our their of in on at to for from with by about into
        onto over under between through during without within as than and or but nor so if because when while
        where who which whose is are was were be been being am do does did have has had will would can could
        should may might must not no very really just i you he she we they i'm you're we're they're it's that's
        there's don't didn't won't can't mr. mrs. ms. dr. prof. st. vs. every each some any""",
    "es": """el la los las un una unos unas de del al a en con por para sin sobre entre hasta desde y e o u pero que si
        mi tu su mis tus sus nuestro nuestra este esta ese esa es son fue era no se me te le lo nos muy más como""",
    "fr": """le la les un une des du de d l à au aux en dans sur sous avec sans pour par chez entre et ou mais donc que
        qui si mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs ce cet cette ces est sont était ne
        pas je tu il elle on nous vous ils elles se me te très plus comme""",
    "de": """der die das den dem des ein eine einen einem einer eines in im an am auf aus bei mit nach von vom zu zum
        zur für über unter durch ohne um gegen und oder aber denn dass weil wenn als wie mein meine dein deine
        sein seine ihr ihre unser unsere dieser diese dieses ist sind war hat haben nicht kein keine ich du er sie
        es wir sehr""",
    "pt": """o a os as um uma uns umas de do da dos das em no na nos nas com por para sem sobre entre até e ou mas que
        se meu minha seu sua nosso nossa este esta esse essa é são foi era não me te lhe muito mais como ao à""",
    "it": """il lo la i gli le un uno una di del dello della dei degli delle a al alla in nel nella con su sul per tra
        fra da dal dalla e o ma che se mio mia tuo tua suo sua nostro questa questo è sono era non mi ti si molto
        più come""",
    "nl": """de het een van in op aan bij met naar uit voor over onder door zonder om tegen en of maar want dat als
        toen mijn jouw zijn haar ons onze hun deze dit is was heeft niet geen ik je jij hij zij we wij heel""",
    "ru": """в во на с со к ко у о об от до из за по под над при без для через между и или но а что если как когда где
        не ни мой моя твой его её наш ваш их этот эта это я ты он она мы вы они очень""",
    "pl": """w we na z ze do od o u po pod nad przy bez dla przez i lub ale a że jeśli jak nie mój moja twój jego jej
        to""",
    "tr": "bir bu şu o ve veya ama çok daha en her",
    "uk": "в у на з зі до від о об по під над при без для через і й або але а що якщо як не мій моя твій його її це",
    "sv": "en ett den det de i på av till från med för om och eller men att som är var har inte min din sin",
    "el": "ο η το οι τα του της των τον την σε στο στη από με για και ή αλλά ότι αν δεν είναι ένα μια",
    "vi": "của và là trong với cho một những các không rất",
    "ar": "في من على إلى عن مع أن إن لا ما هذا هذه و أو ثم قد كان",
    "he": "של על את אל עם לא כי או גם זה זו אם הוא היא אני",
    "hi": "और या कि में से को का की के पर एक यह वह",
}
# Of the leading words: pronouns, verbs and adverbs, after which a line ends less badly than after "the" or "of".
_LOOSE = {
    "en": """is are was were be been being am do does did have has had will would can could should may might must not
        just really i you he she we they i'm you're we're they're it's that's there's don't didn't won't can't this
        that these those where who which when""",
    "es": "es son fue era no se me te le lo nos este esta ese esa como",
    "fr": "est sont était ne pas je tu il elle on nous vous ils elles se me te plus",
    "de": "ist sind war hat haben nicht ich du er sie es wir",
    "pt": "é são foi era não me te lhe este esta esse essa como",
    "it": "è sono era non mi ti si questo questa come",
    "nl": "is was heeft niet ik je jij hij zij we wij",
    "ru": "не я ты он она мы вы они это этот эта",
    "pl": "nie to",
    "uk": "не її це",
    "sv": "är var har inte",
    "el": "είναι δεν",
}
# Besides the leading words: common words that say little, never worth stressing.
_COMMON = {
    "en": """it he she him them us me there here then now well yeah yes ok okay oh um uh like know think get got go
        going gonna went come came say said says see make made take want need one two also too even still back up
        down out off again what how why all thing things something kind lot bit way people good right sure
        actually basically probably maybe let let's look put i've i'll i'd you've you'll it'll he's she's what's
        more much many most other only own same such after before around""",
    "es": """yo tú él ella ellos hay ya sí bueno pues entonces cosa cosas hacer hace ser estar está tener tiene también
        todo""",
    "fr": "oui ben alors donc chose choses faire fait être avoir aussi tout tous ça c'est j'ai là quoi bien",
    "de": "ja nein also dann ding dinge machen macht sein haben auch alles mal noch schon so da was gut man",
    "pt": "eu ele ela eles sim então coisa coisas fazer faz ser estar está ter tem também tudo aí bem",
    "it": "io lui lei loro sì allora cosa cose fare fa essere avere anche tutto poi bene",
    "nl": "ja nee dus dan ding dingen doen maken zijn hebben ook alles nog al zo daar wat goed",
    "ru": "да нет вот ну так тоже всё вещь делать быть есть было там тут уже ещё",
}
# Words that carry a claim: negations, extremes, turns.
_STRONG = {
    "en": """never always nobody everybody everyone nothing everything impossible best worst biggest huge massive crazy
        insane secret truth wrong mistake failed fail free money million billion love hate dead death die kill
        fear win lost first last only stop must zero perfect terrible amazing incredible dangerous important
        hardest easiest""",
    "es": """nunca siempre nadie todos nada imposible mejor peor secreto verdad error gratis dinero millón millones
        amor""",
    "fr": """jamais toujours personne rien tout impossible meilleur pire secret vérité erreur gratuit argent million
        amour""",
    "de": """nie niemals immer niemand alle nichts unmöglich beste schlimmste geheimnis wahrheit fehler geld million
        liebe""",
    "pt": """nunca sempre ninguém todos nada impossível melhor pior segredo verdade erro grátis dinheiro milhão milhões
        amor""",
    "it": """mai sempre nessuno tutti niente impossibile migliore peggiore segreto verità errore gratis soldi milione
        amore""",
    "nl": "nooit altijd niemand iedereen niets onmogelijk beste slechtste geheim waarheid fout geld miljoen liefde",
    "ru": "никогда всегда никто все ничего невозможно лучший худший секрет правда ошибка деньги миллион любовь",
}


@cache
def leading(language: str) -> frozenset[str]:
    """Words that a line should not end with."""
    return _words(_LEADING, language)


@cache
def binding(language: str) -> frozenset[str]:
    """Of the leading words those that belong to the next one: articles, prepositions, conjunctions, possessives."""
    return leading(language) - _words(_LOOSE, language)


@cache
def common(language: str) -> frozenset[str]:
    """Words that are never stressed for their own sake, with the leading ones."""
    return _words(_COMMON, language) | leading(language)


@cache
def strong(language: str) -> frozenset[str]:
    """Words worth stressing."""
    return _words(_STRONG, language)


def _words(table: dict[str, str], language: str) -> frozenset[str]:
    return frozenset(table.get(language.lower().split("-")[0], "").split())
