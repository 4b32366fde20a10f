"""How an answer is declared, confirmed, denied and left open in each language: to add a language, add a row.

All patterns are matched on lower-case text. They say where an answer stands; what stands there is read in `pieces`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

NOTHING = r"(?!)"
GLUED = frozenset("_<>/-")
"""Beside letters and digits, what joins a word to the one before it: `</answer>`, `non-answer`."""


def words_found(
    pattern: re.Pattern[str], leads: re.Pattern[str], low: str, start: int, end: int
) -> Iterator[re.Match[str]]:
    """The matches of `pattern` that begin where one of the words `leads` does, none inside another.

    Plain words are searched for many times as fast as a phrase, which is tried where it may begin and nowhere else.
    """
    at = start
    for lead in leads.finditer(low, start, end):
        begin = lead.start()
        before = low[begin - 1 : begin]
        if begin < at or before.isalnum() or before in GLUED:
            continue
        if match := pattern.match(low, begin, end):
            at = match.end()
            yield match


@dataclass(frozen=True)
class Language:
    """One language's words."""

    name: str
    keys: tuple[str, ...]
    """Its patterns are tried where one of these stands in the reply."""
    before: tuple[str, ...]
    """What stands right before a declared answer. A group `gap` holds the words between noun and verb."""
    after: str = NOTHING
    """What stands right after a declared option: `(B) is correct`."""
    heading: str = NOTHING
    """A word that declares what follows it where it stands alone on its line, or before a letter: `Answer B`."""
    wrong: str = NOTHING
    """Words before a declaration that turn it round: `the wrong answer is A`."""
    denied: str = NOTHING
    """Words right after a declaration that deny what follows: `the answer is not A`."""
    negated: str = NOTHING
    """Words of a sentence that says what is not, or that nothing can be said."""
    because: str = NOTHING
    """Words that begin a reason after an answer."""
    yes: tuple[str, ...] = ()
    no: tuple[str, ...] = ()

    leads: str = ""
    """The words with which its phrases begin, where they begin a word; empty where words are written together."""
    leads_after: str = ""
    """As `leads`, of `after`."""

    @cached_property
    def ascii_keys(self) -> tuple[str, ...]:
        return tuple(key for key in self.keys if key.isascii())

    @cached_property
    def before_pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(f"(?:{pattern})" for pattern in self.before))

    @cached_property
    def after_pattern(self) -> re.Pattern[str]:
        return re.compile(self.after)

    @cached_property
    def leads_pattern(self) -> re.Pattern[str]:
        return re.compile(self.leads)

    @cached_property
    def leads_after_pattern(self) -> re.Pattern[str]:
        return re.compile(self.leads_after)

    def declared(self, low: str, start: int, end: int) -> Iterator[re.Match[str]]:
        """Where its phrases stand, right before what they declare."""
        if not self.leads:
            return self.before_pattern.finditer(low, start, end)
        return words_found(self.before_pattern, self.leads_pattern, low, start, end)

    def confirmed(self, low: str, start: int, end: int) -> Iterator[re.Match[str]]:
        """Where its phrases stand, right after what they confirm."""
        if not self.leads_after:
            return self.after_pattern.finditer(low, start, end)
        return words_found(self.after_pattern, self.leads_after_pattern, low, start, end)

    @cached_property
    def wrong_pattern(self) -> re.Pattern[str]:
        return re.compile(self.wrong)

    @cached_property
    def denied_pattern(self) -> re.Pattern[str]:
        return re.compile(rf"[\s(\"']*(?:{self.denied})")

    @cached_property
    def heading_pattern(self) -> re.Pattern[str]:
        name = rf"(?:{self.heading})[ \t]*"
        return re.compile(rf"^[ \t#>]*{name}[:.]?[ \t]*$|^[ \t#>]*{name}(?=[(\[]?[a-z][)\]]?[.]?[ \t]*$)", re.MULTILINE)


