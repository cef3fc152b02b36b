"""People, addresses and telephone numbers of other languages inside English text: introductions and forms.

Sessions in another language are refused. A line of one in an English chat is found by its fixed phrases.
"""

from __future__ import annotations

from transforms.deid.evidence import FITTING, STATED, WEAK
from transforms.deid.rules.rule import Rule, whole

_CJK = r"[\u4e00-\u9fff]"
_RU = r"[А-ЯЁІЇЄҐ][а-яёіїєґ'’-]+"
_EL = r"[Α-ΩΆΈΉΊΌΎΏ][α-ωάέήίόύώϊϋΐΰς]+"
_AR = r"[\u0621-\u064a]{2,15}"
_HE = r"[\u05d0-\u05ea]{2,15}"
_HI = r"[\u0900-\u0963]{2,20}"
_TH = r"[\u0e01-\u0e4e]{2,20}"
_TA = r"[\u0b80-\u0be5]{2,25}"
_LATIN = r"[^\W\d_a-z][^\W\d_]*(?:[ '’-][^\W\d_a-z][^\W\d_]*){0,3}"

#: By language: a literal that every match contains, and the expression of an introduction.
_INTRODUCTIONS: tuple[tuple[str, str], ...] = (
    ("我叫", rf"我叫做?(?P<name>{_CJK}{{2,4}}?)(?=[，,。.！!、\s]|，|住|今|是|来|在|\Z)"),
    ("名字", rf"名字(?:是|叫)(?P<name>{_CJK}{{2,4}})"),
    ("姓名", rf"姓名[:：]\s?(?P<name>{_CJK}{{2,4}})"),
    (
        "申します",
        r"(?<![\u4e00-\u9fff\u30a0-\u30ff\u3040-\u309f])(?P<name>[\u4e00-\u9fff\u30a0-\u30ff\u3040-\u309f]{2,8}?)と申します",
    ),
    ("名前は", r"名前は(?P<name>[\u4e00-\u9fff\u30a0-\u30ff\u3040-\u309f]{2,8}?)(?=です|と|で、|。)"),
    ("이름은", r"이름은 ?(?P<name>[가-힣]{2,4}?)(?=입니다|이고|이에요|예요|이야|야|[ ,.])"),
    ("저는", r"저는 (?P<name>[가-힣]{3})(?=입니다|이고|이라고|라고)"),
    ("اسمي", rf"(?:اسمي|إسمي) (?P<name>{_AR}(?: (?!و){_AR})?)"),
    ("اسمه", rf"(?:اسمها|اسمه) (?P<name>{_AR}(?: (?!و){_AR})?)"),
    ("שמי", rf"(?:שמי|קוראים לי) (?P<name>{_HE}(?: (?!ו){_HE})?)"),
    ("לי", rf"קוראים לי (?P<name>{_HE}(?: (?!ו){_HE})?)"),
    ("नाम", rf"नाम (?P<name>{_HI}(?: (?!है|और){_HI})?)(?= है|\s|,|।)"),
    ("ชื่อ", rf"(?:ผม|ฉัน|ดิฉัน|หนู)?ชื่อ ?(?P<name>{_TH}(?: {_TH})?)(?=\s|,|\Z)"),
    ("பெயர்", rf"பெயர் (?P<name>{_TA}(?: {_TA})?)"),
    ("зовут", rf"(?:зовут|Зовут) (?P<name>{_RU}(?: {_RU}){{0,2}})"),
    ("имя", rf"(?:[Мм]о[её] имя|[Ии]мя:) (?P<name>{_RU}(?: {_RU}){{0,2}})"),
    ("звати", rf"звати (?P<name>{_RU}(?: {_RU}){{0,2}})"),
    ("λένε", rf"(?:με|Με) λένε (?P<name>{_EL}(?: {_EL}){{0,2}})"),
    ("ονομά", rf"ονομάζομαι (?P<name>{_EL}(?: {_EL}){{0,2}})"),
    ("Adım", rf"(?:Adım|Benim Adım) (?P<name>{_LATIN})"),
    ("adım", rf"(?:Benim adım|adım) (?P<name>{_LATIN})"),
    ("tên", rf"[Tt]ôi tên(?: là)? (?P<name>{_LATIN})"),
    ("mi chiamo", rf"(?i:mi chiamo) (?P<name>{_LATIN})"),
    ("appelle", rf"(?i:je m['’]appelle|s['’]appelle) (?P<name>{_LATIN})"),
    ("llamo", rf"(?i:me llamo|se llama) (?P<name>{_LATIN})"),
    ("chamo", rf"(?i:me chamo|chamo-me) (?P<name>{_LATIN})"),
    ("heiße", rf"(?i:ich heiße|mein Name ist) (?P<name>{_LATIN})"),
    ("ein Name ist", rf"(?i:mein Name ist) (?P<name>{_LATIN})"),
    ("ich heisse", rf"(?i:ich heisse) (?P<name>{_LATIN})"),
    ("mam na imi", rf"(?i:mam na imię|nazywam się) (?P<name>{_LATIN})"),
    ("nazywam si", rf"(?i:nazywam się) (?P<name>{_LATIN})"),
    ("naam is", rf"(?i:mijn naam is|ik heet) (?P<name>{_LATIN})"),
    ("heter", rf"(?i:jag heter|jeg heter|jeg hedder) (?P<name>{_LATIN})"),
    ("nimeni on", rf"(?i:nimeni on) (?P<name>{_LATIN})"),
    ("nevem", rf"(?i:a nevem) (?P<name>{_LATIN})"),
    ("nama saya", rf"(?i:nama saya) (?P<name>{_LATIN})"),
    ("Nama saya", rf"(?i:nama saya) (?P<name>{_LATIN})"),
    ("numesc", rf"(?i:mă numesc|ma numesc) (?P<name>{_LATIN})"),
    ("pangalan", rf"(?i:ang pangalan ko ay) (?P<name>{_LATIN})"),
)
#: A literal, and the expression of an address.
_ADDRESSES: tuple[tuple[str, str], ...] = (
    (
        "号",
        rf"(?:{_CJK}{{1,8}}(?:省|自治区))?(?:{_CJK}{{1,8}}市)?(?:{_CJK}{{1,8}}[区县])?{_CJK}{{1,10}}(?:路|街|道|巷|弄|村)\d{{1,5}}号(?:\d{{1,4}}(?:室|单元|栋|楼))*",
    ),
    (
        "號",
        rf"(?:{_CJK}{{1,8}}[市縣])?(?:{_CJK}{{1,8}}[區鄉鎮])?{_CJK}{{1,10}}(?:路|街|道)(?:{_CJK}段)?\d{{1,5}}號(?:\d{{1,3}}樓)?",
    ),
    (
        r"(?:区|市|町|村)",
        r"[\u4e00-\u9fff]{2,3}[都道府県][\u4e00-\u9fff\u3040-\u30ff]{1,20}?[区市町村][\u4e00-\u9fff\u3040-\u30ff]{1,20}\d{1,4}(?:[-−丁目番地]{1,3}\d{1,4}){0,3}(?:号)?",
    ),
    (
        r"(?:로|길|동) \d",
        r"(?:[가-힣]{2,6}(?:시|도) )?[가-힣]{1,6}(?:구|군|시) [가-힣\d]{1,12}(?:로|길|동) \d{1,4}(?:-\d{1,4})?",
    ),
    (
        r"(?:ул|пр|пер|просп|бул|наб|улица|проспект|вул)\.? ",
        rf"(?:ул|пр|пр-т|пер|просп|бул|наб|вул|улица|проспект|переулок)\.? (?:{_RU} ?){{1,3}},? ?(?:д\.?|дом|буд\.?)? ?\d{{1,4}}[а-я]?(?:/\d{{1,3}})?(?:, ?(?:корп|к|стр)\.? ?\d{{1,3}})?(?:, ?(?:кв|оф)\.? ?\d{{1,4}})?",
    ),
    (
        r"\bul\. ",
        r"\bul\. [^\W\d_a-z][^\W\d_]*(?: [^\W\d_a-z][^\W\d_]*){0,2} \d{1,4}[a-z]?(?:/\d{1,4})?(?:,? \d\d-\d{3} [^\W\d_a-z][^\W\d_]+)?",
    ),
)
#: National mobile numbers in the groups in which people write them.
_MOBILES: tuple[tuple[str, str], ...] = (
    (r"\b01[567]\d", r"(?<![\d.+-])01[567]\d[ /-]?\d{3,4}[ ]?\d{3,4}(?![\d.-])"),
    (r"\b05\d\d ", r"(?<![\d.+-])05\d\d[ ]\d{3}[ ]\d{2}[ ]\d{2}(?![\d.-])"),
    (r"\b09\d\d ", r"(?<![\d.+-])09\d\d[ ]\d{3}[ ]\d{3}(?![\d.-])"),
    (r"\b[6-9]\d{4} \d{5}\b", r"(?<![\d.+-])[6-9]\d{4}[ ]\d{5}(?![\d.-])"),
    (r"\b0\d[0-9]-\d{7}", r"(?<![\d.+-])05\d-\d{7}(?![\d.-])"),
    (r"\b0\d{2}-\d{3,4}-\d{4}", r"(?<![\d.+-])0\d{2}-\d{3,4}-\d{4}(?![\d.-])"),
)
_DEGREES = (
    r"\d{1,3}(?:\.\d{1,8})?[°º] ?(?:\d{1,2}(?:\.\d{1,6})?['’′] ?)?(?:\d{1,2}(?:\.\d{1,4})?(?:\"|”|″|'') ?)?"
)
_HOME = (
    r"(?:my|our|her|his|their|the)? ?(?:home|house|address|location|place|apartment|position|coordinates?|gps|lat(?:itude)?(?:[ /,]+l(?:on|ng)(?:gitude)?)?|"
    r"live[sd]?|living|parked|camp|pin)"
)

