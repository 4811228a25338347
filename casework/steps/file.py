"""Making the file: survey, papers, amount and payee, from draft to the report to the village."""

from typing import Any

from django.utils.translation import gettext as _

from casework.acting import Act, after, before
from casework.digests import digest_of
from casework.errors import BadCaseData, MissingDocuments, OverTheLimit
from casework.models import Case
from casework.steps.payment import release_reservation
from families import catalogue
from families.models import BankAccount, Survey
from flows import calendar
from funds import ledger
from funds.models import Provider
from funds.money import yuan


@before("register", "emergency_release", "submit_makeup", "resubmit")
def take_in_findings(this: Act) -> None:
    """Data: survey_id, amount_fen, account_id or provider_id, cause, summary; each optional where the case has it already."""
    case, data = this.case, this.data
    if data.get("survey_id"):
        case.survey = _survey(case, data["survey_id"])
    if data.get("account_id"):
        case.payee_account = _account(case, data["account_id"])
    if "provider_id" in data:  # None: to the family after all
        case.provider = _provider(case, data["provider_id"]) if data["provider_id"] else None
    for name in ("cause", "summary"):
        if data.get(name):
            setattr(case, name, data[name])
    if case.spec.has_money and this.action != "submit_makeup":
        case.amount_fen = case.rules.unit_amount_fen or int(data.get("amount_fen", case.amount_fen))


def _survey(case: Case, survey_id: int) -> Survey:
    survey = Survey.objects.filter(pk=survey_id, household_id=case.household_id).first()
    if survey is None:
        raise BadCaseData(_("这份调查表不是这一家的。"))
    return survey


def _account(case: Case, account_id: int) -> BankAccount:
    account = BankAccount.objects.filter(pk=account_id, household_id=case.household_id, is_active=True).first()
    if account is None:
        raise BadCaseData(_("这个收款账户不是这一家在用的账户。"))
    return account


def _provider(case: Case, provider_id: int) -> Provider:
    provider = Provider.objects.filter(
        pk=provider_id, unit=case.county_id, checked_on__isnull=False, ended_on__isnull=True
    ).first()
    if provider is None or provider.kind not in case.rules.pays_to:
        raise BadCaseData(_("这一项不能付给这个单位，或者它的账户还没有核对。"))
    return provider


@before("register", "submit_makeup", "resubmit")
def survey_is_there(this: Act) -> None:
    """A survey by two people, not older than the rules allow; both surveyors hold the file's duty."""
    case = this.case
    if case.survey is None:
        raise MissingDocuments(_("还没有入户调查，先填调查表。"), [_("入户调查表")])
    if calendar.add(case.survey.surveyed_on, case.rules.survey_valid) < this.today:
        raise MissingDocuments(_("调查表过期了，请重新入户调查。"), [_("新的入户调查表")])
    case.has_conflict = case.survey.is_cadre_relative  # found otherwise: casework.steps.relatives, after this
    this.also_duty_of += [case.survey.surveyor, case.survey.second_surveyor]
    if case.rules.minimum_age and case.beneficiary.age_on(this.today) < case.rules.minimum_age:
        raise BadCaseData(
            _("%(name)s 还不到 %(age)d 周岁，不能办这一项。")
            % {"name": case.beneficiary.name, "age": case.rules.minimum_age}
        )


@before("register", "submit", "submit_makeup", "resubmit", "check", "approve", "approve_plan", "emergency_release")
def papers_are_there(this: Act) -> None:
    """Everything that is missing is told at once (一次性告知)."""
    missing = missing_papers(this.case, this.action)
    if missing:
        raise MissingDocuments(_("还缺：%(papers)s。") % {"papers": _("、").join(missing)}, missing)


def missing_papers(case: Case, action: str) -> list[str]:
    """Titles of the papers that the rules want before an action and that are not there."""
    wanted = case.rules.documents.get(action, [])
    there = set(case.papers.filter(kind__in=wanted).values_list("kind", flat=True)) if wanted else set()
    return [catalogue.title(catalogue.DOCUMENTS, kind) for kind in wanted if kind not in there]


@before("submit", "resubmit", "submit_makeup")
def freeze_the_tier(this: Act) -> None:
    """What depends on the amount is decided here and stays until the next report."""
    case = this.case
    if not case.spec.has_money:
        if not case.measures.exclude(state="dropped").exists():
            raise MissingDocuments(_("帮扶计划还是空的，至少写一条措施。"), [_("帮扶计划")])
        return
    amount_is_sound(case)
    if case.provider is None and "family" not in case.rules.pays_to:
        raise MissingDocuments(_("这一项不付给家里，请选收款单位。"), [_("收款单位")])
    if case.payee_account is None and case.provider is None:
        raise MissingDocuments(_("还没有登记收款账户。"), [_("收款账户")])
    if case.tier != "T0":
        available_fen = ledger.payable_fen(case.programme, case.village, this.today, case.cause)
        case.tier = case.rules.tier(case.amount_fen, available_fen=available_fen, has_conflict=case.has_conflict)


def amount_is_sound(case: Case) -> None:
    """Raises BadCaseData or OverTheLimit when the amount cannot be decided on."""
    if case.amount_fen <= 0:
        raise BadCaseData(_("还没有填帮扶金额。"))
    if case.amount_fen > case.rules.cap_fen:
        raise OverTheLimit(_("金额超过这一项的上限 %(cap)s 元。") % {"cap": yuan(case.rules.cap_fen)})


@before("village_return", "return", "uphold_objection")
def say_where_to_mend(this: Act) -> None:
    """After a correction the case goes back to whoever sent it, unless what was published has changed."""
    first_stop = (
        "township_review" if this.case.spec.target("registered", "submit") == "township_review" else "village_review"
    )
    later = this.action == "return" and this.case.published_digest
    this.case.return_to = "township_review" if later else first_stop


@before("resubmit")
def publish_again_what_changed(this: Act) -> None:
    case = this.case
    if (
        case.published_digest
        and case.return_to == "township_review"
        and digest_of(public_facts(case)) != case.published_digest
    ):
        case.return_to = "village_review"
    case.approved_digest = ""


def public_facts(case: Case) -> dict[str, Any]:
    """The whitelist of a notice: nothing else can reach it. No ID, account, phone, health, and no amount before the
    decision; a child is named by its family name alone."""
    return {
        "village": case.village.name,
        "name": case.beneficiary.public_name_on(case.opened_on),
        "people": case.household.members.filter(valid_to__isnull=True).count(),
        "programme": case.programme,
        "cause": case.cause,
    }


@after("withdraw")
def nothing_is_left_reserved(this: Act) -> None:
    release_reservation(this)