_QUALITY = r"(?:final|correct|right|best|closest|nearest|most\s+\w+|likely|appropriate|suitable|proper|true)"
_NOUN = r"(?:multiple[- ]choice\s+)?(?:answer|option|choice|statement|solution|result|response|letter|match)s?"
_LETTER_NEXT = r"(?=[(\[]?[a-z](?![a-z]))"
_IS = r"(?:\bis\b|\bare\b|\b(?:would|should|must|will)\s+be\b|\bbecomes\b|[:：]|=+>?|->|→)"
# `the answer to (b) is`: what stands between noun and verb holds no full stop, colon or question mark.
_GAP = r"(?P<{}>[^.\n:=?\"]{{0,60}}?)"

ENGLISH = Language(
    name="en",
    leads=r"final|correct|right|best|closest|nearest|most|likely|appropriate|suitable|proper|true|answer|choice|option|ans|my|not|isn",
    leads_after=r"is|as|would|must|seem",
    keys=(
        "answer",
        "ans:",
        "ans.",
        "option",
        "choice",
        "solution",
        "result",
        "response",
        "letter",
        "match",
        "final",
        "statement",
    ),
    before=(
        rf"(?:answer|{_QUALITY}\s+(?:option|choice))\s+(?=\([a-z]\))",
        rf"(?:{_QUALITY}\s+{_NOUN}|answers?(?:\s+(?:choice|option|letter))?|(?:choice|option)\s+that)\b"
        + rf"{_GAP.format('gap')}\s*{_IS}(?:\s*[:：=])*(?:\s+(?:therefore|thus|hence|then|simply|clearly|indeed)\b,?)?",
        r"ans\s*[.:]\s*",
        rf"(?:not|isn['’]t)\s+[(]?[a-z][)]?,?\s+but\s+(?:rather\s+)?{_LETTER_NEXT}",
        rf"(?:answer\s*[-–—]|my\s+(?:choice|pick|guess|selection)\s+is)\s*{_LETTER_NEXT}",
        r"final\s+(?:value|number|list|count|total|output|conclusion)\s*(?:is|:|=)(?:\s*:)?",
        r"option(?:\s+letter)?\s+(?:is|would\s+be|should\s+be)(?:\s*:)?",
    ),
    after=(
        r"(?:is|as|would\s+be|must\s+be|seems\s+to\s+be)\s+(?:therefore\s+|thus\s+|clearly\s+|indeed\s+)?"
        r"(?:(?:the|my)\s+(?:only\s+)?(?:(?:final|correct|right|best|most\s+\w+|closest)\s+)?"
        r"(?:answer|option|choice|solution)\b|(?:correct|right)\b(?!\s+(?:angle|triangle|side|hand|in\b|for\b|about\b)))"
    ),
    heading=r"(?:the\s+)?(?:(?:final|correct)\s+)?(?:answer|solution)|conclusion|final\s+result",
    wrong=(
        r"\b(?:wrong|incorrect|false|worst|bad|invalid|impossible|unlikely|eliminated|excluded|other|previous|first)"
        r"[ \t]+$"
    ),
    denied=r"(?:not|n['’]t|never|neither)\b",
    negated=(
        r"\b(?:if|whether|unless|not|no|nor|neither|never|except|rather|instead|unlike|cannot|wrong|incorrect|false|"
        r"ruled\s+out|eliminated?|unable|impossible|unclear|unknown)\b|n['’]t\b"
    ),
    because=r"(?:because|since|as|so|due\s+to|given\s+that|which|where|for)\b",
    yes=("yes", "true", "yeah", "yep"),
    no=("no", "false", "nope"),
)

