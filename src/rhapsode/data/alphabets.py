"""What the letters of languages are, the commonest first: enough to tell one encoding of a text from another.

Of languages in Latin letters, only those outside ASCII are listed: the others are the same in every encoding.
"""

from __future__ import annotations

from functools import cache

LATIN = {
    "French": "éèàêçôâûîùïëœæü",
    "German": "üäöß",
    "Spanish": "óíáéñúü",
    "Portuguese": "ãáçéíóêõúâàôü",
    "Italian": "èàòùìéî",
    "Catalan": "óàéèíòçúïü",
    "Swedish and Finnish": "äåöéà",
    "Danish and Norwegian": "øåæéòêô",
    "Dutch": "ëéïèöüóê",
    "Icelandic": "áíðöþéúóýæ",
    "Estonian": "äõüöšž",
    "Albanian": "ëç",
    "Polish": "łąęóżśćńź",
    "Czech": "íáéěřščýžůúťňďó",
    "Slovak": "áíčéýžšľúťôňďóäŕĺ",
    "Hungarian": "áéöóőíüúű",
    "Romanian": "ăîțșâţş",
    "Croatian and Slovenian": "čšžćđ",
    "Turkish": "ıüşğçöâî",
    "Lithuanian": "ėšųžįčūąę",
    "Latvian": "āīēšūņļžčģķ",
}
WHOLE = {
    "Russian": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё",
    "Ukrainian": "оанивтесірлкдмупязьбгйчхжїцюєщшфґ",
    "Bulgarian": "аиоетнрсвлкдпмзгуяъбчйхщжцшюфь",
    "Serbian": "аоиенрстјвукдпмлзбгшчцхжљњћђџф",
    "Greek": "αοιετσνηυρπκμλςδωόγάίέχθήφύβώξζψϊ",
    "Hebrew": "יוהלאתרמבשנדםעחקפןכגצזטסךץף",
    "Arabic": "اليمنوتربهدعسفكقحةجأشصضخطىثذئغزءظإؤآ",
    "Persian": "ایرندهوتمشسبکلگزخفپعحجقچطصآغضثژظذ‌",
    "Thai": "านรกอเง่มยลวดทตส้ะีบัปคขหแิจพใไ็ื์ำ",
    "Japanese": "のいしるんはたてにとをがなすっかでれさりうこまもあらくよ"
    "ンスルーわトイラリクドアきめえそせおけろちつやみ、。",
    "Korean": "이다는에의가을한고지로하기사리를은도서자어인나정시대일으아해스수보부있장게주그라만들전과제니것원"
    "상여면동오문구공적안용우신성국생조트소위분당내경되할선실물였않",
    "Chinese": "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子"
    "那得于着下自之年过发后作里"
    "用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实，。",
    "Chinese in traditional characters": "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能"
    "而子那得於著下自之年過發後作裡"
    "用道行所然家種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開，。",
}


@cache
def weights(language: str) -> dict[str, float]:
    """Letter → about how often it is among those listed: by Zipf's law of their ranks. Capitals are rarer."""
    letters = LATIN.get(language) or WHOLE[language]
    total = sum(1 / (rank + 3) for rank in range(len(letters)))
    small = {letter: 1 / (rank + 3) / total for rank, letter in enumerate(letters)}
    capitals = {letter.upper(): weight / 6 for letter, weight in small.items() if len(letter.upper()) == 1}
    return {**capitals, **small}
