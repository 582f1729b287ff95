r"""Phrases around an answer: what announces it, what concludes, what rejects an option, what hedges, what refuses.

Each table is a list of alternatives, every one of which the labelled responses of the tests need. Quantifiers are
bounded, so that a search is linear. This module imports nothing of the project.
"""

import re
from collections.abc import Sequence


def any_of(alternatives: Sequence[str]) -> re.Pattern[str]:
    """A pattern that is any of these, whatever the case."""
    return re.compile("|".join(alternatives), re.IGNORECASE)


_GAP = r"(?:(?!\b(?:depends|whether|if|not|is)\b)[^.:\n]){0,140}?"  # "answer to this question"
_BE = r"\b(?:is|are|would be|should be|must be|will be|seems to be|appears to be|could be|might be)\b(?! not\b)"
_JUDGED = r"(?:correct|right|best|final|(?:most|more) (?:likely|appropriate|suitable|accurate|plausible|reasonable))"

CUES = (  # what follows is the answer
    rf"(?<![a-z\d])(?:answer|ans)\b(?! (?:choices|options))['\"]?{_GAP}(?:{_BE}|:)",
    rf"\b{_JUDGED} (?:options?|choices?|match|fit|result|one)\b{_GAP}(?:{_BE}|:)",
    r"\b(?:correct|best|(?:most|more) (?:likely|appropriate|suitable))"
    rf" (?:image|picture|point|object|box|direction|item)\b{_GAP}(?:{_BE}|:)",
    r"\b(?:I|we)(?:'d| would| will|'ll| should| must)? (?:choose|pick|select|go with|opt for|say)\b",
    r"\b(?:I|we)(?:'d| would)? (?:believe|think|guess|conclude|feel)(?: that)?"
    r" (?:it is|it's|it would be|that is|that's)\b",
    r"\bmy (?:best |final )?(?:guess|choice|pick) (?:is|would be)\b",
    r"\b(?:had to|have to|must|forced to) (?:guess|choose|pick)\b(?: (?:one|an option|the closest(?: one)?))?"
    r"[,:]?(?: (?:it|I)(?:'d| would| will|'s| is)(?: (?:be|say|choose|pick|go with))?)?\b",
    r"(?:^|\n)A:(?=\s{0,3}[(\[]?[A-Z]\b)[\s:]{0,3}",
    r"\\boxed:",
    r"(?:\u7b54\u6848|\u6b63\u786e\u9009\u9879)(?:\u5e94\u8be5)?(?:\u662f|\u4e3a)",  # Chinese: the answer is
    r"\u9009\u62e9?",  # choose
    r"(?:\u7b54\u3048|\u6b63\u89e3|\u56de\u7b54)\u306f",  # Japanese
    r"(?:\uc815?\ub2f5)\uc740",  # Korean
    r"\u0e04(?:\u0e33|\u0e4d\u0e32)\u0e15\u0e2d\u0e1a(?:\u0e04\u0e37\u0e2d)?",  # Thai
)
CONCLUSIONS = (  # what follows is what the text comes to
    r"(?:^|[.,;:!?\n]\s{0,3}|\band\s)(?:so(?! (?:far|close|near|much|many|that)\b)|thus|hence|therefore)\b[\s,:]{0,3}",
    r"\b(?:in conclusion|in summary|overall|as a result|to conclude|in the end|finally)\b[\s,:]{0,3}",
    r"\b(?:based on|given|considering)\b[^.,\n]{0,200},\s{0,3}",
    r"(?:^|[.!?\n]\s{0,3})(?:since|because|as)\b[^.\n]{0,200}?,\s{0,3}",
    r"\bin total\b[\s,:]{0,3}",
    r"\ba total of\b\s{0,3}",
    r"\btotal(?: number)?\b[^.:\n]{0,40}?(?:\bis\b|:)\s{0,3}",
    r"(?<=\d)\s{0,3}=\s{0,3}",
)
WEAK_CONCLUSIONS = (  # what follows may be but a step
    r"\b(?:this|that|which|it) (?:means|suggests|indicates|implies|shows)(?: that)?\b\s{0,3}",
    r"\b(?:meaning|suggesting|indicating|implying|showing) that\b\s{0,3}",
)
EVIDENCE = (  # a sentence that gives the reason for the one before
    r"[\s\"']{0,3}(?:this|that|it) (?:is|was|can be|could be|is also) (?:\w+ )?"
    r"(?:evident|because|indicated|seen|determined|clear|due to|shown|supported|suggested|apparent"
    r"|based on|inferred|evidenced|as|since)\b",
    r"[\s\"']{0,3}the reason (?:is|for)\b",
)
IDENTIFIES = (  # before an option: something is said to be it
    r"(?<!there )\b(?:is|would be|must be|should be|seems to be|appears to be|corresponds to)"
    r" (?:most likely |likely |therefore |probably )?"
    r"(?:(?:the|an?|labeled|labelled|marked|named|called|with|as|at|option|point|object|box|letter)\s){0,3}[(\"']{0,2}$",
    r"\b(?:labeled|labelled|marked|named|called) (?:(?:with|as|point|by|the|letter) ){0,2}[(\"']{0,2}$",
)
NONE_OF = (  # after a cue: no option is the answer
    r"\W{0,4}(?:[(\[]?[A-Z][)\].:]\s?)?(?:that\s)?(?:neither|none|not any|no (?:option|choice|answer|image|one))\b",
)
CORRECTIONS = (  # an answer after one of these takes the place of one before it
    r"\b(?:no|wait|actually|but|however|correction|instead|rather|sorry|mistake|mistaken|wrong)\b",
    r"\blook(?:ing)? again\b",
    r"\b(?:re-?check\w*|re-?consider\w*|on second thought|hmm|let me)\b",
    r"\b(?:so|thus|hence|therefore|finally|in conclusion|overall)\b",
)
REJECTS = (  # before an option: it is not the one
    r"(?:\bnot|\bcannot|n't|\bnor?|\bneither|\brather than|\binstead of|\bunlike|\bexcept|\banything but)\s{1,3}"
    r"(?:(?:be|pick|choose|select|say)\s|(?:think|believe)\s(?:that\s)?(?:it\sis|it's|that's|the answer is)\s)?"
    r"(?:(?:the|an?|in|on|to|at|of|option|point|object)\s){0,4}[(\"']{0,3}$",
    r"\b(?:rul(?:e|ed|ing)s? out|eliminat(?:e|ed|ing)s?|exclud(?:e|ed|ing)s?|discard(?:ed|ing)?)"
    r"\s(?:(?:the|option)\s){0,2}[(\"']{0,3}$",
)
COMPARES = (r"\bthan (?:(?:the|an?|option|point) ){0,2}[(\"']{0,2}$",)  # before an option: another is compared with it
REJECTED = (  # after an option: it is not the one
    r"[\s\"')\],:-]{0,4}(?:(?:is|are|was|would be|can be|looks|seems)\s(?:(?:also|clearly|definitely)\s)?)?"
    r"(?:incorrect|wrong|impossible|ruled out|eliminated|excluded"
    r"|not (?:the )?(?:correct|right|answer|possible|best)\b)",
)
DENIES = (  # after an option that a sentence begins with
    r"[\s\"')\]]{0,3}(?:,[^,.]{0,160},)?\s?(?:also |clearly )?"
    r"(?:does not|doesn't|is not|isn't|cannot|can't|do not|did not|are not)\b",
)
REFUSES = (
    r"\b(?:can ?not|can't|unable to|not able to|(?:im|not )possible to|difficult to|hard to)\s(?:\w+ly\s|be\s)?"
    r"(?:determine|tell|say|judge|conclude|infer|answer|assist|help|decide|select|choose|see)",
    r"\b(?:insufficient|not enough|no) (?:information|context|data|evidence|image)\b",
    r"\bdepends?\b",
    r"\bany of the (?:options|choices|answers)\b",
)
HEDGES = (  # between an option and another: both are said to be the answer
    r"\b(?:or|maybe|perhaps|possibly|alternatively|otherwise|either|equally|unless|if|both|likewise)\b",
    r"\b(?:could|might|may|can) (?:also|equally|as well|just as well) be\b",
    r"\b(?:as well as|and also|along with|together with)\b",
)
CONTRASTS = (  # between an option and another: the other is only spoken of
    r"\b(?:than|not|rather|instead|unlike|while|whereas|because|since|as|over|compared|so|n't|although|though|despite|where|which)\b",
)
ALSO = (  # after another option: it is said to be the answer as well
    r"[\s\"')\]]{0,3}\b(?:could|might|may|can) (?:be (?:right|correct|it|the answer|possible|chosen)|work|fit|apply)\b",
    r"[\s\"')\]]{0,3}\b(?:could|might|may|can) (?:also|as well|just as well|equally) (?:be|work|fit|apply)\b",
    r"[\s\"')\]]{0,3}\b(?:is|are) (?:also|equally|likewise) (?:correct|right|possible|closer|close)\b",
    r"[\s\"')\]]{0,3},?(?: (?:fits|works|matches|is))? (?:as well|too)\b(?! as\b)",
)
ORDINARY = (  # after another option: its own clause begins
    r"\s(?:is|was|has|stands|shows|seems|appears|looks|does|lies|sits|matches|differs|being|on the other hand)\b",
)
REASONS = (r"\b(?:because|since|(?<!well )as(?! (?:well\b|\w+ as\b))|due to|given that)\b",)
PLURAL = (r"\s(?:are|were|have|both|look|seem|appear|share|show|do)\b",)
SECOND = (  # where a sentence begins: another answer beside the one before
    r"[\s\"'(]{0,3}(?:or|maybe|perhaps|possibly|alternatively|otherwise)\b",
    r"[\s\"'(]{0,3}(?:but |and )?(?:it|this|that|the answer)(?: also)?"
    r" (?:could|might|may)(?: also| as well)?(?: just as well)? be\b",
)
CONDITIONS = (
    r"\b(?:if|unless|whether|assuming|provided that)\b(?! (?:I|we|you|one)\b"
    r"| (?:I am |we are )?(?:forced|pressed|asked|necessary|needed))",
    r"\b(?:determine|decide|tell|say|know|judge|see|find|identify|select|choose)(?: [a-z]+){0,3}"
    r" (?:which|what|where|how)\b",
)
_THINGS = (
    r"(?! (?:images?|pictures?|photos?|way|answers?|options?|correct|clear|enough|sufficient|doubt|one|info\w*)\b)"
)
NO_THINGS = (
    r"\bnone\b(?! of the (?:above|options|choices|answers))",
    rf"\b(?:there (?:is|are)|I (?:can )?see|contains?|shows?|has) no\b{_THINGS}",
    rf"\b(?:there (?:is|are)(?:n't| not)|I (?:don't|can't|cannot) see) any\b{_THINGS}",
    rf"(?:^|[.!?\n]\s{{0,3}})no\b{_THINGS}(?: [\w-]{{1,30}}){{1,3}}? (?:is|are)\b",
)
COUNTED = (  # before the number of all, with its parts behind it
    r"\b(?:there (?:is|are)|I (?:can )?(?:see|count|find)|shows?|contains?|has|have)\s(?:a total of\s)?$",
)
PARTS = (
    r"\s{0,2}(?:[\w-]{1,20}\s){0,4}?[\w-]{0,20}\s{0,2}(?::|\(|-\s|,?\s?(?:of which|including|namely|that is|i\.e\.)\b)",
)
