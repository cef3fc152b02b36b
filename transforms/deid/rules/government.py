"""Numbers issued to people by authorities and insurers, and birth dates: by shape, check digit and context."""

from __future__ import annotations

import datetime as dt
import functools
import importlib
import re
from collections.abc import Callable

from transforms.deid.evidence import CHECKED, FORM, LIKELY, POSSIBLE, STATED
from transforms.deid.rules.check_digits import luhn
from transforms.deid.rules.rule import BEGIN, END, Judge, Rule, Verdict, whole

_WORDS = (
    r"passport|driver'?s?[ _-]?licen[cs]e|licen[cs]e (?:no|number)|national[ _-]?id|national insurance|"
    r"tax[ _-]?(?:id|number|file)|\btin\b|\bitin\b|\bnin\b|\bnino\b|\bssn\b|social (?:security|insurance)|\bdni\b|\bnif\b|\bnie\b|\bbsn\b|"
    r"\bcpf\b|\bcurp\b|\btfn\b|aadhaar|aadhar|pan card|pesel|personalausweis|personnummer|fodselsnummer|cpr-?nummer|henkilötunnus|"
    r"steuer-?id|codice fiscale|sécurité sociale|\bahv\b|sozialversicherung|versicherten-?n|"
    r"medicare|medicaid|\bnhs\b|\bmrn\b|medical[ _-]?record|health[ _-]?(?:id|card|insurance|plan)|patient[ _-]?(?:id|no\b|number)|"
    r"(?:insurance|member|policy|beneficiary|subscriber)[ _-]?(?:id|no\b|number)|\bnpi\b|\bdea\b|\bein\b|voter id|"
    r"(?:student|employee|badge)[ _-]?(?:id|no\b|number)|alien[ _-]?(?:no\b|number|registration)|green card|visa (?:no\b|number)|"
    r"\bvin\b|chassis|vehicle id|(?:licen[cs]e|number|registration) plate|plate (?:no\b|number)"
)
#: The same for Hyperscan, which supports only ASCII letters here.
_TRIGGER = _WORDS.replace("henkilötunnus", "henkil").replace("sécurité sociale", "sociale")
_DATE = re.compile(r"(?:[A-Z] )?(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})")
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"


def _gov_id(found: re.Match[str]) -> Verdict | None:
    """Five digits or more, or four digits with two letters; not a date."""
    number = found.group("id")
    digits = sum(character.isdigit() for character in number)
    letters = sum(character.isalpha() for character in number)
    if _DATE.fullmatch(number) or digits < (4 if letters > 1 else 5):
        return None
    return found.start("id"), found.end("id"), STATED


def _numbered(found: re.Match[str]) -> Verdict | None:
    group = "id" if found.group("id") else "named"
    return found.start(group), found.end(group), POSSIBLE


@functools.cache
def _validator(country: str) -> Callable[[str], bool]:
    """The check of a kind of number in python-stdnum, imported when the first number of its shape is met."""
    valid: Callable[[str], bool] = importlib.import_module(f"stdnum.{country}").is_valid
    return valid


def _checked(country: str, score: float = CHECKED) -> Judge:
    """A judge that accepts numbers whose check digits are correct for the country."""

    def judge(found: re.Match[str]) -> Verdict | None:
        return (found.start("id"), found.end("id"), score) if _validator(country)(found.group("id")) else None

    return judge


def _luhn(found: re.Match[str]) -> Verdict | None:
    return (
        (found.start("id"), found.end("id"), CHECKED) if luhn(re.sub(r"\D", "", found.group("id"))) else None
    )


def _korean(found: re.Match[str]) -> Verdict | None:
    """Numbers issued since 2020 have no check digit, so the birth date must be valid."""
    digits = found.group("id")
    century = 1900 if digits[7] in "1256" else 2000
    try:
        dt.date(century + int(digits[:2]), int(digits[2:4]), int(digits[4:6]))
    except ValueError:
        return None
    return found.start("id"), found.end("id"), FORM


def _alone(trigger: str, shape: str, judge: Judge) -> Rule:
    """A rule for numbers that need only shape and check digit, without a word before them."""
    return Rule("GOV_ID", trigger, rf"{BEGIN}(?P<id>{shape}){END}", judge, (32, 12))


def _said(word: str, shape: str, judge: Judge) -> Rule:
    """A rule for numbers after a word in capitals. The word alone also has other meanings."""
    expression = rf"\b{word}\b[^\n0-9A-Za-z]{{0,4}}(?:(?i:no|number|is|num)\b[^\n0-9A-Za-z]{{0,4}}){{0,2}}(?P<id>{shape}){END}"
    return Rule("GOV_ID", rf"\b{word}\b", expression, judge, (8, 60))


