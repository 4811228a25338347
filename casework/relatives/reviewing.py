"""What is said about a flag: who the applicant meant, that they are not related after all, whether earlier acts stand.

Nobody says it of herself, nobody of her own family does, and the verdict on earlier acts is given one tier up: on the
village's people by the township's approver or the county, on all others by the county.
"""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from access import services as access
from access.models import Recusal
from access.roles import ROLES, Level
from access.scope import posts_of
from audit import clock
from audit.context import acting
from casework.errors import BadCaseData, NotYourTurn, ReasonNeeded, Recused
from casework.models import Case, RelativeFlag
from casework.recusal import is_close, persons_of
from casework.relatives import flags

ABOVE_THE_VILLAGE = ("township_approver", "county_reviewer", "county_approver")
ABOVE_THE_TOWNSHIP = ("county_reviewer", "county_approver")
LOOKS_INTO_IT = ("township_clerk", *ABOVE_THE_VILLAGE)


@transaction.atomic
def review(flag_id: int, *, stands: bool, words: str, by: Any) -> RelativeFlag:
    """Whether what she did before may stand. "No" sends the case back by the next who decides. Pressed twice it is one.

    Raises NotYourTurn, Recused, BadCaseData where there is nothing to review, ReasonNeeded.
    """
    flag, case = _locked(flag_id)
    verdict = RelativeFlag.Verdict.STANDS if stands else RelativeFlag.Verdict.REDO
    if (flag.verdict, flag.reviewed_by_id) == (verdict, by.pk):
        return flag
    if not flag.waits_for_review:
        raise BadCaseData(_("这一条不用再看，或者已经有人看过了。请刷新。"))
    _demand(by, reviewers_of(flag), case, flag)
    flag.verdict, flag.review_words = verdict, _why(words)
    flag.reviewed_by, flag.reviewer_person_key = by, by.person_key
    flag.reviewed_on, flag.reviewed_at_act = clock.today(), case.acts
    with acting(by, reason="review_relative"):
        flag.save()
    return flag


@transaction.atomic
def identify(flag_id: int, *, person: Any, relation: str, by: Any) -> RelativeFlag:
    """The applicant meant this account or cadre: barred from now on, as a detected relative. What she did is looked at.

    `person` has a name and a person_key. Raises NotYourTurn, Recused, BadCaseData, ReasonNeeded.
    """
    flag, case = _locked(flag_id)
    if flag.person_key or flag.ended_on is not None:
        raise BadCaseData(_("这一条已经查清楚了，请刷新。"))
    _demand(by, LOOKS_INTO_IT, case, flag)
    if not relation.strip():
        raise ReasonNeeded(_("请写明是什么关系。"))
    if case.relative_flags.filter(person_key=person.person_key, ended_on__isnull=True).exists():
        raise BadCaseData(_("%(name)s 已经在这一件的名单里。这一条请写「不用再查」的原因。") % {"name": person.name})
    access.recuse(person.person_key, case.household_no, relation=relation, by=by, source=Recusal.Source.DETECTED)
    flag.person_key, flag.person_name, flag.relation = person.person_key, person.name, relation.strip()[:40]
    hers = {"person_key": person.person_key}  # a second surveyor has pressed nothing, and holds the duty
    flag.acts_before = max(case.events.filter(**hers).count(), case.duties.filter(**hers).count())
    flag.is_late = flag.acts_before > 0 or case.state in flags.DECIDED
    with acting(by, reason="identify_relative"):
        flag.save()
    return flag


@transaction.atomic
def end(flag_id: int, *, words: str, by: Any) -> RelativeFlag:
    """Looked into: they are not close relatives. Only where the register itself does not say so, and nobody has found out yet
    whom the family meant: what the flag of a known person waits for is not lifted by one clerk. Pressed twice it is one.

    Raises NotYourTurn, Recused, BadCaseData, ReasonNeeded.
    """
    flag, case = _locked(flag_id)
    if flag.ended_on is not None:
        return flag
    if flag.source != RelativeFlag.Source.APPLICANT:
        raise BadCaseData(_("这一条是登记簿里有的，先核实、解除申报，或者改户口登记。"))
    if flag.person_key:
        raise BadCaseData(_("已经查清楚是谁了，这一条留着，照近亲属办：县里入户核查，办过的由上一级看。"))
    _demand(by, LOOKS_INTO_IT, case, flag)
    flag.ended_on, flag.ended_by, flag.ender_person_key = clock.today(), by, by.person_key
    flag.end_words = _why(words)
    with acting(by, reason="end_flag"):
        flag.save()
    return flag


def reviewers_of(flag: RelativeFlag) -> tuple[str, ...]:
    """The roles one tier above whoever is flagged, by the posts of her acts in the case; without any, by where it stands."""
    acts = flag.case.events.filter(person_key=flag.person_key).values_list("by_role", flat=True)
    levels = {ROLES[role].level for role in acts if role in ROLES}
    if levels and levels <= {Level.VILLAGE, Level.GROUP}:
        return ABOVE_THE_VILLAGE
    return ABOVE_THE_TOWNSHIP


def may_review(flag: RelativeFlag, user: Any) -> str:
    """ "" when she may give the verdict, else the sentence why not."""
    try:
        _demand(user, reviewers_of(flag), flag.case, flag)
    except (NotYourTurn, Recused) as refusal:
        return str(refusal)
    return ""


def may_look_into(flag: RelativeFlag, user: Any) -> bool:
    return any(post.role in LOOKS_INTO_IT and post.reaches(flag.case) for post in posts_of(user))


def _demand(by: Any, roles: tuple[str, ...], case: Case, flag: RelativeFlag) -> None:
    if not any(post.role in roles and post.reaches(case) for post in posts_of(by)):
        raise NotYourTurn(_("这一条由上一级看：村里的由乡镇审批或县里，乡镇和县里的由县里。"))
    if by.person_key == flag.person_key or is_close(case.household_id, persons_of(by)):
        raise Recused(_("你自己是这家的近亲属，这一条要由别人看。"))


def _locked(flag_id: int) -> tuple[RelativeFlag, Case]:
    """The case first, as every act does, then the flag."""
    case_id = RelativeFlag.objects.values_list("case_id", flat=True).get(pk=flag_id)
    case = Case.objects.select_for_update().get(pk=case_id)
    return RelativeFlag.objects.select_for_update(of=("self",)).select_related("case").get(pk=flag_id), case


def _why(words: str) -> str:
    if len(words.strip()) < 4:
        raise ReasonNeeded(_("请写明看了什么、怎么定的，至少四个字。"))
    return words.strip()[:300]