_HAN = r"(?:为|為|是|：|:|应为|應為|应该是|應該是|应是|應是|选|選|就是|等于|等於)"
_CHINESE_BEFORE = (
    rf"(?:正确|正確|最终|最終|最佳|本题|本題)?的?(?:答案|选项|選項|选择|選擇|答)(?:应该|應該|应|應)?[^。\n：:，,不非错錯]{{0,6}}?{_HAN}+\s*[:：]?",
    r"(?:^|故|所以|因此|应|應|答案|本题|本題|我|则|則|，|,|。|\n)\s*(?:选择|選擇|选|選)(?:项|項|择)?\s*[:：]?\s*(?=[(\[（【]?[a-z])",
    r"(?:正确|正確|最终|最終)的?(?:答案|选项|選項)\s*(?=[(\[（【]?[a-z][)\]）】\s。])",
)
CHINESE = Language(
    name="zh",
    keys=("答", "选", "選", "正确", "正確"),
    before=_CHINESE_BEFORE,
    after=r"\s*(?:是|为|為)?(?:正确|正確|最佳|最合适)(?:的)?(?:答案|选项|選項)?(?=[。，,.!！\s]|$)|\s*(?:是|为|為)答案",
    heading=r"(?:最终|最終|正确|正確)?答案",
    wrong=r"(?:错误|錯誤|不正确|不正確|不对)的?$",
    denied=r"(?:不|非|错|錯)",
    negated=r"不是|不能|不正确|不正確|无法|無法|没有|沒有|错误|錯誤|如果|若|是否|并非|並非",
    because=r"(?:因为|因為|由于|由於|，|,)",
    yes=("是的", "是", "对", "對", "正确", "正確", "有"),
    no=("不是", "否", "不", "错", "錯", "没有", "沒有", "不正确", "不正確"),
)

JAPANESE = Language(
    name="ja",
    keys=("答", "正解", "選択肢", "正しい"),
    before=(
        r"(?:正解|最終的な答え|正答|答え|答案|解答|回答|答)(?:の選択肢|となるの|の記号)?\s*(?:は|が|：|:)\s*(?:選択肢|、|,)?\s*「?",
        r"(?:正しい|適切な|最も適切な)(?:選択肢|答え|もの|の|記号)\s*(?:は|：|:)\s*(?:選択肢)?\s*「?",
    ),
    after=r"」?\s*(?:が|は)\s*(?:正解|正しい|答え|最も適切)",
    heading=r"(?:最終的な)?(?:答え|解答|回答|正解)",
    wrong=r"(?:間違った|誤った|誤りの)$",
    denied=r"(?:ありません|ない)",
    negated=r"ない|ません|間違|誤り|もし|どうか",
    because=r"(?:なぜなら|ので|から|、|です|だ|である)",
    yes=("はい",),
    no=("いいえ",),
)

KOREAN = Language(
    name="ko",
    keys=("답", "정답", "맞", "옳", "올바", "선택지"),
    before=(
        r"(?:최종\s*)?(?:정답|답변|답안|해답|답)\s*(?:은|는|이|:|：)\s*(?:선택지|보기)?\s*:?",
        r"(?:올바른|옳은|맞는|정확한|가장\s*적절한)\s*(?:선택지|답|답변|것|보기)\s*(?:은|는|:)\s*(?:선택지|보기)?\s*",
    ),
    after=r"\s*(?:번)?\s*(?:가|이|은|는)?\s*(?:정답|옳|맞|올바른\s*(?:답|선택))",
    heading=r"(?:최종\s*)?(?:정답|답)",
    wrong=r"(?:틀린|잘못된|오답인)[ \t]*$",
    denied=r"(?:아니|아닙)",
    negated=r"아니|아닙|없|않|틀리|틀린|만약",
    because=r"(?:왜냐하면|때문|입니다|이다|예요|이에요|,)",
    yes=("예", "네", "그렇습니다", "맞습니다"),
    no=("아니요", "아니오", "아닙니다"),
)

