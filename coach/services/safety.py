"""Safety: whether a message needs care, other help or a plain refusal before any coaching.

It names a decision and never answers; the words of the answer are the templates in `prompts/safety`.
Recognition is by wording alone and errs towards care; measured on `evals`' safety data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from coach.domain.safety import About, SafetyDecision, SafetyKind


@dataclass(frozen=True, slots=True)
class Assessment:
    """A decision, and whether the message is about the writer or about somebody else."""

    decision: SafetyDecision
    about: About = "self"
    is_sensed: bool = False
    """Whether no wording gave it away: the reply asks, and leaves room for having been misread."""


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


_WORK = r"(?:deadline|job|project|meeting|meetings|workload|commute|boss|code|traffic|session|sessions|work|email|emails|feature|product|idea|presentation|report|this|it|process|bug|branch|server|script|heat|suspense|hours?)"

_IDIOMS = _any(
    rf"\b{_WORK}\s+(?:is|are|was|were|has been|have been)?\s*(?:just\s+|slowly\s+|absolutely\s+)?kill(?:ing|ed|s)\s+(?:me|us|him|her|them)\b",
    r"\b(?:kill|killed|killing|kills)\s+(?:the|a|an|our|my|his|her|their|this|that|off|time|two birds)\b(?!\s*self)",
    r"\bcould (?:have )?kill(?:ed)? (?:him|her|them|you|my (?:boss|manager|mentor|mentee))\b",
    r"\bdying (?:to|for|inside|on (?:stage|my feet))\b",
    r"\bdie(?:d)? (?:of|from) (?:embarrassment|shame|boredom|laughter|laughing|nerves|curiosity)\b",
    r"\b(?:dead|die) (?:tired|line|lines|end|wood|weight|serious|on my feet)\b",
    r"\b(?:i(?:'d| would)) (?:rather|sooner) die than\b",
    r"\b(?:charity|charities|research\w*|phd|thesis|paper|novel|film|play|band|book|stud(?:y|ies)|wards?|helpline|campaign|bereaved|statistics|training|prevention)\b[^.!?]{0,40}\b(?:suicid\w+|self[- ]harm\w*)",
    r"\bkill me (?:if i|when (?:she|he|they) (?:finds?|hears?|sees?)|for)\b",
    r"\bcut (?:my|him|her|your)self (?:some |a little |a bit of )?slack\b",
    r"\b(?:career|commercial|political|professional|social|product) suicide\b",
    r"\bsuicide (?:mission|prevention|awareness|squad|charity|hotline|helpline|research|burden)\b",
    r"\bshoot (?:me|her|him|them|you) (?:an?|the|over)\b",
    r"\b(?:end|ending) (?:it|things|this) (?:well|early|kindly|gracefully|nicely|with (?:him|her|them|my))\b",
    r"\bhang(?:ing)? (?:in there|out|on)\b",
    r"\b(?:to|till|until) death\b|\bscared to death\b|\bbored to death\b|\bdeath by (?:powerpoint|slides?|meetings?)\b",
    r"\bdrop dead (?:gorgeous|date)\b",
    r"\bwants? (?:me|him|her|them) dead\b(?= (?:right|on))",
)

_CRISIS = _any(
    r"\bkill(?:ing)? (?:my|him|her|them|your)sel(?:f|ves)\b",
    r"\bkms\b|\bunaliv\w+",
    r"\bsuicid(?:e|al)\b",
    r"\b(?:end|ending|take|taking|took) (?:my|his|her|their|your) (?:own )?li(?:fe|ves)\b",
    r"\b(?:want|wants|wanted|wanting|wish|wished|wishes|going|ready|plan|plans|planning|rather|like|hope|hoping)(?: (?:i|he|she|they))?(?: (?:to|was|were|could|would|just|be|had))* (?:die|died|dead|be dead|never been born|never wake up|not wake up|disappear forever)\b",
    r"\b(?:better|easier|happier) off (?:without me|if i (?:was|were|wasn'?t|weren'?t|am not)\b.{0,20}|dead|without (?:him|her|them) around)",
    r"\b(?:don'?t|dont|do not|doesn'?t|doesnt|didn'?t|no longer|not) (?:really |even )?(?:want|wanna|wants|wish|wanting) to (?:be here|be alive|live|exist|wake up|go on|carry on living|be around)(?! (?:in this (?:team|company|job|role)|for this (?:meeting|session)|at (?:this|the)|on this (?:team|project)))",
    r"\b(?:can'?t|cannot|can not|couldn'?t|don'?t think (?:i|he|she|they) can) (?:go on|take it|do this|cope|keep going|carry on)(?: like this)? any ?(?:more|longer)\b(?!.{0,25}\b(?:mentoring|meeting|sessions?)\b)",
    r"\bno (?:reason|point) (?:to|in|for) (?:live|living|go on|going on|carry on|carrying on|being here|being alive|waking up)\b",
    r"\b(?:don'?t|dont|do not|can'?t|cannot) see (?:the|any|a|much) (?:point|reason|future|way out)(?: (?:of|in|to|for) (?:any of it|anything|it all|everything|life|living|going on|me|being here|carrying on))?(?: any ?more)?\s*(?:[.!,;]|$)",
    r"\b(?:what'?s|what is|where'?s) the point (?:of|in) (?:anything|any of it|it all|living|being here|going on|life)\b",
    r"\b(?:self[- ]?harm\w*|hurt(?:ing)? (?:my|him|her|them)sel(?:f|ves)|cut(?:ting|s)? (?:my|him|her|them)sel(?:f|ves)(?! off| out| from| short| while| shaving| chopping| cooking)|overdos(?:e|ed|ing))\b",
    r"\b(?:jump(?:ing)? (?:off|from) (?:a|the) (?:bridge|roof|building)|in front of (?:a|the) (?:train|bus|car|lorry|truck)|hang (?:my|him|her)self|slit (?:my|his|her) wrists)\b",
    r"\b(?:every(?:one|body)|the world|my family|they|people)(?: would| will|'d|'ll)? (?:be|is|are) better (?:off )?(?:if i|without me)\b",
    r"\b(?:i'?m|i am|he'?s|she'?s|they'?re) (?:just )?(?:a burden|so tired of (?:living|life|being alive|everything|it all))\b",
    r"\b(?:nothing|none of it|life) (?:matters|is worth (?:living|it)|isn'?t worth)(?: any ?more)?\b(?! (?:to|at|in|for) (?:my|the|this) (?:boss|manager|company|team|job))",
    r"\b(?:said|saying|say) goodbye to everyone\b|\bgiving away (?:my|his|her|their) (?:things|stuff|belongings)\b",
    r"\b(?:won'?t|will not|not going to) be (?:here|around) (?:much longer|any ?more|tomorrow|next (?:week|month))\b(?=.{0,40}\b(?:sorry|goodbye|promise|tell|life)\b)",
    r"\bwish (?:i|he|she) (?:could|would) (?:just )?(?:fall asleep|go to sleep) and (?:not|never) wake\b|\b(?:not|never) wak(?:e|ing) up (?:again|tomorrow)\b",
)

_ABUSE = _any(
    r"\b(?:he|she|they|husband|wife|partner|boyfriend|girlfriend|father|mother|dad|mum|mom|stepdad|boss|manager|mentor|mentee|ex|uncle)\b.{0,30}\b(?:hits|hit|beats|beat|punche[sd]|slapp(?:ed|s)|chok(?:ed|es|ing)|strangl\w+|kicks|kicked|threaten(?:s|ed|ing)? to (?:kill|hurt|hit))\s+(?:me|her|him|them|us)\b",
    r"\b(?:being|been|was|am|is|gets?|got) (?:physically |sexually |emotionally )?(?:abused|beaten(?: up)?|raped|assaulted|molested|groomed)\b",
    r"\b(?:domestic|sexual|child|physical) (?:abuse|violence|assault)\b(?! (?:charity|sector|policy|researcher|training))",
    r"\b(?:afraid|scared|frightened|terrified) (?:to go home|of (?:my|her|his) (?:husband|wife|partner|boyfriend|girlfriend|father|dad|mother|ex))\b",
    r"\b(?:locks|locked) (?:me|her|him) in\b|\bwon'?t let (?:me|her|him) leave the house\b|\bforced (?:me|her|him) (?:to have sex|into bed)\b",
    r"\bbruises?\b.{0,60}\b(?:won'?t say|fell|home|partner|husband|father|mother|arms?)\b",
)

_HARASSMENT = _any(
    r"\bsexual(?:ly)? harass\w*|\bharass(?:ed|es|ing|ment)\b(?! (?:policy|training))",
    r"\b(?:touch(?:ed|es|ing)|grop(?:ed|es|ing)|kiss(?:ed|es|ing)?) (?:me|her|him|my|their) ?(?:knee|leg|thigh|bum|breast|back|shoulder|inappropriately|without)?\b",
    r"\b(?:sent|sends|sending|asked (?:me )?for|wants) (?:me )?(?:nude|naked|explicit|sexual|dirty|intimate)s? ?(?:pics|pictures|photos|messages|texts|images)?\b",
    r"\b(?:sexual|inappropriate|unwanted) (?:comments?|advances?|remarks?|touching|messages?|jokes about my)\b",
    r"\b(?:stalk(?:s|ed|ing)|followed me home|keeps turning up at my (?:house|home|flat))\b",
    r"\b(?:threaten(?:s|ed|ing)) (?:me|her|him)\b|\bblackmail\w*\b",
    r"\b(?:racist|homophobic|transphobic|antisemitic|islamophobic) (?:slurs?|abuse|remarks?|comments?|jokes?|names?)\b|\bcalled (?:me|her|him) (?:a|the) [nf]-?word\b",
    r"\b(?:sleep|slept|go to bed|have sex) with (?:him|her|me) (?:for|to get|in return|or)\b",
)

_SAFEGUARDING = _any(
    r"\b(?:1[0-7]|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen)[- ]?(?:years?[- ]old|yo|y/o)?\b.{0,80}\b(?:my house|my home|my flat|my place|alone with|keep (?:it|this|a) (?:a )?secret|don'?t tell (?:her|his|your|their) (?:parents?|mum|dad|mother)|private(?:ly)? (?:chat|messag\w+)|in love|crush|sleepover|stay over|drive (?:her|him) home)\b",
    r"\b(?:keep (?:it|this) (?:a )?secret from|without telling) (?:her|his|their) (?:parents?|mum|mother|dad|father|school)\b",
)

_MEDICAL_LEGAL = _any(
    r"\b(?:should|can|could) (?:i|she|he|they|my mente[er]) (?:stop |start |be )?(?:tak(?:e|ing)|com(?:e|ing) off|increase|double|stop) (?:my |the |her |his |their )?(?:medication|meds|antidepressants?|ssris?|sertraline|prozac|ritalin|adderall|pills|tablets|beta[- ]?blockers?)\b",
    r"\b(?:what|which) (?:medication|dose|dosage|medicine|antidepressant|drug)\b",
    r"\b(?:do|does|could|might) (?:i|she|he|they|my mente[er]) have (?:adhd|autism|depression|bipolar|ptsd|an anxiety disorder|ocd|cancer|covid|an eating disorder|a personality disorder)\b",
    r"\bdiagnos(?:e|is) (?:me|her|him|my|this|for)\b|\bcan you diagnose\b",
    r"\b(?:chest pains?|suicidal medication|symptoms? (?:of|mean))\b",
    r"\b(?:can|could|should) (?:i|she|he|they|we) (?:sue|take (?:them|him|her|it) to (?:court|(?:an? )?(?:employment )?tribunal)|claim (?:for )?(?:unfair|constructive) dismissal)\b",
    r"\bis (?:it|this|that) (?:legal|illegal|against the law|lawful|unlawful)\b|\b(?:legal advice|what are my legal rights|my rights (?:under|in) (?:the )?(?:law|employment)|settlement agreement.{0,30}(?:sign|accept))\b",
    r"\b(?:visa|immigration) (?:rules?|status|application)\b.{0,40}\?|\bhow much tax\b|\bshould i (?:invest|put my (?:money|savings|pension))\b",
)

_OUT_OF_SCOPE = _any(
    r"\b(?:write|debug|fix|refactor|code|generate|create|implement|give) (?:me |us )?(?:a |an |some |this |my |the )?(?:\w+ ){0,2}(?:python|javascript|java|sql|c\+\+|rust|bash|html|css|regex|excel)\b.{0,40}\b(?:function|script|code|program|query|page|class|formula|snippet|bug|app)?",
    r"\b(?:write|give|tell|compose) (?:me |us )?(?:a |an |some )?(?:\w+ ){0,2}(?:poem|haiku|limerick|joke|song|recipe|rap|sonnet|fairy tale|novel|essay about)\b",
    r"\b(?:what(?:'s| is)|name|tell me) the (?:capital|population|currency|president|prime minister|square root|boiling point|weather|time in|largest|tallest|distance)\b",
    r"\bwho (?:won|is the (?:president|prime minister|king|queen|ceo) of|invented|wrote|painted|discovered)\b",
    r"\b(?:translate|summari[sz]e) (?:this |the )?(?:article|paragraph|sentence|text|page|book|novel|into|to (?:french|german|spanish|hindi|yoruba|chinese))\b",
    r"\b(?:weather|forecast) (?:today|tomorrow|in|for)\b|\bfootball score\b|\bstock price\b|\bbitcoin\b|\blottery numbers\b",
    r"^\s*(?:calculate|solve|compute)\b|^\s*[\d\s+\-*/().^=]{3,}\??\s*$|\bwhat(?:'s| is) \d+\s*[-+*/x]\s*\d+",
    r"\b(?:recipe for|how (?:do i|to) (?:cook|bake|boil|fix (?:my|a) (?:car|tap|sink|washing machine)|install (?:windows|linux)))\b",
    r"\b(?:horoscope|star sign|tarot)\b",
)

_KINDS: tuple[tuple[SafetyKind, re.Pattern[str], str], ...] = (
    ("crisis", _CRISIS, "the message may be about suicide, self-harm or not wanting to go on"),
    ("abuse", _ABUSE, "the message speaks of violence or abuse"),
    ("safeguarding", _SAFEGUARDING, "the message concerns a young person's safety"),
    ("harassment", _HARASSMENT, "the message speaks of harassment or threats"),
    ("medical-legal", _MEDICAL_LEGAL, "the message asks for medical or legal advice"),
    ("out-of-scope", _OUT_OF_SCOPE, "the request has nothing to do with mentoring"),
)
NONE = "none"
"""The label of a message that calls for nothing of this."""
_YOUNG = re.compile(
    r"\b(?:1[0-7]|teen\w*|pupils?|school\w*|child\w*|kids?|boys?|girls?|parents?|minors?|year (?:7|8|9|10|11|12|13)|young|lads?)\b",
    re.IGNORECASE,
)
_ASKS = re.compile(r"\?|\b(?:should|can|could|may|is it|do i|am i|what|which|how)\b", re.IGNORECASE)
MAX_REASSURANCE = 14
"""Words."""
_REASONS: Mapping[SafetyKind, str] = {kind: reason for kind, _, reason in _KINDS}
MARGINS: Mapping[SafetyKind, float] = {
    "crisis": 0.0,
    "abuse": 0.1,
    "harassment": 0.0,
    "safeguarding": 0.3,
    "medical-legal": 0.1,
    "out-of-scope": 0.1,
}
"""By how much a decision must outscore "none" (set on dev: care errs on the side of asking, refusal on that of helping)."""
LEAST_SCORE = 0.3
"""Of a decision that no wording gives away: below it a message is simply unlike any other."""
LEAST_WORDS = 5
"""The same for its length: “What would happen then?” says nothing by itself."""
REFUSAL_SLACK = 0.3
"""By how much "none" must outscore a refusal before its wording is passed over."""
_MENTORING = re.compile(
    r"\b(?:mentor\w*|mentee\w*|coach\w*|session|goals?|feedback|career|my (?:team|boss|manager)|grow)\b", re.IGNORECASE
)
"""A request that speaks of the work of mentoring is in scope whatever else it names."""

_SAFE_NOW = _any(
    r"\b(?:i'?m|i am|we'?re|he'?s|she'?s|they'?re|(?:he|she) is) (?:ok|okay|fine|safe|alright|all right|not (?:going to|planning|in danger|suicidal))\b",
    r"\b(?:that'?s|it'?s) not what i meant\b|\b(?:i )?didn'?t mean (?:it )?(?:like )?that\b|\bnothing like that\b|\bno danger\b|\bfigure of speech\b",
    r"\b(?:i'?ve|i have|i'?ll) (?:called|rung|spoken|talk|call|ring|speak)\b",
)
_OTHER_PERSON = re.compile(
    r"\b(?:my |a |the )?(?:mentee|mentor|friend|colleague|student|girl|boy|someone|sister|brother|daughter|son|she|he|they|her|him)\b"
    r"(?:(?!\bi\b|\bi'm\b).){0,60}\b(?:said|says|told|wrote|posted|texted|wants?|wanted|is|was|has|doesn'?t|hurt|talked|mentioned|messaged|sent|can'?t|might)\b",
    re.IGNORECASE,
)
_FIRST_PERSON = re.compile(r"\b(?:i|i'?m|i'?ve|i'?d|me|myself|my life)\b", re.IGNORECASE)


def signs(text: str) -> tuple[float, ...]:
    """What the wording alone speaks for, each 0 or 2: a sign of alarm weighs double beside one of a situation."""
    straight = text.replace("’", "'")
    plain = _IDIOMS.sub(" ", straight)
    found = [*(pattern.search(plain) is not None for _, pattern, _ in _KINDS), plain != straight, "?" in text]
    return tuple(2.0 * is_found for is_found in found)


def assess(
    text: str, alarms: Mapping[str, float] | None = None, *, previous: SafetyDecision | None = None
) -> Assessment | None:
    """The decision for one message, or None where coaching may go on.

    Args:
        alarms: Score by decision, and of "none", from labelled messages; without them the wording alone decides.
        previous: The decision on the message before. After a crisis the next message stays with it until the writer
            says that they are safe.
    """
    plain = _IDIOMS.sub(" ", text.replace("’", "'"))
    for kind, pattern, reason in _KINDS:
        if pattern.search(plain) and not _is_doubtful(kind, plain, alarms or {}):
            return Assessment(SafetyDecision(kind, reason), _about(plain, kind))
    sensed = _sensed(text, alarms or {})
    if sensed is not None:
        return Assessment(SafetyDecision(sensed, _REASONS[sensed]), _about(plain, sensed), is_sensed=True)
    if previous is not None and previous.decision == "crisis" and not is_safe_now(text):
        return Assessment(SafetyDecision("crisis", "the message before may have been about suicide or self-harm"))
    return None


def _is_doubtful(kind: SafetyKind, text: str, alarms: Mapping[str, float]) -> bool:
    """Whether a wording that only calls for a refusal is outweighed: help is not refused on a word alone."""
    if kind not in ("out-of-scope", "medical-legal"):
        return False
    is_about_mentoring = kind == "out-of-scope" and _MENTORING.search(text) is not None
    return is_about_mentoring or alarms.get(kind, 0.0) < alarms.get(NONE, 0.0) - REFUSAL_SLACK


def is_reassurance(text: str, previous: SafetyDecision | None) -> bool:
    """Whether a message only says, after a crisis, that its writer is safe: nothing in it asks to go on."""
    if previous is None or previous.decision != "crisis":
        return False
    return is_safe_now(text) and "?" not in text and len(text.split()) <= MAX_REASSURANCE


def _sensed(text: str, alarms: Mapping[str, float]) -> SafetyKind | None:
    """The decision that stands out from "none" by its margin, where no wording gave it away."""
    if is_safe_now(text) or len(text.split()) < LEAST_WORDS:
        return None
    none = alarms.get(NONE, 0.0)
    clear = {
        kind: alarms[kind] - none - margin for kind, margin in MARGINS.items() if alarms.get(kind, 0.0) >= LEAST_SCORE
    }
    if _MENTORING.search(text):
        clear.pop("out-of-scope", None)
    if not _YOUNG.search(text):
        clear.pop("safeguarding", None)
    if not _ASKS.search(text):
        clear.pop("medical-legal", None)
    best = max(clear, key=lambda kind: (clear[kind], kind), default=None)
    return best if best is not None and clear[best] > 0 else None


def is_safe_now(text: str) -> bool:
    """Whether the writer says that they, or the person they wrote of, are not in danger."""
    return bool(_SAFE_NOW.search(text.replace("’", "'")))


def _about(text: str, kind: SafetyKind) -> About:
    if kind not in ("crisis", "abuse", "harassment"):
        return "self"
    other = _OTHER_PERSON.search(text)
    if not other:
        return "self"
    first = _FIRST_PERSON.search(text)
    return "other" if first is None or other.start() <= first.start() or kind == "abuse" else "self"
