"""Holds what a chat model wrote against its evidence: what does not stand there goes, what is only written wrongly is put right.

What is asked of the model, and what is done where its text is of no use, is `coach.services.model_writer`. Not covered:
statements without quotation marks that no passage supports, and titles in plain text that nothing marks as such.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from coach.domain.citations import Evidence, markers_in
from coach.domain.language import is_english
from coach.domain.question_rules import faults_in
from coach.domain.wording import shortened
from coach.services.model_claims import ADVISED_AGAINST, CITED_WORDS, Claim, claims_in, cue_before
from coach.services.model_flattery import OPENER, without_flattery
from coach.services.model_markers import (
    AROUND,
    MARKER,
    MARKERS_AT_END,
    MARKERS_AT_START,
    behind_quotations,
    with_markers,
)
from coach.services.model_markup import (
    NUMBERED,
    QUOTATION,
    Block,
    blocks_of,
    emphases_in,
    links_in,
    markdown_of,
    plain_text,
    quotations_in,
)
from coach.services.model_material import ADDRESS, Catalogue, Material, address_key, flattened, key_of, stands_in
from coach.services.model_titles import LEANS_ON_IT, unknown_address, unknown_resource

MAX_QUESTIONS = 3
"""In a reply that is no plan."""
LEAK_WORDS = 12
"""More of the instructions in a row than this, and the model is reciting them."""
MAX_FAULTS = 6
"""In the one corrective request: a weak model does no better with more."""

_PASSES = 8
_LEAST_LEFT = 1 / 3
"""Of the words: where more had to go, what is left no longer hangs together."""

ChangeKind = Literal["quotation", "source", "marker", "resource", "link", "question", "flattery", "markup"]
_CHANGES: Mapping[ChangeKind, tuple[str, str]] = {
    "quotation": (
        "A quotation that stands in none of your notes or its sources was taken out.",
        "{} quotations that stand in none of your notes or its sources were taken out.",
    ),
    "source": (
        "A number that pointed to the wrong source was put right.",
        "{} numbers that pointed to the wrong source were put right.",
    ),
    "marker": (
        "A number that points to no source was taken out.",
        "{} numbers that point to no source were taken out.",
    ),
    "resource": (
        "Something to read or watch that is not in the library was taken out.",
        "{} things to read or watch that are not in the library were taken out.",
    ),
    "link": ("A link or address from no source was taken out.", "{} links or addresses from no source were taken out."),
    "question": (
        "A question that led, or asked more than one thing, was taken out.",
        "{} questions that led, or asked more than one thing, were taken out.",
    ),
    "flattery": ("An empty compliment was taken out.", "{} empty compliments were taken out."),
    "markup": ("A picture or a piece of code was taken out.", "{} pictures or pieces of code were taken out."),
}


@dataclass(frozen=True, slots=True)
class Checked:
    """A model's text after the check.

    Attributes:
        markdown: What may be shown; empty where the text is of no use.
        changes: What was removed or repaired, a sentence each for the user.
        faults: What is to be put right, an instruction each for the one corrective request.
        reservations: What breaks a rule and was left, because nothing would remain without it; for the user.
    """

    markdown: str
    changes: tuple[str, ...]
    faults: tuple[str, ...]
    is_usable: bool
    reservations: tuple[str, ...] = ()


def check(
    text: str,
    evidence: Sequence[Evidence],
    *,
    text_of: Callable[[Evidence], str | None],
    catalogue: Catalogue,
    tag: str,
    instructions: str = "",
    said: Sequence[str] = (),
    is_plan: bool = False,
) -> Checked:
    """Hold a text against its evidence; the result passes its own check.

    Args:
        evidence: Numbered from 1 in this order. What `text_of` does not give, or gives without the quote, is none.
        tag: The random mark of this request, which no reply holds.
        instructions: What the model was told, without the passages.
        said: The messages of the conversation, and names that are known from elsewhere: they may be repeated.
        is_plan: Whether more than three questions are in order.
    """
    if _is_leak(text, tag, instructions):
        return Checked("", (), (), is_usable=False)
    if not _is_all_english(text):
        return Checked("", (), ("Answer in English.",), is_usable=False)
    desk = _Desk(Material.of(evidence, text_of, catalogue, said), is_plan)
    written = _word_count(plain_text(text)[0])
    for _ in range(_PASSES):
        before, text = text, desk.pass_over(text)
        if text == before:
            break
    left = _word_count(text)
    is_sound = text == before and set(markers_in(text)) <= set(desk.material.sound)
    is_safe = _is_all_english(text) and not _is_leak(text, tag, instructions)
    if not left or left < written * _LEAST_LEFT or not (is_sound and is_safe):
        return Checked("", (), desk.all_faults, is_usable=False)
    return Checked(text, desk.all_changes, desk.all_faults, is_usable=True, reservations=tuple(desk.reservations))


class _Desk:
    """Goes over one text until nothing is left to put right, and keeps what was found."""

    def __init__(self, material: Material, is_plan: bool) -> None:
        self.material = material
        self.reservations: list[str] = []
        self._is_plan = is_plan
        self._changes: Counter[ChangeKind] = Counter()
        self._faults: dict[str, None] = {}

    @property
    def all_changes(self) -> tuple[str, ...]:
        """A sentence for each kind of change."""
        return tuple(
            (one if (n := self._changes[kind]) == 1 else many.format(n))
            for kind, (one, many) in _CHANGES.items()
            if self._changes[kind]
        )

    @property
    def all_faults(self) -> tuple[str, ...]:
        """An instruction for each fault."""
        return tuple(self._faults)[:MAX_FAULTS]

    def pass_over(self, text: str) -> str:
        """The text once gone over."""
        text, gone = plain_text(text)
        text, dropped = with_markers(text, self.material.sound)
        self._count("markup", gone)
        self._count("marker", dropped)
        blocks = blocks_of(text)
        lead, is_first = "", True
        for place, block in enumerate(blocks):
            if block.kind in ("prose", "heading"):
                lead = block.text if block.text.endswith(":") else ""
            follows = blocks[place + 1].text if place + 1 < len(blocks) else ""
            had_text = bool(block.text)
            self._judge(block, lead if block.kind in ("item", "quotation") else "", follows, is_first=is_first)
            is_first = is_first and not (had_text and block.text)
        self._ask(blocks)
        return markdown_of(_without_gaps(blocks))

    def _judge(self, block: Block, lead: str, follows: str, *, is_first: bool) -> None:
        """Keep the sentences of a block that hold, repaired where that is enough."""
        if block.kind == "quotation" and self._is_block_of_a_source(block, lead, follows):
            return
        kept: list[str] = []
        leans = False
        for place, piece in enumerate(block.sentences):
            sentence = piece.rstrip()
            space = piece[len(sentence) :]
            if leans and LEANS_ON_IT.match(sentence) and not MARKER.search(sentence):
                continue
            if block.kind != "quotation":
                bare = without_flattery(sentence, is_first=is_first and not kept)
                self._count("flattery", int(bare != sentence and not OPENER.match(sentence)))
                if not bare:
                    continue
                sentence = bare
            held, leans = self._held(sentence, lead if not place else "")
            if held is None and block.kind == "item" and not kept:
                break  # what a list's item goes on to say is about what it began with
            if held is not None:
                kept.append(held + space)
        block.sentences = kept

    def _held(self, sentence: str, lead: str) -> tuple[str | None, bool]:
        """The sentence as it may stand, or None; and whether what went was a resource, on which the next may lean."""
        sentence = behind_quotations(sentence)
        linked = self._with_links(sentence)
        if linked is None:
            return None, True
        quoted = self._with_quotations(linked, lead)
        if quoted is None:
            return None, False
        claimed = [claim.span for claim in claims_in(quoted, lead, self.material.sound)]
        if address := unknown_address(quoted, self.material):
            self._drop("link", f"“{address}” is in none of the passages; give no link or address that is not there.")
            return None, True
        if title := unknown_resource(quoted, claimed, self.material):
            self._drop(
                "resource",
                f"“{shortened(title, limit=100)}” is in none of the passages; name no book, talk, paper or author from elsewhere.",
            )
            return None, True
        return self._calm(quoted), False

    def _with_links(self, sentence: str) -> str | None:
        """Links of the catalogue stay, others become their words; None where one leads to an unknown place."""
        catalogue = self.material.catalogue
        for span in reversed(links_in(sentence)):
            words, target = span.inner.strip(), span.closing
            resource = catalogue.links.get(address_key(target))
            titled = catalogue.titled(words.strip("*_“”\"'"))
            if resource is not None and (not titled or resource in titled) and not ADDRESS.fullmatch(words):
                written = resource.link if resource.link.startswith("http") else target
                sentence = f"{sentence[: span.start]}[{words}]({written}){sentence[span.end :]}"
                continue
            if resource is None and not titled and not self.material.knows_address(target):
                self._drop("link", f"“{words}” leads to an address that is in none of the passages; leave it out.")
                return None
            self._count("link", 1)
            sentence = f"{sentence[: span.start]}{words}{sentence[span.end :]}"
        return sentence

    def _with_quotations(self, sentence: str, lead: str) -> str | None:
        """The sentence with its quotations as they stand in their sources; None where one stands nowhere."""
        sound = self.material.sound
        claims = claims_in(sentence, lead, sound)
        supported: set[int] = set()
        for claim in claims:
            supported.update(
                {number for number, _, _ in claim.markers}.intersection(self.material.where(claim.span.inner))
            )
        for claim in reversed(claims):
            span = claim.span
            if self.material.is_title(span.inner):
                continue
            found = self._verbatim(span.inner, [number for number, _, _ in claim.markers])
            if found is None:
                self._drop_quotation(span.inner, claim.markers[0][0] if claim.markers else None)
                return None
            inner, tail, number = found
            after = sentence[span.end :]
            if tail and (after.lstrip()[:1] in tuple(".,;:?!") or (tail == "." and after.lstrip()[:1].islower())):
                tail = ""
            if number is not None:
                after = self._with_source(after, claim, number, supported)
            sentence = f"{sentence[: span.start]}{span.opening}{inner}{span.closing}{tail}{after}"
        return sentence

    def _verbatim(self, inner: str, cited: Sequence[int]) -> tuple[str, str, int | None] | None:
        """A quotation as it stands in a source: the words, a mark that belongs behind them, and the passage to cite
        instead (0 for none) where the one cited does not hold it."""
        for body, tail in _variants(inner):
            where = self.material.where(body)
            if where:
                return body, tail, None if not cited or set(where) & set(cited) else where[0]
            if stands_in(flattened(body), self.material.said):
                return body, tail, 0 if cited else None
        return None

    def _with_source(self, after: str, claim: Claim, number: int, supported: set[int]) -> str:
        """What follows a quotation, with the number of the passage that holds it; 0 for words of the conversation."""
        marker = next((m for m in claim.markers if m[1] >= claim.span.end), None)
        if marker is None:
            return after
        start, end = marker[1] - claim.span.end, marker[2] - claim.span.end
        if number == 0:
            # A number that stands further on may be there for what is said about the words.
            is_its_own = not after[:start].strip(" .,;:") and marker[0] not in supported
            if is_its_own:
                self._count("source", 1)
            return after[:start].rstrip() + after[end:] if is_its_own else after
        self._count("source", 1)
        if marker[0] in supported:
            return f" [{number}]{after}"
        return f"{after[:start]}[{number}]{after[end:]}"

    def _is_block_of_a_source(self, block: Block, lead: str, follows: str) -> bool:
        """Whether a block quotation claims to be of a source, and no draft; it is emptied where it stands in none."""
        bare = MARKER.sub("", block.text).strip()
        behind = MARKERS_AT_END.search(block.text)
        cited = [int(n) for n in MARKER.findall((behind or MARKERS_AT_START.match(follows) or [""])[0])]
        cue = cue_before(lead)
        is_cited = any(self.material.sound[n].kind in CITED_WORDS for n in cited if n in self.material.sound)
        if cue == "directive" or (cue is None and (not is_cited or bare.endswith("?"))):
            return False
        lines = [line.strip(AROUND) for line in bare.split("\n") if line.strip(AROUND)]
        for parts in ([" ".join(lines)], lines):
            if not all(self.material.where(part) or stands_in(flattened(part), self.material.said) for part in parts):
                continue
            where = self.material.where(parts[0])
            if behind and where and not set(where) & set(cited):
                block.sentences = [f"{bare} [{where[0]}]"]
                self._count("source", 1)
            return True
        self._drop_quotation(bare, cited[0] if cited else None)
        block.sentences = []
        return True

    def _calm(self, sentence: str) -> str:
        """Exclamation marks become full stops, but for those in words and titles that are somebody else's."""
        if "!" not in sentence:
            return sentence
        kept = [
            (span.start, span.end)
            for span in (*quotations_in(sentence), *emphases_in(sentence))
            if self.material.is_title(span.inner)
            or self.material.where(span.inner)
            or stands_in(flattened(span.inner), self.material.said)
        ]
        kept += [match.span() for match in ADDRESS.finditer(sentence)] + [(s.start, s.end) for s in links_in(sentence)]

        def calmed(match: re.Match[str]) -> str:
            if any(start <= match.start() < end for start, end in kept):
                return match[0]
            return "?" if "?" in match[0] else "."

        return re.sub(r"[.?!]*![.?!]*(?!\w)", calmed, sentence)

    def _ask(self, blocks: list[Block]) -> None:
        """Take out questions that break the rules while another one stays."""
        self.reservations = []
        asked: list[tuple[Block, int, list[str]]] = []
        total = 0
        lead = ""
        for block in blocks:
            if block.kind in ("prose", "heading"):
                lead = block.text if block.text.endswith(":") else ""
            if block.kind == "quotation":
                continue  # a draft's questions are the user's to edit
            for place, sentence in enumerate(block.sentences):
                questions = self._questions(sentence.strip(), lead if block.kind == "item" and not place else "")
                total += len(questions)
                faults = [
                    f"“{shortened(q, limit=120)}” {fault}; ask one open question of one idea."
                    for q in questions
                    for fault in faults_in(q)[:1]
                ]
                if questions:
                    asked.append((block, place, faults))
        for _, _, faults in asked:
            self._faults.update(dict.fromkeys(faults))
        if total > MAX_QUESTIONS and not self._is_plan:
            self._faults[f"It asks {total} questions; ask at most {MAX_QUESTIONS}, better one."] = None
            self.reservations.append(f"It asks {total} questions, which is more than one conversation needs at once.")
        faulty = [(block, place) for block, place, faults in asked if faults]
        if faulty and len(faulty) == len(asked):
            faulty.pop()
            self.reservations.append(
                "Its question leads or asks more than one thing; it was left because there is no other."
            )
        for block, place in reversed(faulty):
            if block.kind == "item" and not "".join(block.sentences[:place]).strip():
                block.sentences = []
            else:
                block.sentences[place] = ""
            self._count("question", 1)

    def _questions(self, sentence: str, lead: str) -> list[str]:
        """The questions that a sentence asks or gives to be asked; not those that it quotes, nor titles."""
        quoted = {claim.span.start for claim in claims_in(sentence, lead, self.material.sound)}
        found: list[str] = []
        rest = sentence
        marked = sorted([*quotations_in(sentence), *emphases_in(sentence)], key=lambda span: (-span.start, span.end))
        for span in marked:
            is_foreign = span.start in quoted or self.material.is_title(span.inner)
            if is_foreign or span.opening in "“\"„«‘'":
                if "?" in span.inner and not is_foreign and not ADVISED_AGAINST.search(sentence[: span.start]):
                    pieces = [piece.strip() for piece in re.findall(r"[^.!?…]*\?", span.inner)]
                    found.insert(0, " ".join(piece for piece in pieces if len(piece) > 1))
                rest = (
                    f"{rest[: span.start]}{span.opening}{span.inner.replace('?', '')}{span.closing}{rest[span.end :]}"
                )
        if "?" in rest:
            bare = re.sub(r"\s*\[\d{1,3}\]|[*_`#]+", "", rest)
            bare = bare[: bare.rindex("?") + 1]
            inside = [range(span.start, span.end) for span in quotations_in(bare)]
            announced = [m.end() for m in re.finditer(r":\s+", bare) if not any(m.start() in part for part in inside)]
            found.append(bare[max(announced, default=0) :].strip())
        return [question for question in found if any(character.isalpha() for character in question)]

    def _drop_quotation(self, words: str, cited: int | None) -> None:
        where = f"not in passage [{cited}]" if cited else "in none of the passages"
        quoted = shortened(" ".join(words.split()), limit=120)
        self._drop("quotation", f"“{quoted}” is {where}; quote it word for word or leave it out.")

    def _drop(self, kind: ChangeKind, fault: str) -> None:
        self._count(kind, 1)
        self._faults[fault] = None

    def _count(self, kind: ChangeKind, number: int) -> None:
        if number:
            self._changes[kind] += number


