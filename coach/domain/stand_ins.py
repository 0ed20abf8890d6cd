"""Stand-ins: names of people are replaced on the way out to a model, and restored in what comes back.

Whose names these are is for the caller to say; which notes may be sent at all is `coach.domain.consent`. Not covered:
nicknames, initials, and names inside scripts that put no space between words.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import cycle, islice, pairwise, product

_GIVEN = (
    "Alexis Arden Ariel Aubrey Avery Bellamy Blair Cassidy Dallin Darcy Devin Eden Ellery Elliot Ezra Finley Harley"
    " Hollis Ingram Jessamy Jody Jules Kendall Kieran Lennox Linley Lorin Mallory Marlowe Merrill Micah Morgan Nevin"
    " Oakley Odell Peyton Quinn Reese Remy Riley Rory Sacha Shannon Shelby Sorrel Tatum Tobin Tracy Whitley Winslow"
).split()
_FAMILY = (
    "Aldridge Ashdown Averill Bexley Birkett Calloway Carrow Copeland Dallimore Denholm Dunmore Ellwood Fairley Farrant"
    " Garside Halloran Harcourt Haversham Ingleby Jarrow Kelsall Kilbride Kirkby Langford Lathom Marchbank Merriden"
    " Norbury Oldham Ormerod Pemberley Penhale Pomfret Quarles Rainford Redfern Renshaw Selwyn Stainton Tarrant"
    " Thornbury Tolland Tremaine Underhill Wainfleet Wexcombe Wickham Winstanley Yarrow Yelland"
).split()
"""Names that fit anybody, few of them words, and none of an author whom coaches often cite."""
_SYLLABLES = "ba de fi go ka lo mi ne ru sa te vi".split()

_NOT_A_NAME = frozenset(
    "and the my our your a of to with from for dr mr mrs ms miss mx prof professor sir dame mentor mentee coach coachee"
    " manager boss colleague student teacher friend partner client person someone somebody anonymous unknown mum mom dad"
    " mother father sister brother son daughter wife husband team group mentors mentees everyone me myself self".split()
)
_PARTICLES = frozenset("van von der den de da di du del la le el al bin ibn bint abu dos das y e ter ten st".split())

_FUNCTION_WORDS = frozenset(
    "a all an and any are as at be but by do for go ha has he her hey hi him his ho how i if in is it la me my no"
    " nor not of oh ok on or our out per see she so than that the then they this to too up us we what who why yes yet you".split()
)
"""At the beginning of a sentence these are never read as a name."""
_USUALLY_A_WORD = frozenset(
    "will may can might must best better big black bright brown clever close cold early earnest english fair frank free"
    " french full gay gentle good grand gray great green grey happy hardy high hot jolly just kind late light little long"
    " look lot low lucky major merry moody new noble precious proud quick rich savage sharp short silver small strange"
    " strong sunny sweet swift tall true wee welsh well white wild wise worth young".split()
)
"""At the beginning of a sentence these are a name only where the next words show it."""
_SOMETIMES_A_WORD = frozenset(
    "ace amber angel april art ash asia august autumn baker ban bang banks baron bay bear beauty bell berry bill bird"
    " bishop blessing bliss blue bob bond booth bow bridge brook brooks buck bud bull bush butcher butler cash castle cat"
    " chambers chance charity chase chin china chip chow chuck church clay cliff colt comfort cook cooper cross crow"
    " crystal curry daisy dale dash dawn day dean deacon dean destiny divine don dove drew duke earl eve faith fan farmer"
    " favour field fisher fish flood flora flower ford forest fortune foster fox friday frost gale gem gene gift gill"
    " ginger glen glory gold grace grant grove guy hall hand hands happiness harmony harp hazel head heath heather herb"
    " hill hoe holiday holly honey honor honour hood hook hope house hunter iris ivy jack jade jan jasmine jay joy judge"
    " june justice key king kit kitty knight knowledge lake lamb lance land lane lark lavender law lee liberty lie lily"
    " lock lord love luck lung mac magnolia man march mark marsh marshal martin mason mat matt max may melody memory"
    " mercy miles mills ming miracle misty monday moon moss nick north nova nurse oak olive opal page pan paris park"
    " parker pat patience patsy peace pearl peg penny pepper phoenix pierce ping piper pike pitt poet pool pope porter"
    " potter power powers praise price pride prince privilege progress promise prosper prudence queen race rain randy"
    " raven ray reader red reed rice ring river rivers rob robin rock rocky rod roman rose rowan ruby rush rusty sage"
    " sally salmon sands sandy saturday sawyer serenity shade shepherd shore sin sing singer sky small snow song"
    " south sparks spring star steel sterling stew stock stone storm street success sue summer sun sunday swan talent"
    " tan tanner taylor teddy temperance terry thorn thursday tower treasure trinity trust tuesday turner vale van veer"
    " victor victory viola violet wade walker wall ward waters weaver wednesday weeks wells west wing winner winter"
    " winters wisdom wolf wood woods woody wren yang yard".split()
)
"""At the beginning of a sentence these are a name unless the next word shows otherwise."""
_WORDS = _FUNCTION_WORDS | _USUALLY_A_WORD | _SOMETIMES_A_WORD

_DATES = frozenset(
    "jan march april may june august monday tuesday wednesday thursday friday saturday sunday spring summer autumn"
    " winter".split()
)
_BEFORE_A_DATE = re.compile(
    r"(?:\b(?:in|on|since|until|till|during|early|mid|late|last|next|this|every|each|by|of)|\d(?:st|nd|rd|th)?)[ -]$",
    re.IGNORECASE,
)
_STARTS_A_SENTENCE = re.compile(r"(?:(?:\A|[.!?…:;•\n])[\s\"“”'‘’(\[*_>#+-]*|(?:\s|\A)[\"“'‘(\[]+)\Z")
_AFTER_A_TITLE = re.compile(r"\b(?:Dr|Mr|Mrs|Ms|Mx|Prof|St)\.\s*\Z")
_ENDS_A_NAME = re.compile(r"\s*(?:\Z|\n|[,.:;!?&)/|]|['’]s\b|(?:and|or)\b)")
_AN_OBJECT = frozenset(
    "i i'd i'll i'm you we he she they it this that these those the a an my your his her our their its all any some"
    " of under there not what which how where when who one two three each every both people".split()
)
"""After one of the nouns and verbs above at the beginning of a sentence: Hope this helps, Mark the date."""
_AN_OBJECT_OF = {"hope": frozenset({"to", "for", "so"}), "love": frozenset({"to", "for"}), "trust": frozenset({"in"})}
_IN_BETWEEN = frozenset("just never always also really still already then now only often first".split())
_VERB = re.compile(
    r"(?:was|is|has|had|does|did|said|told|felt|went|came|got|made|took|gave|thought|knew|began|kept|left|met|saw|wrote"
    r"|spoke|sent|brought|lost|found|could|would|can|should|might|must|will|may|to|from|who|cried|isn|wasn|hasn|hadn"
    r"|doesn|didn|couldn|wouldn|won|[^\W\d_]{2,}(?:ed|s))\Z"
)
_NO_VERB = _AN_OBJECT | {"us", "yes", "as", "always", "perhaps", "besides", "this", "his", "less", "lots"}

_PLAIN_LETTERS = str.maketrans(
    {"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "ı": "i", "æ": "ae", "Æ": "Ae"}
    | {"œ": "oe", "Œ": "Oe", "þ": "th", "Þ": "Th", "\u00ad": "", "\u200c": "", "\u200d": ""}
)


@dataclass(frozen=True, slots=True)
class _NameWord:
    """One word of a name. Each spelling has its own capitals on the stand-in, so that each comes back as it was."""

    canonical: str
    stand_in: str
    dressed: Mapping[str, str]
    undressed: Mapping[str, str]

    def hidden(self, spelling: str) -> str:
        """The stand-in for one spelling of the word; a spelling that was not foreseen comes back as the canonical one."""
        return self.dressed.get(spelling) or _with_case_of(spelling, self.stand_in)

    def restored(self, stand_in: str) -> str:
        """The word for a stand-in as the model wrote it."""
        return self.undressed.get(stand_in) or _with_case_of(stand_in, self.canonical)


@dataclass(frozen=True, slots=True)
class StandIns:
    """The stand-ins for some people, word for word, so that a first name alone and the full name agree.

    Hiding leaves a name that is a word as well (Will, May) where it is not capitalised, and at the beginning of a
    sentence or in a date where it reads as the word. Restoring looks at nothing but the stand-in itself.
    """

    pairs: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Every name given and what stands for it, for the preview."""
    _hiding: Mapping[str, _NameWord] = field(default_factory=dict, repr=False)
    _restoring: Mapping[str, _NameWord] = field(default_factory=dict, repr=False)
    _neighbours: frozenset[tuple[str, str]] = field(default=frozenset(), repr=False)

    @classmethod
    def of(cls, names: Iterable[str], *, texts: Iterable[str] = ()) -> StandIns:
        """Stand-ins that occur neither in the texts nor among the names; the same for the same names and texts.

        Args:
            names: Full names or first names, in any order; titles and words like "my manager" in them are no names.
            texts: All that is sent, whether it is hidden or not. Spellings found in them are restored exactly; an
                unusual one from elsewhere (Mcdonald for McDonald) comes back as the name was given.
        """
        people = {name: _words_of(name) for name in sorted(set(names))}
        texts = list(texts)
        given = {_key(words[0]) for words in people.values() if words}
        canonical: dict[str, str] = {}
        for words in people.values():
            for word in words:
                canonical.setdefault(_key(word), word)
        spellings = _spellings(canonical, texts)
        taken = "\n".join([*texts, *people, *canonical]).casefold()
        hiding: dict[str, _NameWord] = {}
        restoring: dict[str, _NameWord] = {}
        for key in sorted(canonical, key=lambda key: (key not in given, key)):
            stand_in = next(
                name
                for name in _candidates(_GIVEN if key in given else _FAMILY, key)
                if name.casefold() not in taken and name.casefold() not in restoring
            )
            hiding[key] = restoring[stand_in.casefold()] = _name_word(canonical[key], stand_in, spellings[key])
        neighbours = frozenset((_key(one), _key(two)) for words in people.values() for one, two in pairwise(words))
        pairs = tuple((name, _in_full(name, words, hiding)) for name, words in people.items() if words)
        return cls(pairs, hiding, restoring, neighbours)

    def hide(self, text: str) -> str:
        """The text with stand-ins for the names."""
        if not self._hiding:
            return text

        def replaced(match: re.Match[str]) -> str:
            found = match.group()
            word = self._hiding.get(_key(found))
            if word is None or self._is_no_name(text, match, word):
                return found
            return word.hidden(found)

        return _letters().sub(replaced, text)

    def restore(self, text: str) -> str:
        """The text with the names for the stand-ins."""
        if not self._restoring:
            return text

        def replaced(match: re.Match[str]) -> str:
            word = self._restoring.get(match.group().casefold())
            return word.restored(match.group()) if word else match.group()

        return _letters().sub(replaced, text)

    def restoring(self) -> Restorer:
        """For text that comes in pieces."""
        return Restorer(self)

    def could_begin(self, start: str) -> bool:
        """Whether a stand-in begins with this, or is this."""
        start = start.casefold()
        return any(stand_in.startswith(start) for stand_in in self._restoring)

    def _is_no_name(self, text: str, match: re.Match[str], word: _NameWord) -> bool:
        found, low = match.group(), match.group().casefold()
        if low not in _WORDS and len(found) > 2:
            return False
        before, after = text[max(0, match.start() - 40) : match.start()], text[match.end() : match.end() + 60]
        if self._is_part_of_a_full_name(found, before, after):
            return False
        if not found[0].isupper() and found[0] != found[0].upper():
            return True
        if low not in _WORDS:
            return False
        if len(found) > 1 and found.isupper() and found != word.canonical:
            return True
        if low in _DATES and (_BEFORE_A_DATE.search(before) or re.match(r"[\s,]{1,2}\d", after)):
            return True
        is_first = _STARTS_A_SENTENCE.search(before) and not _AFTER_A_TITLE.search(before)
        return bool(is_first) and _reads_as_the_word(low, after)

    def _is_part_of_a_full_name(self, found: str, before: str, after: str) -> bool:
        neighbours = []
        if (match := re.match(r"[ '’.-]{1,2}(?=\w)", after)) and (following := _letters().match(after, match.end())):
            neighbours.append((match.group(), found, following.group()))
        if match := re.search(r"(\w+)([ '’.-]{1,2})\Z", before):
            neighbours.append((match[2], match[1], found))
        return any(
            (_key(one), _key(two)) in self._neighbours and ("-" in gap or (one[0].isupper() and two[0].isupper()))
            for gap, one, two in neighbours
        )


