"""Whether a text is in English, which is all that the library and the reading of situations know.

A guess from scripts and small words; short texts pass as English.
"""

from __future__ import annotations

import re

_ENGLISH = frozenset(
    "the a an and or but to of in on at for with my me i you she he her his him they we is are was were be been do does did"
    " have has had not no what how when who why which this that it about from as if so can will would should want need"
    " don't i'm it's just more give next".split()
)
_OTHERS = frozenset(
    "el la los las un una y o pero de del en por para con mi yo ella es son fue qué cómo cuando quien que se no le les des une"
    " et ou mais du au dans pour avec mon ma je tu elle il nous est sont était quoi comment quand qui ne pas der die das ein"
    " eine und oder aber von zu im auf für mit mein ich sie er wir ist sind war was wie wann wer nicht kein o os as um uma"
    " em com meu minha eu ela ele não como il lo gli un' e ma di nel per con mio io lei lui sono che het een en of maar van"
    " op voor met mijn ik zij hij wij niet ve ile bir bu için nie jest się na że w z do".split()
)


def is_english(text: str) -> bool:
    """False where most letters are of another script, or small words of other languages outnumber English ones."""
    letters = [character for character in text if character.isalpha()]
    if not letters:
        return True
    if sum(character < "\u0250" for character in letters) < len(letters) / 2:
        return False
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", text.lower())
    if len(words) < 4:
        return True
    english = sum(word in _ENGLISH for word in words)
    others = sum(word in _OTHERS and word not in _ENGLISH for word in words)
    return others <= english or others < 2