GERMAN = Language(
    name="de",
    leads=r"antwort|lösung|ergebnis|richtig|korrekt|beste|ist",
    leads_after=r"ist|wäre",
    keys=("antwort", "lösung", "richtig", "korrekt", "ergebnis"),
    before=(
        r"(?:antwort(?:möglichkeit|option)?|lösung|ergebnis|(?:richtige|korrekte|beste)\s+(?:option|auswahl|wahl))\b"
        + rf"{_GAP.format('gap_de')}\s*(?:\b(?:ist|lautet|wäre|sind)\b|:)(?:\s*:)?"
        + r"(?:\s+(?:daher|also|somit|folglich|demnach|die|der|das)\b)*(?:\s+(?:option|antwort|buchstabe))?",
        r"ist\s+(?:die\s+)?(?:antwort|option)\s+(?=[(]?[a-z][)]?\s+(?:richtig|korrekt)\b)",
        rf"(?:richtig|korrekt)\s+ist(?:\s+(?:daher|also|somit))?(?:\s+(?:die\s+)?(?:option|antwort))?\s+{_LETTER_NEXT}",
    ),
    after=r"(?:ist|wäre)\s+(?:daher\s+|also\s+|somit\s+)?(?:die\s+)?(?:richtig|korrekt)(?:e)?\b(?:\s+(?:antwort|option|lösung))?",
    heading=r"(?:endgültige\s+|richtige\s+)?(?:antwort|lösung)",
    wrong=r"\b(?:falsche|inkorrekte|unrichtige)[ \t]+$",
    denied=r"(?:nicht|kein\w*|niemals)\b",
    negated=r"\b(?:nicht|kein\w*|nie|niemals|wenn|falls|ob|falsch|weder|unmöglich)\b",
    because=r"(?:weil|da|denn)\b",
    yes=("ja", "wahr", "richtig"),
    no=("nein", "falsch"),
)

FRENCH = Language(
    name="fr",
    leads=r"réponse|reponse|solution|résultat|resultat|bon|meilleur|option",
    leads_after=r"est|serait",
    keys=("réponse", "reponse", "correcte", "résultat", "choix", " est "),
    before=(
        r"(?:r[ée]ponse|solution|r[ée]sultat|(?:bonne|meilleure)\s+(?:option|r[ée]ponse)|option\s+correcte|"
        r"(?:bon|meilleur)\s+choix)(?:\s+(?:correcte|finale|exacte|juste|final))*\b"
        + rf"{_GAP.format('gap_fr')}\s*(?:\b(?:est|serait|sont)\b|:)"
        + r"(?:\s*:)?(?:\s+(?:donc|la|le|l['’]))*(?:\s*(?:option|lettre|réponse)\b)?",
    ),
    after=r"(?:est|serait)\s+(?:donc\s+)?(?:la\s+(?:bonne|meilleure)\s+(?:réponse|option)|(?:la\s+r[ée]ponse\s+)?(?:correcte?|exacte?|juste))\b",
    heading=r"r[ée]ponse(?:\s+(?:finale|correcte))?",
    wrong=r"\b(?:mauvaise|fausse)[ \t]+$",
    denied=r"(?:pas|ni)\b",
    negated=r"\b(?:pas|ni|non|jamais|si|aucune?|faux|fausse|impossible|incorrecte?)\b",
    because=r"(?:parce\s+qu|car|puisqu)",
    yes=("oui", "vrai"),
    no=("non", "faux"),
)