GOVERNMENT_RULES = (
    Rule(
        "GOV_ID",
        rf"(?i){_TRIGGER}",
        (
            rf"(?i:{_WORDS})[^\n\d\[]{{0,24}}?(?P<id>\b(?=[A-Z0-9])(?=[A-Za-z0-9. /-]{{0,24}}\d{{2}})"
            r"[A-Z]{0,3}[- ]?[A-Z0-9]{2,12}(?:[-. /]?[A-Z0-9]{1,10}){0,4}\b)"
        ),
        _gov_id,
        (32, 120),
    ),
    Rule(
        # The number comes first ("I50949136" passport), or contains its kind (US-DL-74111304325).
        "GOV_ID",
        r"(?i)\d[^0-9A-Za-z]{0,6}\s(?:passport|licen[cs]e)|(?:[A-Z]{2}-(?:DL|ID|PP)|MRN)-\d{5}",
        r"\b(?P<id>(?:[A-Z]{2}-(?:DL|ID|PP)|MRN)-\d{5,14})\b|\b(?P<named>[A-Z]{1,3}\d{6,10})[^0-9A-Za-z\n]{0,3}\s(?i:passport|licen[cs]e)",
        _numbered,
        (40, 24),
    ),
    # Brazil, Mexico, Italy, Spain.
    _alone(r"\d{3}\.\d{3}\.\d{3}-\d{2}", r"\d{3}\.\d{3}\.\d{3}-\d{2}", _checked("br.cpf")),
    _alone(r"[A-Z]{4}\d{6}[HMX][A-Z]{5}", r"[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d", _checked("mx.curp")),
    _alone(
        r"(?i)[a-z]{6}\d{2}[a-z]\d{2}[a-z]\d{3}[a-z]",
        r"(?i:[a-z]{6}\d{2}[abcdehlmprst]\d{2}[a-z]\d{3}[a-z])",
        _checked("it.codicefiscale"),
    ),
    _alone(r"\d{8}[- ]?[A-Z]\b", r"(?!(?:19|20)\d{6})\d{8}[- ]?[A-HJ-NP-TV-Z]", _checked("es.dni", LIKELY)),
    _alone(r"[XYZ][- ]?\d{7}[- ]?[A-Z]", r"[XYZ][- ]?\d{7}[- ]?[A-HJ-NP-TV-Z]", _checked("es.nie")),
    # United Kingdom: prefixes issued by HM Revenue & Customs.
    _alone(
        r"[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]",
        r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?P<gap> ?)\d{2}(?P=gap)\d{2}(?P=gap)\d{2}(?P=gap)[A-D]",
        whole(STATED, "id"),
    ),
    # Switzerland, France, China, Korea, Sweden, Finland.
    _alone(r"756\.\d{4}\.\d{4}\.\d{2}", r"756\.\d{4}\.\d{4}\.\d{2}", _checked("ch.ssn")),
    _alone(
        r"[12] ?\d{2} ?\d{2} ?\d[0-9AB] ?\d{3} ?\d{3} ?\d{2}",
        r"[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?\d[0-9AB] ?\d{3} ?\d{3} ?\d{2}",
        _checked("fr.nir"),
    ),
    _alone(r"\d{6}(?:19|20)\d{9}[0-9Xx]", r"\d{6}(?:19|20)\d{9}[0-9Xx]", _checked("cn.ric")),
    _alone(r"\d{6}-[1-8]\d{6}", r"\d{6}-[1-8]\d{6}", _korean),
    _alone(r"\d{6}[-+]\d{4}", r"(?:19|20)?\d{6}[-+]\d{4}", _checked("se.personnummer", STATED)),
    _alone(r"\d{6}[-+A-FU-Y]\d{3}[0-9A-Y]", r"\d{6}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]", _checked("fi.hetu")),
    # United States, Medicare beneficiaries: the format published by CMS.
    _alone(
        r"[1-9][A-Z][0-9A-Z]\d-?[A-Z][0-9A-Z]\d-?[A-Z]{2}\d{2}",
        r"[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y]{2}\d{2}",
        whole(STATED, "id"),
    ),
    # Words that also have other meanings.
    _said("PAN", r"[A-Z]{3}[ABCFGHLJPTK][A-Z]\d{4}[A-Z]", _checked("in_.pan")),
    _said("SIN", r"\d{3}[ -]?\d{3}[ -]?\d{3}", _luhn),
    Rule(
        "DATE_OF_BIRTH",
        r"(?i)\bborn|birth|\bdob\b|geburtsd|naissance|nacimiento",
        (
            r"(?i:\bborn(?: on)?|date[ _]?of[ _]?birth|birth[ _]?da(?:te|y)|\bdob\b|geburtsdatum|date de naissance|fecha de nacimiento)[^\n\d]{0,20}?"
            rf"(?P<id>\d{{1,4}}[-/. ]\d{{1,2}}[-/. ]\d{{1,4}}(?:T\d\d:\d\d(?::\d\d(?:\.\d{{1,9}})?)?(?:Z|[+-]\d\d:?\d\d)?)?|(?:\d{{1,2}}(?:st|nd|rd|th)? )?(?i:{_MONTHS})"
            r"[a-z]{0,6}\.?,? (?:\d{1,2}(?:st|nd|rd|th)?,? )?\d{4})"
        ),
        whole(LIKELY, "id"),
        (32, 100),
    ),
)
