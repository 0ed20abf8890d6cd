"""What a chat model's text is held against: the evidence of the turn, and the resources that may be named.

The check itself is `coach.services.model_checks`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from coach.domain.citations import Evidence, EvidenceKind
from coach.domain.knowledge import Resource
from coach.ports import KnowledgeBase


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The resources that may be named, by title without case and punctuation, and by address."""

    titles: Mapping[str, tuple[Resource, ...]]
    """By the whole title, and by the part before its colon."""
    links: Mapping[str, Resource]
    people: frozenset[str]
    """Authors, by their whole name and by the last word of it."""

    @classmethod
    def of(cls, knowledge: KnowledgeBase) -> Catalogue:
        """The catalogue of one library."""
        titles: dict[str, tuple[Resource, ...]] = {}
        links: dict[str, Resource] = {}
        people: set[str] = set()
        for resource in knowledge.resources.values():
            for key in dict.fromkeys((key_of(resource.title), key_of(resource.title.partition(":")[0]))):
                titles[key] = (*titles.get(key, ()), resource)
            for address in (resource.address, resource.doi, resource.isbn, resource.link):
                if address:
                    links[address_key(address)] = resource
            for author in resource.authors:
                people.update((key_of(author), key_of(author).rpartition(" ")[2]))
        return cls(titles, links, frozenset(people))

    def titled(self, title: str) -> tuple[Resource, ...]:
        """The resources of a title, which may lack its subtitle or an article at its beginning."""
        key = key_of(title)
        return self.titles.get(key) or self.titles.get(f"the {key}") or self.titles.get(f"a {key}") or ()


_QUOTE_STYLE = str.maketrans(dict.fromkeys('“”„«»‘’‚‹›`"', "'"))


def flattened(text: str) -> str:
    """A text for comparing word for word: white space and the style of quotation marks aside."""
    return " ".join(text.translate(_QUOTE_STYLE).split())