SPANISH = Language(
    name="es",
    leads=r"respuesta|soluci|resultado|opci|alternativa",
    leads_after=r"es|ser",
    keys=("respuesta", "opción", "opcion", "solución", "solucion", "correcta", "resultado", "alternativa"),
    before=(
        r"(?:respuesta|soluci[óo]n|resultado|(?:opci[óo]n|alternativa)(?=\s+(?:correcta|es|que)))"
        r"(?:\s+(?:correcta|final|adecuada))*\b"
        + rf"{_GAP.format('gap_es')}\s*(?:\b(?:es|ser[íi]a|son)\b|:)"
        + r"(?:\s*:)?(?:\s+(?:la|el|por\s+tanto|entonces))*(?:\s+(?:opci[óo]n|letra|alternativa))?",
    ),
    after=r"(?:es|ser[íi]a)\s+(?:la\s+)?(?:(?:respuesta|opci[óo]n|alternativa)\s+)?(?:correct[ao])\b",
    heading=r"(?:respuesta|soluci[óo]n)(?:\s+(?:final|correcta))?",
    wrong=r"\bno[ \t]+$",
    denied=r"(?:no|nunca)\b|incorrect",
    negated=r"\b(?:no|nunca|ni|si|ningun[ao]?|imposible|incorrect[ao]|fals[ao])\b",
    because=r"(?:porque|ya\s+que|pues|dado)\b",
    yes=("sí", "si", "verdadero", "cierto"),
    no=("no", "falso"),
)

PORTUGUESE = Language(
    name="pt",
    leads=r"resposta|solu|resultado|op|alternativa",
    leads_after=r"é|está|seria",
    keys=("resposta", "opção", "opcao", "alternativa", "solução", "correta", "resultado"),
    before=(
        r"(?:resposta|solu[çc][ãa]o|resultado|(?:op[çc][ãa]o|alternativa)(?=\s+(?:correta|certa|é|que)))"
        r"(?:\s+(?:correta|certa|final))*\b"
        + rf"{_GAP.format('gap_pt')}\s*(?:(?<!\w)(?:é|seria|são)(?!\w)|:)"
        + r"(?:\s*:)?(?:\s+(?:a|o|portanto|então))*(?:\s+(?:op[çc][ãa]o|letra|alternativa))?(?!\w)",
    ),
    after=r"(?:é|está|seria)\s+(?:a\s+)?(?:(?:resposta|op[çc][ãa]o|alternativa)\s+)?(?:corret[ao]|cert[ao])\b",
    heading=r"(?:resposta|solu[çc][ãa]o)(?:\s+(?:final|correta))?",
    wrong=r"\bnão[ \t]+$",
    denied=r"(?:não|nunca)\b|incorret",
    negated=r"\b(?:não|nunca|nem|se|nenhum[ao]?|impossível|incorret[ao]|fals[ao])\b",
    because=r"(?:porque|pois|já\s+que)\b",
    yes=("sim", "verdadeiro"),
    no=("não", "nao", "falso"),
)

RUSSIAN = Language(
    name="ru",
    keys=("ответ", "вариант", "правильн", "верн", "решение"),
    before=(
        r"(?<!\w)(?:(?:правильн|верн|окончательн|итогов|конечн)\w+\s+)?(?:ответ|вариант(?=\s*(?:ответа)?\s*(?:[-—–:]|под)))"
        r"(?:\s+(?:ответа|будет|является|это|такой|под\s+буквой))*\s*(?:[-—–:]|\bэто\b|(?<=будет)|(?<=является)|(?<=буквой))"
        r"\s*(?:это\s+|вариант\s+|буква\s+)*",
        rf"(?<!\w)ответом\s+(?:является|будет)\s+(?:вариант\s+)?{_LETTER_NEXT}",
        r"(?<!\w)(?:правильный|верный)\s+(?:ответ|вариант)\s+(?=\(?[a-z]\b)",
    ),
    after=r"\s*(?:[-—–]|является|это)\s*(?:правильн|верн)\w+(?:\s+(?:ответ|вариант)\w*)?",
    heading=r"(?:(?:правильный|окончательный)\s+)?ответ",
    wrong=r"(?:неправильный|неверный|не)[ \t]+$",
    denied=r"не\b",
    negated=r"\b(?:не|нет|если|ли|нельзя|невозможно|неверн\w+|неправильн\w+)\b",
    because=r"(?:потому|так\s+как|поскольку|ведь)\b",
    yes=("да", "верно"),
    no=("нет", "неверно"),
)