class Restorer:
    """Restores names in streamed text: the pieces it gives, joined, are the restored whole, wherever it was split.

    Nothing is held back but letters at the end that a stand-in begins with.
    """

    def __init__(self, stand_ins: StandIns) -> None:
        self._stand_ins = stand_ins
        self._held = ""
        self._is_inside_a_word = False

    def feed(self, piece: str) -> str:
        """What is certain once this piece has come."""
        text, self._held = self._held + piece, ""
        head = ""
        if self._is_inside_a_word:
            match = _letters().match(text)
            head = match.group() if match else ""
            if len(head) == len(text):
                return head
        start = len(text)
        while start > len(head) and _letters().match(text[start - 1]):
            start -= 1
        if start == len(text):
            self._is_inside_a_word = False
        elif self._stand_ins.could_begin(text[start:]):
            self._is_inside_a_word = False
            self._held = text[start:]
        else:
            self._is_inside_a_word = True
            start = len(text)
        return head + self._stand_ins.restore(text[len(head) : start])

    def finish(self) -> str:
        """What was held back, now that nothing more comes."""
        rest, self._held = self._stand_ins.restore(self._held), ""
        self._is_inside_a_word = False
        return rest


@cache
def _letters() -> re.Pattern[str]:
    """A run of letters with the marks on them; for `re`, a combining mark is no part of a word."""
    marks = "".join(chr(code) for code in range(0x300, 0x10000) if unicodedata.category(chr(code))[0] == "M")
    return re.compile(rf"(?:[^\W\d_]|[{marks}\u00ad\u200c\u200d])+")


