"""What is asked on a household visit (domain §2.0): defined once, for the form, the display and the check.

Answers are stored in Survey.facts under the names given here; amounts in fen, a year each. What is unknown is left out.
Nothing is asked about births; `check` refuses whatever is not defined here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import pgettext_lazy

from families import catalogue
from families.errors import BadSurvey

Choices = tuple[tuple[str, Any], ...]

# Whom a field may be shown to is decided above (casework.visibility); here stands only of what kind it is.
MEANS, HEALTH, MENTAL = "means", "health", "mental"


@dataclass(frozen=True)
class Field:
    """One question. Kinds: count, money, yesno, choice, choices, line, words."""

    name: str
    label: Any
    kind: str
    choices: Choices = ()
    hint: Any = ""
    secrecy: str = ""
    required: bool = False
    hints: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Subject:
    """One page of the survey: one subject. `question` is its heading."""

    code: str
    title: Any
    question: Any
    fields: tuple[Field, ...]


UNKNOWN = ("unknown", _l("说不清"))
ENOUGH: Choices = (
    ("enough", _l("够")),
    ("short", _l("不太够")),
    ("lacking", pgettext_lazy("supply", "缺")),
    UNKNOWN,
)

LABOUR: Choices = (
    ("full", _l("能干活")),
    ("part", _l("能干一点")),
    ("none", _l("不能干活")),
    ("child", _l("还小或在上学")),
)
WORK: Choices = (
    ("farming", _l("在家务农")),
    ("local", _l("附近打工")),
    ("away", _l("外出务工")),
    ("school", _l("上学")),
    ("none", _l("没有活干")),
    ("old", _l("年老在家")),
)
DISABILITY: Choices = (
    ("none", pgettext_lazy("disability", "没有")),
    ("sight", _l("视力")),
    ("hearing", _l("听力")),
    ("speech", _l("言语")),
    ("limb", _l("肢体")),
    ("intellect", _l("智力")),
    ("mental", _l("精神")),
    ("multiple", _l("多重")),
)
GRADES: Choices = (("1", _l("一级")), ("2", _l("二级")), ("3", _l("三级")), ("4", _l("四级")), ("0", _l("没有评级")))

# Asked of each member; stored as facts["members"] = [{"person": id, "name": …, <these>}].
MEMBER_FIELDS = (
    Field("health", _l("身体"), "choice", tuple(catalogue.HEALTH), secrecy=HEALTH),
    Field("disability", _l("残疾"), "choice", DISABILITY, secrecy=HEALTH),
    Field("disability_grade", _l("残疾等级"), "choice", GRADES, secrecy=HEALTH),
    Field("labour", _l("劳动能力"), "choice", LABOUR),
    Field("work", _l("现在做什么"), "choice", WORK),
    Field("income_fen", _l("一年收入"), "money", secrecy=MEANS),
)

CAUSES = Field(
    "causes",
    _l("这家为什么困难？"),
    "choices",
    tuple(catalogue.CAUSES),
    hint=_l("可以选几个。"),
    required=True,
    hints=(
        ("illness", _l("大病、慢性病、长期吃药")),
        ("disability", _l("有证、没有证都算")),
        ("disaster", _l("大雨、大风、火灾、虫害")),
        ("accident", _l("车祸、摔伤、工伤")),
        ("schooling", _l("上学花钱多")),
        ("left_behind_child", _l("孩子没有父母在身边")),
        ("housing", _l("房子不安全")),
        ("unemployment", _l("没有活干，没有收入")),
        ("bereavement", _l("有亲人去世")),
    ),
)
INCOME_PARTS = (
    Field("wage_fen", _l("打工工资"), "money", secrecy=MEANS),
    Field("farming_fen", _l("种地、养殖"), "money", secrecy=MEANS),
    Field("business_fen", _l("做买卖"), "money", secrecy=MEANS),
    Field("property_fen", _l("房租、卖东西、土地流转"), "money", secrecy=MEANS),
    Field("pension_fen", _l("养老金"), "money", secrecy=MEANS),
    Field("maintenance_fen", _l("子女、亲戚给的"), "money", secrecy=MEANS),
    Field("benefits_fen", _l("低保、补贴"), "money", secrecy=MEANS),
    Field("other_income_fen", _l("别的收入"), "money", secrecy=MEANS),
)
INCOME_TOTAL = Field(
    "income_fen_yearly",
    _l("一年一共收入"),
    "money",
    hint=_l("上面填了，这里会自己加。上面说不清，就在这里填个总数。"),
    secrecy=MEANS,
)

SUBJECTS: tuple[Subject, ...] = (
    Subject(
        "members",
        _l("家里的人"),
        _l("家里有哪些人？"),
        (
            Field("household_size", _l("一起吃住的有几口人"), "count", required=True),
            Field(
                "lives_at",
                _l("现在住在哪里"),
                "choice",
                (
                    ("registered", _l("就住在户口所在地")),
                    ("village", _l("在本村别处")),
                    ("away", _l("不在本村")),
                ),
            ),
            Field("address", _l("住处怎么找"), "line", hint=_l("例如：三组，村小学后面第二家。")),
        ),
    ),
    Subject(
        "causes",
        _l("困难原因"),
        _l("这家为什么困难？"),
        (
            CAUSES,
            Field("main_cause", _l("最主要的是哪一个？"), "choice", tuple(catalogue.CAUSES), required=True),
            Field("cause_words", _l("出了什么事"), "words", hint=_l("一两句话，不写病名。")),
        ),
    ),
    Subject("income", _l("收入"), _l("去年一年，家里有多少收入？"), (*INCOME_PARTS, INCOME_TOTAL)),
    Subject(
        "spending",
        _l("花销和家产"),
        _l("哪些钱非花不可？家里有什么？"),
        (
            Field(
                "medical_fen",
                _l("看病，自己掏的钱"),
                "money",
                hint=_l("不算报销的。不知道就空着。"),
                secrecy=MEANS,
            ),
            Field("schooling_fen", _l("上学"), "money", secrecy=MEANS),
            Field("care_fen", _l("照护"), "money", secrecy=MEANS),
            Field("rent_fen", _l("房租"), "money", secrecy=MEANS),
            Field("debt_fen", _l("欠债"), "money", secrecy=MEANS),
            Field(
                "house",
                _l("房子"),
                "choice",
                (
                    ("brick", _l("砖混")),
                    ("wood", _l("砖木或木头")),
                    ("earth", _l("土房")),
                    ("borrowed", _l("借住、租住")),
                    ("none", _l("没有房子")),
                ),
                secrecy=MEANS,
            ),
            Field(
                "house_safe",
                _l("房子安全吗"),
                "choice",
                (
                    ("safe", _l("安全")),
                    ("leaks", _l("漏雨、有裂缝")),
                    ("danger", _l("不敢住")),
                    UNKNOWN,
                ),
            ),
            Field("savings_fen", _l("存款"), "money", secrecy=MEANS),
            Field(
                "owns",
                _l("家里有这些吗"),
                "choices",
                (
                    ("vehicle", _l("汽车")),
                    ("machinery", _l("农机")),
                    ("livestock", _l("成群的牲口")),
                    ("second_house", _l("另一处房子")),
                    ("shop", _l("店铺、公司")),
                ),
                secrecy=MEANS,
            ),
        ),
    ),
    Subject(
        "support",
        _l("谁能帮"),
        _l("有没有人能帮他们？"),
        (
            Field(
                "supporters",
                _l("不住一起、该赡养抚养的人"),
                "words",
                hint=_l("名字、关系、能不能帮。没有就写没有。"),
                secrecy=MEANS,
            ),
            Field(
                "help_before",
                _l("以前得到过什么帮助"),
                "words",
                hint=_l("哪一项、什么时候、多少钱。"),
            ),
        ),
    ),
    Subject(
        "living",
        _l("生活和心里"),
        _l("日子过得怎么样？"),
        (
            Field("food", _l("吃的"), "choice", ENOUGH, secrecy=MENTAL),
            Field("clothing", _l("穿的"), "choice", ENOUGH, secrecy=MENTAL),
            Field("water", _l("用水"), "choice", ENOUGH, secrecy=MENTAL),
            Field("heating", _l("冬天取暖"), "choice", ENOUGH, secrecy=MENTAL),
            Field(
                "company",
                _l("有人说话吗"),
                "choice",
                (
                    ("often", _l("常有人来")),
                    ("seldom", _l("很少有人来")),
                    ("alone", _l("总是一个人")),
                    UNKNOWN,
                ),
                secrecy=MENTAL,
            ),
            Field(
                "mood",
                _l("心情"),
                "choice",
                (
                    ("good", _l("还好")),
                    ("low", _l("提不起劲")),
                    ("bad", _l("很难过，要有人多去看")),
                    UNKNOWN,
                ),
                secrecy=MENTAL,
            ),
            Field(
                "self_care",
                _l("能照顾自己吗"),
                "choice",
                (
                    ("full", _l("能")),
                    ("part", _l("要人帮一些")),
                    ("none", _l("要人照顾")),
                    UNKNOWN,
                ),
                secrecy=HEALTH,
            ),
        ),
    ),
    Subject(
        "needs",
        _l("他们的话"),
        _l("他们自己怎么说？"),
        (
            Field(
                "need_domains",
                _l("想要哪方面的帮助"),
                "choices",
                tuple(catalogue.DOMAINS),
                hint=_l("可以选几个。"),
            ),
        ),
    ),
)

SUBJECT: dict[str, Subject] = {subject.code: subject for subject in SUBJECTS}
FIELDS: dict[str, Field] = {field.name: field for subject in SUBJECTS for field in subject.fields}
_MEMBER: dict[str, Field] = {field.name: field for field in MEMBER_FIELDS}

LONGEST = 2000  # characters of an answer in words


def check(facts: Mapping[str, Any]) -> None:
    """Raises BadSurvey when the facts contain what was not asked, or an answer that its question does not allow."""
    for name, value in facts.items():
        if name == "members":
            _check_members(value)
        elif name not in FIELDS:
            raise BadSurvey(_("调查表里没有「%(name)s」这一项。") % {"name": name})
        elif not _fits(FIELDS[name], value):
            raise BadSurvey(_("「%(label)s」填得不对。") % {"label": FIELDS[name].label})
    if facts.get("main_cause") and facts["main_cause"] not in facts.get("causes", ()):
        raise BadSurvey(_("最主要的原因，要在选过的原因里选。"))


def _check_members(members: Any) -> None:
    if not isinstance(members, list):
        raise BadSurvey(_("「%(label)s」填得不对。") % {"label": SUBJECT["members"].title})
    for member in members:
        for name, value in member.items():
            if name in ("person", "name"):
                continue
            if name not in _MEMBER or not _fits(_MEMBER[name], value):
                raise BadSurvey(_("「%(label)s」填得不对。") % {"label": SUBJECT["members"].title})


def _fits(field: Field, value: Any) -> bool:
    codes = {code for code, _title in field.choices}
    if field.kind in ("count", "money"):
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if field.kind == "yesno":
        return isinstance(value, bool)
    if field.kind == "choice":
        return value in codes
    if field.kind == "choices":
        return isinstance(value, list) and set(value) <= codes
    return isinstance(value, str) and len(value) <= LONGEST


def total_income_fen(facts: Mapping[str, Any]) -> int | None:
    """The sum of the parts; without any part the total as it was said, or None."""
    parts = [facts[field.name] for field in INCOME_PARTS if field.name in facts]
    return sum(parts) if parts else facts.get("income_fen_yearly")


# ---------------------------------------------------------------- display


@dataclass(frozen=True)
class Answer:
    """One answer for reading. `value` is fen where `kind` is money, otherwise words."""

    name: str
    label: Any
    kind: str
    value: Any
    secrecy: str = ""


def answers(subject: Subject, facts: Mapping[str, Any], hidden: Iterable[str] = ()) -> list[Answer]:
    """What was answered on one subject; questions left open and hidden kinds are left out."""
    hidden = frozenset(hidden)
    return [
        Answer(field.name, field.label, field.kind, _shown(field, facts[field.name]), field.secrecy)
        for field in subject.fields
        if field.name in facts and facts[field.name] not in ("", [], None) and field.secrecy not in hidden
    ]


def member_answers(facts: Mapping[str, Any], hidden: Iterable[str] = ()) -> list[tuple[str, list[Answer]]]:
    """[(name, answers)] of each member."""
    hidden = frozenset(hidden)
    return [
        (
            str(member.get("name", "")),
            [
                Answer(field.name, field.label, field.kind, _shown(field, member[field.name]), field.secrecy)
                for field in MEMBER_FIELDS
                if field.name in member and field.secrecy not in hidden
            ],
        )
        for member in facts.get("members", ())
    ]


def _shown(field: Field, value: Any) -> Any:
    titles = dict(field.choices)
    if field.kind == "choice":
        return str(titles.get(value, value))
    if field.kind == "choices":
        return _("、").join(str(titles.get(code, code)) for code in value)
    if field.kind == "yesno":
        return _("是") if value else _("否")
    return value


@dataclass(frozen=True)
class Difference:
    """What changed between two versions; None where nothing was answered."""

    label: Any
    kind: str
    before: Any
    after: Any


def differences(before: Mapping[str, Any], after: Mapping[str, Any], hidden: Iterable[str] = ()) -> list[Difference]:
    """Answers that differ, in the order of the form."""
    hidden = frozenset(hidden)
    found = [
        Difference(
            field.label,
            field.kind,
            _shown(field, before[field.name]) if field.name in before else None,
            _shown(field, after[field.name]) if field.name in after else None,
        )
        for field in FIELDS.values()
        if field.secrecy not in hidden and before.get(field.name) != after.get(field.name)
    ]
    return found + _member_differences(before, after, hidden)


def _member_differences(before: Mapping[str, Any], after: Mapping[str, Any], hidden: frozenset) -> list[Difference]:
    found = []
    earlier = {member.get("person"): member for member in before.get("members", ())}
    later = {member.get("person"): member for member in after.get("members", ())}
    for person in {**earlier, **later}:
        old, new = earlier.get(person, {}), later.get(person, {})
        name = new.get("name") or old.get("name", "")
        found += [
            Difference(
                f"{name}：{field.label}",
                field.kind,
                _shown(field, old[field.name]) if field.name in old else None,
                _shown(field, new[field.name]) if field.name in new else None,
            )
            for field in MEMBER_FIELDS
            if field.secrecy not in hidden and old.get(field.name) != new.get(field.name)
        ]
    return found