def _variants(inner: str) -> Iterator[tuple[str, str]]:
    """A quotation as it may stand in its source: with its last mark outside, with another case of its first letter."""
    bare = inner.strip()
    bodies = [(inner, "")]
    if bare[-1:] in tuple(".,;:!"):
        bodies.append((bare[:-1].rstrip(), "," if bare[-1] in ",;:" else "."))
    for body, tail in bodies:
        yield body, tail
    for body, tail in bodies:
        yield body[:1].swapcase() + body[1:], tail


def _without_gaps(blocks: Sequence[Block]) -> list[Block]:
    """The blocks that still say something: nothing is announced that went, and lists are numbered through."""
    kept: list[Block] = []
    gone: Block | None = None
    shift = 0
    for block in [*blocks, None]:
        if block is not None and not _says_something(block.text):
            gone = block
            shift += bool(NUMBERED.fullmatch(block.prefix))
            continue
        if gone is not None and kept and (block is None or block.kind != gone.kind or block.is_lead_in):
            _drop_lead_in(kept)
        if block is None:
            break
        if gone is not None:
            block.has_gap = block.has_gap or (gone.has_gap and not (kept and kept[-1].kind == block.kind == "item"))
        gone = None
        if number := NUMBERED.fullmatch(block.prefix):
            shift = 0 if int(number["number"]) == 1 else shift
            block.prefix = f"{number['before']}{int(number['number']) - shift}{number['after']}"
        kept.append(block)
    return kept