ARABIC = Language(
    name="ar",
    keys=("جواب", "جابة", "خيار", "صحيح", "الحل"),
    before=(
        r"(?:ال)?(?:إجابة|اجابة|جواب|خيار(?=\s+(?:الصحيح|هو)))(?:\s+(?:الصحيحة|الصحيح|النهائية|النهائي|الأخيرة))*"
        r"\s*(?:هي|هو|:|：)\s*:?\s*(?:الخيار|الحرف|الإجابة)?\s*:?",
    ),
    after=r"\s*(?:هو|هي)\s+(?:الجواب|الإجابة|الخيار|الاختيار)?\s*(?:الصحيح|الصحيحة|صحيح|صحيحة)",
    heading=r"(?:ال)?(?:إجابة|اجابة|جواب)(?:\s+(?:النهائية|الصحيحة))?",
    denied=r"(?:ليس|ليست|لا)",
    negated=r"ليس|ليست|لا\s|لم\s|لن\s|إذا|لو\s|خطأ|غير",
    because=r"(?:لأن|بسبب|حيث)",
    yes=("نعم", "صحيح"),
    no=("لا", "خطأ"),
)

HINDI = Language(
    name="hi",
    keys=("उत्तर", "जवाब", "विकल्प", "सही"),
    before=(
        r"(?:सही\s+|अंतिम\s+)?(?:उत्तर|जवाब)(?:\s+(?:विकल्प|है|होगा|यह|का))*\s*[:：-]*\s*(?:विकल्प\s*)?",
        r"(?:सही)\s+विकल्प(?:\s+(?:है|होगा|यह))*\s*[:：-]*\s*",
    ),
    after=r"\s*(?:ही\s+)?सही(?:\s+(?:उत्तर|विकल्प|जवाब))?\s*(?:है|होगा)",
    heading=r"(?:सही\s+|अंतिम\s+)?(?:उत्तर|जवाब)",
    wrong=r"(?:गलत)[ \t]+$",
    denied=r"(?:नहीं|गलत)",
    negated=r"नहीं|गलत|यदि|अगर|असंभव",
    because=r"(?:क्योंकि|चूंकि|है|,|।)",
    yes=("हाँ", "हां", "जी हाँ", "सही"),
    no=("नहीं", "जी नहीं", "गलत"),
)

LANGUAGES = (*(ENGLISH, CHINESE, JAPANESE, KOREAN, GERMAN, FRENCH, SPANISH, PORTUGUESE, RUSSIAN, ARABIC, HINDI),)

YES = frozenset(word for language in LANGUAGES for word in language.yes)
NO = frozenset(word for language in LANGUAGES for word in language.no) - YES


_LATIN = tuple(each for each in LANGUAGES if each.name in ("en", "de", "fr", "es", "pt"))
BEFORE_CHARS = 40
"""How far before its key word a phrase may begin."""


def spoken_in(low: str, start: int, end: int) -> list[tuple[Language, int]]:
    """The languages whose phrases may stand in [start, end) of a lower-case text, and from where on."""
    spoken: list[tuple[Language, int]] = []
    is_ascii = low.isascii()
    for language in _LATIN if is_ascii else LANGUAGES:
        keys = [key for key in (language.ascii_keys if is_ascii else language.keys) if key in low]
        places = [at for key in keys if (at := low.find(key, start, end)) >= 0]
        if places:
            spoken.append((language, max(start, min(places) - BEFORE_CHARS)))
    return spoken


