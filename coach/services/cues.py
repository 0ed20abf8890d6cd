"""Wordings that give a situation away, each checked in order, the first that matches wins.

How they are weighed against meaning is `coach.services.situation`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping


def _cue(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(rf"(?:(?<!\w)|\b)(?:{pattern})" for pattern in patterns), re.IGNORECASE)


MENTOR = _cue(
    r"my mentees?\b",
    r"(?<!as a )(?<!as the )mentees?\b",
    r"as (?:a |the )?(?:new|first-time) mentor\b",
    r"mentoring (?:a|an|one|someone|two|three|\d|(?-i:[A-Z]))",
    r"to mentor (?!me\b)\w+",
    r"(?:i'?m|i am|i'?ve been|i was|been asked to|asked me to|agreed to|start(?:ing)? to|should i|as (?:a|her|his|their)) ?(?:be |become )?(?:a )?mentor(?:ing)?\b",
    r"i (?:mentor|supervise|coach)\b",
    r"(?:i'?m|i am) (?:the|her|his|their|your) mentor\b",
    r"(?:as|from|by) (?:her|his|their) mentor\b",
    r"(?:as|being) (?:a|the|her|his|their) mentor\b",
    r"(?:the|a|my new) mentee\b",
    r"i (?:gave|give) (?:too much|her|him|them) advice",
    r"(?:she|he|they) (?:wants?|asks?|keeps? asking) me (?:for|to|what)",
    r"junior (?:designer|developer|engineer|colleague|analyst|researcher|\w+er)\b",
)
MENTEE = _cue(
    r"my (?:new |old |first )?mentors?\b",
    r"(?:find|finding|need|get|getting|want|looking for|approach|ask\w* \w+ to be) (?:myself )?(?:a|my) mentor\b",
    r"(?:be|being|get|getting) mentored\b",
    r"(?:as|being) (?:a|the|her|his|their) mentee\b",
    r"mentor me\b",
    r"(?:her|him|them|you|someone|somebody) as (?:a|my) mentor\b",
    r"(?:potential|possible|prospective|would-be|maybe|future) ?-?mentor\b",
    r"(?:ask|tell|meet|meeting|with|email|message) (?:the|a) mentor(?:'s)?\b",
    r"with mentor'?s?\b",
    r"she is senior|he is senior|someone (?:senior|i admire)",
)
STAGES: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "reflection",
        _cue(
            r"(?:just|we'?ve just|i'?ve just) (?:finished|had|came out|come out|met|got off)",
            r"notes from (?:today|this|our|my|yesterday|the)\b",
            r"(?:we|i) (?:met|spoke|talked) (?:today|this (?:morning|afternoon|evening)|yesterday|earlier)",
            r"(?:had|finished|did) (?:our|the|my|a|another) (?:\w+ ){0,3}(?:session|meeting|call|chat|conversation|coffee) (?:today|yesterday|this (?:morning|afternoon|evening)|earlier|just now|an hour ago|last night)",
            r"after (?:our|the|my) (?:session|meeting|call)\b",
            r"(?:reflect|reflecting|reflection|look(?:ing)? back) on\b",
            r"i talked too much",
            r"how did i do",
            r"(?:today'?s|yesterday'?s|this morning'?s) (?:session|meeting|conversation|call)",
            r"transcript\b",
            r"(?:the|our|my) (?:session|meeting|call|conversation) (?:went|was|didn'?t go)\b",
            r"it went (?:well|badly|better|worse|ok|fine)\b",
        ),
    ),
    (
        "ending",
        _cue(
            r"(?:last|final) (?:session|meeting|conversation|time we meet)\b(?! (?:he|she|they|we|i)\b)",
            r"(?:end|ending|finish|finishing|wind(?:ing)? (?:up|down)|close|closing|pause|pausing|stop|stopping|quit) (?:the |our |my |this )?(?:mentoring|mentorship|relationship|programme|program|meetings|it with|seeing|meeting|things)\b",
            r"(?:say|saying) goodbye\b",
            r"hand(?:ing)? (?:him|her|them) over\b",
            r"programme (?:is )?(?:ends|ending|coming to an end|finishes)",
        ),
    ),
    (
        "review",
        _cue(
            r"(?:mid|half)[- ]?(?:way|point|year)\b",
            r"(?:six|three|twelve|6|3|12)[- ]months? review",
            r"take stock",
            r"review (?:our|the|my) (?:goals|mentoring|relationship|progress|year)",
            r"is (?:it|this|the mentoring) (?:still )?(?:working|worth)",
        ),
    ),
    (
        "stuck",
        _cue(
            r"(?:keeps?|kept) (?:cancell?ing|rescheduling|postponing)",
            r"(?:cancelled|canceled) (?:again|twice|three times|last minute)",
            r"same conversation",
            r"going (?:round|around) in circles",
            r"(?:hasn'?t|not|never|stopped) (?:replied|reply(?:ing)?|answered|answering|responded|responding)\b",
            r"run out of (?:things|topics|steam)",
            r"going through the motions",
            r"(?:mentoring|relationship|it|this) (?:isn'?t|is not|not) (?:really )?working",
            r"fizzl\w+|fading|drift(?:ed|ing) (?:apart|off)|losing steam",
            r"dread (?:our|the|my|seeing|meeting)",
        ),
    ),
    (
        "chemistry",
        _cue(
            r"chemistry",
            r"(?:coffee|informal|virtual) (?:chat|call|meeting)\b",
            r"(?:a|for) coffee\b",
            r"(?:good|right) (?:fit|match)\b",
            r"see (?:if|whether) we (?:click|get on|fit)",
            r"before (?:we|i) (?:decide|commit)",
        ),
    ),
    (
        "finding",
        _cue(
            r"(?:find|finding|look(?:ing)? for|need) (?:myself )?(?:a|some|potential) (?:mentor|mentee|mentors|mentees)\b",
            r"reach(?:ing)? out\b",
            r"cold (?:email|message)",
            r"(?:ask|asking) (?:\w+ ){1,4}to (?:be my mentor|mentor me)",
            r"who (?:could|can|should|would) (?:i ask|mentor me)",
            r"doesn'?t know me",
        ),
    ),
    (
        "considering",
        _cue(
            r"(?:should i|whether to|thinking (?:of|about)|asked (?:me )?to|not sure (?:about|if i should|i should)) (?:become|be|becoming|being|mentor|start)\w* ?(?:a )?(?:mentor|mentee|mentoring)?",
            r"(?:what (?:do|would|could|can) i (?:even |really )?(?:bring|offer|have to offer))",
            r"(?:know enough|experienced enough|qualified|good enough) to mentor",
            r"anything to offer",
            r"mentor or (?:a )?mentee",
        ),
    ),
    (
        "first-session",
        _cue(
            r"first (?:\w+ )?(?:session|meeting|conversation|chat|call|time|hour|one-to-one|1:1)\b",
            r"never met\b",
            r"(?:meet|meeting) (?:\w+ )?(?:for the )?first\b",
            r"new (?:mentee|mentor)\b",
            r"just been (?:paired|matched)",
            r"kick[- ]?off",
        ),
    ),
    (
        "ongoing",
        _cue(
            r"again\b",
            r"last time\b",
            r"(?:our|the|my) next (?:session|meeting|call|one)",
            r"(?:second|third|fourth|fifth|sixth) (?:session|meeting)",
            r"(?:since|when) we (?:last )?(?:met|spoke|talked)",
            r"we'?ve been meeting",
            r"between (?:our )?(?:sessions|meetings)",
            r"last (?:session|meeting|week|month)\b",
            r"this week'?s (?:session|meeting)",
        ),
    ),
)
MEETS_SOON = _cue(
    r"(?:meet|meeting|see|seeing|talk(?:ing)? to|speak(?:ing)? (?:to|with)|have (?:a )?(?:session|meeting|call) with) .{0,40}\b(?:tomorrow|today|tonight|on (?:mon|tues|wednes|thurs|fri|satur|sun)day|next week|this (?:week|afternoon|evening)|later|in an hour|soon|(?:mon|tues|wednes|thurs|fri)day)\b",
    r"(?:tomorrow|tonight|next week|on (?:mon|tues|wednes|thurs|fri)day) .{0,30}\b(?:i|we) (?:meet|see|talk|speak|have)\b",
    r"(?:session|meeting|call|one-to-one|1:1) (?:with .{1,30} )?(?:is )?(?:tomorrow|tonight|today|next week|on (?:mon|tues|wednes|thurs|fri)day|in an hour)",
)
INTENTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "about-coach",
        _cue(
            r"^\W*(?:hi|hello|hey|good (?:morning|evening|afternoon)|hiya)(?: there| coach)?\W*$",
            r"what (?:can|do) you do\b",
            r"who are you\b",
            r"are you (?:an? )?(?:ai|bot|robot|human|real|person|program)",
            r"where (?:is|are|do) (?:my|the|you) (?:data|notes|keep|store)",
            r"how do(?:es)? (?:this|you) work",
            r"who (?:can|will) (?:see|read) (?:this|my)",
            r"is (?:this|it) (?:private|confidential|safe)\s*\?",
        ),
    ),
    (
        "thanks",
        re.compile(
            r"^\s*(?:ok(?:ay)?[,. ]*|great[,. ]*|good[,. ]*|lovely[,. ]*|right[,. ]*)?(?:many )?(?:thanks|thank you|thx|cheers|ta|bye|good ?night|that'?s all|that helps|bless you|perfect[.,! ]+that'?ll do)\b(?!.*\b(?:one more|but|also|how do|what do)\b)[^?]{0,60}$|^[^?]{0,140}\b(?:thanks|thank you|thx|cheers|ta|off now|good ?night|nite|toodle pip)(?: (?:love|so much|again|a lot|mate|very much))?\W*$",
            re.IGNORECASE,
        ),
    ),
    (
        "recall",
        _cue(
            r"(?:what|which|when|where|who|the (?:date|name|day|title))\b[^.!?]{0,80}\b(?:said|mentioned|suggested|promised|told me|put down|recommended|quoted)\b",
            r"(?:has|did) (?!i\b)\w+ (?:\w+ ){0,3}(?:send|sent|promise|promised|tell|told|say|said|mention)\b",
            r"did i (?:tell|say|ask|mention|promise)\b",
            r"(?:what|when|where|who|which|how (?:often|many|much)) (?:did|was|were|had|has|have|is|are) (?:\w+[' ]?\w* ){0,6}(?:say|said|saying|promise[d]?|agree[d]?|mention(?:ed)?|talk(?:ed)?|decide[d]?|call(?:ed)?|told|tell|want(?:ed)?|do about|last|meet|met|write|wrote)\b",
            r"remind me (?:what|when|who|of what)",
            r"(?:did|has|have) (?:\w+ ){1,3}(?:ever |already )?(?:say|said|mention(?:ed)?|talk(?:ed)?|promise[d]?|tell|told|agree[d]?)\b",
            r"(?:in|according to|from|search|look (?:in|through)|check) my notes",
        ),
    ),
    (
        "draft",
        _cue(
            r"what (?:do|should|shall|can) i (?:text|write|message|reply|send)\b",
            r"(?:could|can|would) you (?:\w+ )?(?:phrase|word|write|draft)\b",
            r"(?:word|phrase|compose|draft) (?:a|an|the|me|it|this|my|us)\b",
            r"put (?:the|my|this|it) (?:\w+ ){0,2}in(?:to)? (?:\d+|two|three|four|a few) (?:lines|words|sentences)",
            r"(?:a|one|need a|short|quick) (?:\w+ ){0,3}(?:text|msg|message|line|note|card|email|invite|reply) (?:to|for|from|that)\b",
            r"\d+ (?:words|lines)\b",
            r"(?:kind|polite|written) (?:written )?no\b",
            r"(?:write|draft|word|wording|phrase|compose|help me (?:write|word|draft|phrase)) (?:me )?(?:a |an |the |my |this |it|some)?\s*(?:\w+ ){0,3}(?:message|email|e-mail|note|text|mail|reply|invitation|follow-up|line|dm|linkedin)",
            r"what (?:do|should|could|would) i (?:write|put in|say in) (?:the|my|a|an|to)",
            r"how (?:do|would|should|could) i (?:word|phrase|write)\b",
        ),
    ),
    (
        "resource",
        _cue(
            r"(?:something|anything) (?:\w+ ){0,2}(?:on|about) \w+",
            r"(?:what|anything|something|things|stuff) to (?:read|watch|listen to)\b",
            r"(?:any|a|an|good|decent|short|is there an?) (?:\w+ ){0,2}(?:toolkit|template|article|book|podcast|reading list|guide|video|worksheet|website)\b",
            r"is there a list of\b",
            r"(?:send|give|show) me (?:one|a|some)?\s?thing (?:on|about)\b",
            r"(?:something|anything|a thing) (?:\w+ ){0,2}(?:to|i can|i could) (?:read|watch|listen)",
            r"(?:book|books|article|articles|podcast|podcasts|video|videos|reading|resource|resources|guide|ted talk|(?:a|any|good|short) (?:\w+ )?(?:talk|paper|course))s?\b.{0,40}\b(?:on|about|for|recommend|suggest|to (?:read|send|share|give))\b",
            r"(?:recommend|suggest|know of|point me to|is there) (?:me |any |a |an |some |something )*(?:good |short |quick |useful )*(?:book|article|podcast|talk|video|paper|reading|resource|course|guide|to read|to watch)",
            r"what (?:should|could|can) (?:i|she|he|they) (?:read|watch|listen to)",
        ),
    ),
    (
        "clarify-goal",
        _cue(
            r"(?:my|her|his|their|a|the|this|our) (?:\w+ )?goals?\b",
            r"i(?:'d| would)? (?:really )?(?:want|like|love|hope|wish|need|aim) to (?:be|become|get|feel|grow|learn|improve|lead|develop|have more|stop|find (?:out )?(?:what|my)|move|change|progress|build|start|work on|understand|earn)\b",
            r"i(?:'d| would) like (?:a|more|to)\b",
            r"i don'?t know what i (?:really )?want\b",
            r"i want (?:a|more|better)\b",
            r"how (?:do|can|could) i (?:get better|improve|become|grow)\b",
        ),
    ),
    (
        "reflect",
        _cue(
            r"(?:told|said|asked|cried|lasted|let slip|laughed|checked|snapped|swore|met|had|did|felt|talked|gave|went)\b[^?]{0,120}\b(?:today|this (?:morning|afternoon|evening)|tonight|just now|an hour ago)\b(?![^.!?]*\?)",
            r"(?:today|this (?:morning|afternoon|evening)|tonight)\b[^?.]{0,60}\b(?:told|said|asked|cried|laughed|went|was|talked|came out)\b",
            r"just (?:had|back from|come (?:out|from|back)|got off|finished)\b",
            r"(?:i|we) (?:hate|regret|wish) (?:that )?i (?:did|said|hadn'?t|had|talked|gave)\b",
            r"trying to make sense\b",
            r"(?:reflect|reflecting|reflection|look(?:ing)? back|make sense of)\b",
            r"notes from (?:today|this|our|my|yesterday|the)\b",
            r"i (?:talked|spoke|said) too much",
            r"(?:we|i) (?:met|spoke|talked) (?:today|this (?:morning|afternoon|evening)|yesterday|earlier)",
            r"(?:just|we'?ve just|i'?ve just) (?:finished|had|came out|come out|met|got off)",
            r"(?:the|our|my|today'?s) (?:session|meeting|call|conversation) (?:went|was|didn'?t)\b",
            r"here (?:is|are|'s) (?:the|my|our) (?:notes|transcript)",
            r"it went (?:well|badly|better|worse|ok|fine)\b",
        ),
    ),
    (
        "questions",
        _cue(
            r"(?:one|a|another|some|any|good|better|few|just one) (?:\w+ )?questions?\b",
            r"what (?:could|can|should|do|would|might) i ask\b",
            r"questions? (?:to|i (?:could|can|should|might)) ask",
            r"how (?:do|could|can|should|would) i ask\b",
            r"what to ask\b",
        ),
    ),
    (
        "plan-session",
        _cue(
            r"(?:prepare|preparing|prep|plan|planning|get ready|shape|structure|agenda) (?:me )?(?:for|the|my|our|a|this|it)\b",
            r"how (?:should|do|would|could|can) i (?:run|start|open|begin|structure|use|approach) (?:the|our|this|it|my)",
            r"plan the (?:hour|session|meeting)",
            r"what (?:do|should|can|could) (?:i|we) do (?:at|in|with|for|during) (?:our|the|my|this)",
            r"what (?:should|could|do|shall) (?:we|i) (?:cover|talk about|discuss|bring|do in|take)\b",
        ),
    ),
)
TELL = _cue(
    r"tell me straight",
    r"just tell me",
    r"(?:stop|no more|enough|quit) (?:asking|questions|with the questions)",
    r"(?:i'?d|i would) rather you told me",
    r"what would you do\b",
    r"give me (?:the |your )?(?:answer|advice)",
    r"don'?t (?:ask|question) me",
    r"straight answer",
)
ASK = _cue(
    r"ask me (?:instead|questions|again|first|more)",
    r"(?:don'?t|stop) (?:tell|telling) me",
    r"i'?d rather (?:think|you asked)",
    r"no advice",
    r"help me think",
)
BRIEF = _cue(
    r"(?:just|only) (?:one|1|a single)\b",
    r"one (?:good )?question\b",
    r"(?:keep it |be |something |very )(?:short|brief|quick)",
    r"in (?:a|one) (?:sentence|line)",
    r"briefly\b",
    r"in short\b",
)
THEIRS = re.compile(
    r"\b(?:she|he|they|her|him|them|my (?:mentee|mentor|student|colleague|boss|manager)|(?-i:[A-Z][a-z]+))(?:'s| is| was| seemed| seems| looked| looks| sounds| sounded| felt| feels| has| had| went| cried| got| started| keeps?)\b",
    re.IGNORECASE,
)
FEELING_WORDS: Mapping[str, re.Pattern[str]] = {
    "nervous": _cue(
        r"nervous|nerves|anxious|anxiety|dreading|dread|scared|terrified|apprehensive|worried about (?:it|the|tomorrow|meeting|saying|messing|my|how)|butterflies|panick?\w*\b"
    ),
    "self-doubt": _cue(
        r"fraud|impost[eo]r|not good enough|out of my depth|who am i to|don'?t (?:deserve|belong)|under ?qualified|not (?:smart|clever|experienced|senior) enough|know(?:s)? enough to"
    ),
    "overwhelmed": _cue(r"overwhelm\w*|drowning|too much on|swamped|can'?t keep up|underwater|buried"),
    "tired": _cue(r"tired|exhaust\w*|worn out|knackered|shattered|drained|burn(?:t|ed)[- ]?out|burning out"),
    "flat": _cue(
        r"flat\b|low\b(?! key| level| hanging)|(?<!upside )down\b(?= last| lately| at| when|[.,!]|$)|subdued|deflated|withdrawn|quiet\b|not (?:herself|himself|themselves)|disengaged|lost (?:her|his|their|my) spark|no energy"
    ),
    "guilty": _cue(
        r"guilty|ashamed|feel (?:bad|awful|terrible) (?:about|that|for)|should(?:n'?t| not)? have|let (?:her|him|them) down|talked (?:too much|over)|my fault|regret"
    ),
    "frustrated": _cue(
        r"frustrat\w*|annoy\w*|fed up|irritat\w*|driving me (?:mad|crazy|nuts)|sick of|exasperat\w*|at my wits"
    ),
    "angry": _cue(r"angry|furious|livid|fuming|outrag\w*|isn'?t fair|unfair\b|rage\b"),
    "hurt": _cue(
        r"(?<!to )hurt\b(?! (?:him|her|them|their|his))|upset|cried|crying|in tears|tearful|dismissed (?:me|what|my)|crushed|humiliat\w*|belittl\w*|burst into tears"
    ),
    "disappointed": _cue(r"disappoint\w*|let down\b|didn'?t get (?:the|it)|passed over|rejected|turned down|gutted"),
    "embarrassed": _cue(r"embarrass\w*|awkward|mortif\w*|silly (?:asking|question)|cringe\w*|made a fool"),
    "worried": _cue(
        r"worried about (?:her|him|them|my mente\w+|(?-i:[A-Z]))|concerned (?:about|for)|worrie[sd] me|something is wrong"
    ),
    "lonely": _cue(
        r"lonely|alone (?:in|with) (?:this|it)|nobody (?:to talk|here|understands)|no ?one to (?:talk|turn)|isolated|on my own with"
    ),
    "stuck": _cue(
        r"stuck\b|going (?:round|around) in circles|nothing changes|tried everything|no idea (?:how|what) (?:to|else)|hit a wall"
    ),
    "pleased": _cue(
        r"(?:so |really |very )?(?:pleased|proud|delighted|chuffed|thrilled)|went (?:really |so |very )?(?:well|brilliantly)|got the job|good news|relieved"
    ),
    "excited": _cue(r"excited|can'?t wait|looking forward"),
    "unsure": _cue(
        r"don'?t (?:really )?know (?:where|what|how|if|whether|which)|not sure|unsure|no idea|no clue|confused|(?:feel|feeling|a bit|bit) lost|torn\b|can'?t decide"
    ),
}

MINE = re.compile(r"\b(?:I|I'm|I've|i|i'm|me|my)\b(?! (?:mentee|mentor|student|boss|manager))")
ANOTHER_PERSON = _cue(r"(?:she|he|her|him|his|hers)\b(?<!my boss)", r"they(?:'re| are)? (?:keep|want|always|never)")
OWN_WORK = _cue(
    r"(?:passed over|laid off|made redundant|back from|turned down)\b",
    r"(?:i|i'm|i've|i'd|me|my|we)\b",
    r"(?:got|been|was|am) (?:passed|laid|turned|promoted|rejected|sacked|fired|made redundant)",
)

THIRD_PERSON = re.compile(r"\b(?:she|he|they|her|him|them)\b", re.IGNORECASE)
HISTORY = _cue(
    r"again\b",
    r"last time\b",
    r"(?:third|second|fourth|\w+) (?:year|month|week|time) running",
    r"keeps?\b",
    r"since (?:we|our)\b",
    r"(?:he|she|they)(?:'s|'ve| has| have) (?:missed|cancelled|been|not|never|finally|just)",
    r"for (?:a|two|three|six|\d+) (?:weeks|months|years|month|year)\b",
)
"""Signs that the two have met before."""
QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"|(?<!\w)'[^'\n]{8,}'(?!\w)")
"""Other people's words: they ask nothing of the coach."""


def signs(text: str) -> tuple[float, ...]:
    """Which of these wordings a message holds, 1 or 0 each, always in the same order."""
    plain = text.replace("’", "'")
    mentor, mentee = len(MENTOR.findall(plain)), len(MENTEE.findall(plain))
    words = len(plain.split())
    found = [
        *(cue.search(plain) is not None for _, cue in STAGES),
        *(cue.search(plain) is not None for _, cue in INTENTS),
        *(cue.search(plain) is not None for cue in FEELING_WORDS.values()),
        mentor > mentee,
        mentee > mentor,
        *(cue.search(plain) is not None for cue in (MEETS_SOON, HISTORY, OWN_WORK, ANOTHER_PERSON, THIRD_PERSON, MINE)),
        "?" in plain,
        plain.rstrip().endswith("?"),
        words < 8,
        words > 40,
    ]
    return tuple(float(is_found) for is_found in found)