def _drop_lead_in(kept: list[Block]) -> None:
    last = kept[-1]
    if last.is_lead_in:
        if last.kind == "heading" or not last.text.endswith(":"):
            kept.pop()
            return
        last.sentences = last.sentences[:-1]
        if not _says_something(last.text):
            kept.pop()


def _says_something(text: str) -> bool:
    return any(character.isalnum() for character in MARKER.sub("", text))


def _is_leak(text: str, tag: str, instructions: str) -> bool:
    """Whether a text holds the mark of its request, or recites what the model was told."""
    if tag and tag.casefold() in text.casefold():
        return True
    size = LEAK_WORDS + 1
    told = key_of(instructions).split()
    if len(told) < size:
        return False
    runs = {tuple(told[start : start + size]) for start in range(len(told) - size + 1)}
    words = key_of(text).split()
    return any(tuple(words[start : start + size]) in runs for start in range(len(words) - size + 1))


def _is_all_english(text: str) -> bool:
    """Whether a text and each of its longer paragraphs are in English; what is quoted need not be."""
    bare = QUOTATION.sub(" ", text)
    return is_english(bare) and all(is_english(part) for part in re.split(r"\n\s*\n", bare) if len(part) > 60)


def _word_count(text: str) -> int:
    return len(key_of(MARKER.sub("", text)).split())