def _key(word: str) -> str:
    """What all spellings of a word have in common: neither capitals nor accents."""
    if word.isascii():
        return word.lower()
    plain = unicodedata.normalize("NFKD", word.translate(_PLAIN_LETTERS))
    return "".join(letter for letter in plain if not "\u0300" <= letter <= "\u036f").casefold()


def _words_of(name: str) -> list[str]:
    """The words of a name that can be hidden, the first name first, capitalised as a name is."""
    found = _letters().findall(re.sub(r"\([^)]*\)|\[[^\]]*\]", " ", name))
    words = [
        word
        for place, word in enumerate(found)
        if len(_key(word)) > 1
        and word.casefold() not in _NOT_A_NAME
        and not (place and place < len(found) - 1 and word in _PARTICLES)
    ]
    return [_capitalised(word) for word in words]


def _capitalised(word: str) -> str:
    if word == word.lower() or (len(word) > 2 and word.isupper()):
        return word[0].upper() + word[1:].lower()
    return word


def _in_full(name: str, words: Iterable[str], hiding: Mapping[str, _NameWord]) -> str:
    keys = {_key(word) for word in words}

    def replaced(match: re.Match[str]) -> str:
        key = _key(match.group())
        return hiding[key].stand_in if key in keys else match.group()

    return _letters().sub(replaced, name)