def key_of(text: str) -> str:
    """A title or a name for comparing: without case, accents and punctuation."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join(re.sub(r"['’]", "", plain).translate(_TO_SPACE).split())


class _ToSpace(dict[int, str]):
    def __missing__(self, code: int) -> str:
        self[code] = chr(code) if chr(code).isalnum() else " "
        return self[code]


_TO_SPACE = _ToSpace()


def stands_in(quote: str, text: str) -> bool:
    """Whether a quotation stands in a text, both flat; an ellipsis splits it into parts that follow each other."""
    if not any(character.isalnum() for character in quote):
        return False
    if _position(quote, text, 0) >= 0:
        return True
    parts = [part for part in re.split(r"\[?(?:…|\.\.\.)\]?", quote) if part.strip()]
    position = 0
    for part in parts:
        position = _position(part.strip(), text, position)
        if position < 0:
            return False
        position += len(part.strip())
    return len(parts) > 0 and len(parts) < len(quote)


def _position(part: str, text: str, start: int) -> int:
    """Where a part stands at the borders of words; -1 where it does not."""
    while (start := text.find(part, start)) >= 0:
        end = start + len(part)
        is_cut = (part[0].isalnum() and text[start - 1 : start].isalnum()) or (
            part[-1].isalnum() and text[end : end + 1].isalnum()
        )
        if not is_cut:
            return start
        start += 1
    return -1


@dataclass(frozen=True, slots=True)
class Passage:
    kind: EvidenceKind
    text: str
    title: str


@dataclass(frozen=True, slots=True)
class Material:
    """All that a reply may rest on."""

    sound: Mapping[int, Passage]
    said: str
    catalogue: Catalogue
    everything: str
    words: str
    addresses: frozenset[str]

    @classmethod
    def of(
        cls,
        evidence: Sequence[Evidence],
        text_of: Callable[[Evidence], str | None],
        catalogue: Catalogue,
        said: Sequence[str],
    ) -> Material:
        sound: dict[int, Passage] = {}
        texts = list(said)
        for number, item in enumerate(evidence, start=1):
            text = text_of(item)
            if text is None or not item.quote or text[item.start : item.end] != item.quote:
                continue
            sound[number] = Passage(item.kind, flattened(text), flattened(item.title))
            texts += [text, item.title, item.byline]
        everything = "\n".join(texts)
        addresses = frozenset(address_key(match[0]) for match in ADDRESS.finditer(everything))
        return cls(
            sound, flattened("\n".join(said)), catalogue, flattened(everything), f" {key_of(everything)} ", addresses
        )

    def where(self, quote: str) -> list[int]:
        """The numbers of the passages in which a quotation stands, or whose title it is."""
        flat = flattened(quote)
        return [n for n, passage in self.sound.items() if flat == passage.title or stands_in(flat, passage.text)]

    def is_title(self, text: str) -> bool:
        """Whether this is the title of a resource or of a passage."""
        flat = flattened(text).rstrip(",.;: ")
        return bool(self.catalogue.titled(flat)) or any(
            flat == passage.title for passage in self.sound.values() if passage.kind != "question"
        )

    def knows_title(self, title: str) -> bool:
        """Whether something of this title may be named. A title of one or two words may be any words: case counts there."""
        if self.is_title(title):
            return True
        key = key_of(title)
        if len(key.split()) < 3:
            return _position(flattened(title), self.everything, 0) >= 0 if key else True
        return f" {key} " in self.words or any(known.startswith(f"{key} ") for known in self.catalogue.titles)

    def knows_end_of(self, title: str) -> bool:
        """The same where words of the sentence may stand before the title."""
        words = title.split()
        return self.knows_title(title) or any(
            self.is_title(" ".join(words[start:]))
            or (len(words) - start > 2 and self.knows_title(" ".join(words[start:])))
            for start in range(1, len(words))
        )

    def knows_person(self, name: str) -> bool:
        """Whether somebody of this name is spoken of, or wrote a resource."""
        words = key_of(re.sub(r"['’]s$", "", name)).split()
        if words and words[-1] in self.catalogue.people:
            return True
        # What begins a sentence may be read as part of the name.
        return any(f" {' '.join(words[start:])} " in self.words for start in range(max(1, len(words) - 1)))

    def is_person(self, name: str) -> bool:
        """Whether this is as a whole the name of somebody known."""
        key = key_of(re.sub(r"['’]s$", "", name))
        return key in self.catalogue.people or f" {key} " in self.words

    def knows_address(self, address: str) -> bool:
        """Whether a link, DOI, ISBN or e-mail address stands in the catalogue or a passage, to the letter."""
        key = address_key(address)
        return key in self.catalogue.links or key in self.addresses


_TLD = (
    "com|org|net|edu|gov|mil|int|info|biz|io|ai|app|dev|uk|eu|ca|au|nz|ie|de|fr|ch|nl|ly|gl|tv|ru|cn|in|co|tk|xyz|top|site"
    "|online|link|club|shop|page|blog|test|example|invalid"
)
ADDRESS = re.compile(
    r"(?:\b[a-z][a-z0-9+.-]{1,20}://|\b(?:mailto|javascript|data|tel|sms|urn):|\bwww\.)[^\s<>\"“”]+"
    r"|(?<![\w.+-])[\w.+-]++@[\w-]+(?:\.[\w-]+)+"
    r"|\b10\.\d{4,9}/[^\s<>\"“”]+"
    r"|\bISBN(?:-1[03])?:?\s*[\dXx][\dXx -]{8,16}|\b97[89][ -]?(?:\d[ -]?){9}[\dXx]\b"
    rf"|(?<![\w@.-])(?:[a-z0-9-]++\.)+(?:{_TLD})\b(?:[/?#:][^\s<>\"“”]*)?"
    r"|(?<![\w@.-])[a-z0-9-]++(?:\.[a-z0-9-]+)*\.[a-z]{2,12}/[^\s<>\"“”]+",
    re.IGNORECASE,
)


def address_key(address: str) -> str:
    """An address for comparing: without scheme, `www.`, and the punctuation of the sentence around it."""
    bare = address.strip().casefold().rstrip(".,;:!?)]}*_'’”>")
    bare = re.sub(r"^(?:urn:)?isbn(?:-1[03])?:?\s*", "", bare)
    if re.fullmatch(r"[\dx -]+", bare):
        return re.sub(r"[ -]", "", bare)
    bare = re.sub(r"^(?:https?://|mailto:)", "", bare).removeprefix("www.")
    return re.sub(r"^(?:dx\.)?doi\.org/", "", bare).rstrip("/")