OTHER = r"(?:path|reasoning|agent|model|trace|chain|student|author|(?:given|provided|previous|original)\s+solution)"
_SAID = (
    r"(?:conclud\w+|claim\w*|stat(?:e[sd]?|ing)|sa(?:ys|id|ying)|g[ai]v(?:es?|ing)|f(?:ound|inds)|ch(?:ose|ooses)|"
    r"answer(?:s|ed)|g[oe]ts?|suggest\w*|thinks?|thought|believe[sd]?|assert\w*|argue[sd]?|arriv\w+|report\w*|"
    r"ends|ended|reach\w*)"
)
ANOTHERS = re.compile(rf"\b{OTHER}\b")
REPORTED = re.compile(
    rf"\b{OTHER}\b.*\b{_SAID}\b|\b(?:it|they|he|she)\s+(?:\w+\s+)?{_SAID}\s+(?:that\s+)?(?:the\s+)?$|"
    rf"\b(?:according\s+to|as\s+per)\b.*\b{OTHER}\b"
)
"""A clause that reports what another said: the summary agent quoting the path, or a solver quoting a student."""
TURN = re.compile(r"\b(?:but|however|so|therefore|thus|hence|instead|actually)\b")
"""After it the writer speaks again."""
ANOTHERS_OWN = re.compile(
    rf"(?:\b{OTHER}['’]s|\b(?:its|their|his|her))\s+(?:\w+\s+)?$|"
    r"\b(?:if|whether|unless|suppose|assume|assuming|when)\s+(?:that\s+)?(?:the\s+|my\s+)?$|(?:如果|若|假设|假設)[^，,。]{0,12}$"
)
"""Right before a declaration: another's, or one that is only supposed."""
CHOSEN = re.compile(
    r"(?:choose|chose|pick|picked|select|selected|go(?:ing)?\s+with|opt\s+for|(?:would|i['’]d|i['’]ll|will)\s+(?:say|answer))\s+(?:(?:the\s+)?(?:option|choice|answer|letter)\s+)?"
    r"(?=\(?[a-z]\b)|it(?:['’]s|\s+(?:is|should\s+be|must\s+be|has\s+to\s+be))\s+(?:option\s+)?(?=\(?[a-z]\b)|"
    r"(?:c['’]est|es|é)\s+(?:donc\s+)?(?:la|a)\s+(?:r[ée]ponse|respuesta|op[cç][ií]?[óoãa]o?n?|lettre|letra|alternativa)\s+"
    r"(?=\(?[a-z]\b)"
)
"""A choice made in passing, of which no more than a letter is read."""
CHOSEN_LEADS = re.compile("choose|chose|pick|select|go|opt|would|will|i['’]|it|c['’]|es|é")
NEXT_TURN = re.compile(
    r"\n\s*(?:#+\s*)?(?:question|human|user|q|next question|instruction|exercise)\s*\d{0,3}\s*(?:\(?\w{0,12}\)?)?\s*:"
    r"|\n\s*(?:问题|問題|题目|題目|질문|pregunta|pergunta|frage|вопрос)\s*\d{0,3}\s*[:：]|<\|(?:im_start\|>|user)|\[inst\]"
)
"""Where a model that has answered goes on with a question of its own."""
NEXT_TURN_SIGNS = (":", "：", "<|", "[inst]")
"""One of them stands in any of these."""
CLOSERS = re.compile(
    r"(?:please|let\s+me\s+know|i\s+hope|hope\s+this|feel\s+free|note\b|thank|if\s+you|is\s+there\s+anything|explanation|希望|如果|请)"
)
"""Last sentences that are courtesy."""
REFUSED = re.compile(
    r"(?:cannot|can['’]t|unable|impossible|not\s+(?:possible|enough|provided|clear|specified|visible|given|able|sure)|insufficient|"
    r"don['’]t|doesn['’]t|does\s+not|do\s+not|didn['’]t|difficult|without|need\s+(?:more|to)|would\s+need|unclear|sorry|unfortunately|"
    r"no\s+(?:image|information|data|context|way)|isn['’]t|aren['’]t|not\b|never|无法|無法|不能|没有|沒有|不知道|できません|わかりません|없습니다|"
    r"nicht|pas\s|não|нельзя|невозможно|لا\s+يمكن|नहीं)"
)
"""A sentence that says nothing positive."""