def _spellings(canonical: Mapping[str, str], texts: Iterable[str]) -> dict[str, set[str]]:
    """How each word of a name is written in the texts, by key."""
    found: dict[str, set[str]] = {key: set() for key in canonical}
    for text in texts:
        for word in set(_letters().findall(text)):
            key = _key(word)
            if key in found:
                found[key].add(word)
    return found


def _candidates(pool: list[str], key: str) -> Iterator[str]:
    """The pool from a place that depends on the name alone, so that another person rarely shifts it; then made-up names."""
    start = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) % len(pool)
    yield from islice(cycle(pool), start, start + len(pool))
    length = 3
    while True:
        for syllables in product(_SYLLABLES, repeat=length):
            yield "".join(syllables).capitalize()
        length += 1


def _name_word(canonical: str, stand_in: str, spellings: set[str]) -> _NameWord:
    dressed = {canonical: stand_in}
    for spelling in (canonical.lower(), canonical.upper()):
        dressed.setdefault(spelling, _with_case_of(spelling, stand_in))
    capitals = _capitals(stand_in)
    for spelling in sorted(spellings - set(dressed)):
        free = next((written for written in capitals if written not in dressed.values()), None)
        if free:
            dressed[spelling] = free
    undressed: dict[str, str] = {}
    for spelling, written in dressed.items():
        undressed.setdefault(written, spelling)
    return _NameWord(canonical, stand_in, dressed, undressed)


def _capitals(word: str) -> Iterator[str]:
    """All ways to capitalise a word, those that begin with a capital and have few first."""
    for mask in sorted(range(1 << len(word)), key=lambda mask: (not mask & 1, mask.bit_count(), mask)):
        yield "".join(letter.upper() if mask >> place & 1 else letter.lower() for place, letter in enumerate(word))


def _with_case_of(model: str, word: str) -> str:
    if model == model.lower() != model.upper():
        return word.lower()
    return word.upper() if len(model) > 1 and model == model.upper() != model.lower() else word


def _reads_as_the_word(low: str, after: str) -> bool:
    """Whether a name that is a word as well, at the beginning of a sentence, is that word."""
    if low in _FUNCTION_WORDS:
        return not re.match(r"['’]s\b", after)
    if _ENDS_A_NAME.match(after):
        return False
    following = [word.replace("’", "'") for word in re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)?", after)[:2]]
    if low not in _USUALLY_A_WORD:
        return bool(following) and (
            following[0].lower() in _AN_OBJECT or following[0] in _AN_OBJECT_OF.get(low, frozenset())
        )
    if following and (following[0] in _IN_BETWEEN or following[0].endswith("ly")):
        following = following[1:]
    return not (following and following[0] not in _NO_VERB and bool(_VERB.match(following[0].split("'")[0])))