OTHER_SCRIPT_RULES = (
    *(Rule("PERSON", sign, exact, whole(FITTING, "name"), (60, 160)) for sign, exact in _INTRODUCTIONS),
    *(Rule("ADDRESS", sign, exact, whole(STATED), (120, 60)) for sign, exact in _ADDRESSES),
    *(Rule("PHONE_NUMBER", sign, exact, whole(WEAK), (24, 24)) for sign, exact in _MOBILES),
    Rule(
        # Degrees, minutes and seconds.
        "ADDRESS",
        r"\xc2[\xb0\xba].{0,30}[NS]",
        rf"(?<![\d.]){_DEGREES}[NS],? ?{_DEGREES}[EWO](?![A-Za-z])",
        whole(STATED),
        (60, 60),
    ),
    Rule(
        # Decimal degrees of a home or a stay.
        "ADDRESS",
        rf"(?i)\b{_HOME}\b",
        rf"(?i:{_HOME})[^\n\d]{{0,24}}?(?P<place>-?\d{{1,2}}\.\d{{4,8}},? ?(?:/ ?)?-?\d{{1,3}}\.\d{{4,8}})(?![\d.])",
        whole(FITTING, "place"),
        (48, 80),
    ),
    Rule(
        # Birth dates in German, French, Spanish, Italian, Portuguese, Polish and Dutch.
        "DATE_OF_BIRTH",
        r"(?i)(?:\bgeb(?:oren|\.)|\bn\xc3\xa9e? le|\bnacid[oa]|\bnat[oa] il|\bnascid[oa]|\burodzon[ya]|\bgeboren op|\bf\xc3\xb6dd)",
        (
            r"(?i:\bgeb(?:oren|\.)(?: am| op)?|\bnée? le|\bnacid[oa](?: el)?|\bnat[oa] il|\bnascid[oa](?: em)?|\burodzon[ya]|\bfödd)[ :]{1,2}"
            r"(?P<date>\d{1,2}[./-] ?\d{1,2}[./-] ?\d{2,4}|\d{4}-\d\d-\d\d|\d{1,2}\.? [^\W\d_]{3,10}\.? \d{4})"
        ),
        whole(FITTING, "date"),
        (24, 48),
    ),
    Rule(
        # Number plates, after the word for them.
        "GOV_ID",
        r"(?i)(?:kennzeichen|number ?plate|licen[cs]e plate|registration|\breg\b|\bplates?\b|plaque|immatriculation|matr[ií]cula|targa|tablica)",
        (
            r"(?i:kennzeichen|number ?plate|licen[cs]e plate|registration plate|\bplates?|plaque|immatriculation|targa)[ :]{1,2}(?:(?:is|was|number|no\.?|lautet) ?:?){0,2}"
            r"(?P<plate>(?=[A-ZÄÖÜ0-9 -]{4,11}(?![A-Z0-9]))(?=[A-ZÄÖÜ -]*\d)(?=\d*[ -]?[A-ZÄÖÜ])[A-ZÄÖÜ0-9]{1,4}(?:[ -][A-ZÄÖÜ0-9]{1,4}){0,3})(?![\w-])"
        ),
        whole(FITTING, "plate"),
        (32, 48),
    ),
    Rule(
        # The national insurance number of a form, whatever its prefix.
        "GOV_ID",
        r"(?i)\bNI (?:number|no)|national insurance",
        r"(?i:\bNI (?:number|no\.?)|national insurance(?: number| no\.?)?)[^\n\d]{0,8}?(?P<id>[A-Z]{2} ?\d\d ?\d\d ?\d\d ?[A-D])\b",
        whole(STATED, "id"),
        (24, 60),
    ),
)
