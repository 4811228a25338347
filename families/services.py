"""What happens to households: surveys, accounts, deaths, moves, documents. The only place that writes them, besides the importers."""

import datetime
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from django.core.files.base import File
from django.db import models, transaction
from django.utils.translation import gettext as _

from access import confirming, reach, vault
from audit import clock
from audit.context import acting
from audit.services import record_access
from families import survey_form
from families.errors import BadSurvey, PersonRefused, ReasonNeeded
from families.identifiers import read_account_number
from families.looks import look_of
from families.models import BankAccount, Document, Household, HouseholdMember, Person, Survey


@dataclass(frozen=True)
class Findings:
    """What two surveyors bring home. `facts` follows families.survey_form."""

    surveyed_on: datetime.date
    facts: dict[str, Any]
    needs_words: str
    consent_given: bool
    consent_how: str
    is_cadre_relative: bool = False
    cadre_relative_of: str = ""


def survey_digest(findings: Findings, persons: tuple[str, str]) -> str:
    """SHA-256 of the canonical findings and of who found them."""
    text = json.dumps(
        [
            findings.surveyed_on.isoformat(),
            findings.facts,
            findings.needs_words,
            findings.consent_how,
            findings.is_cadre_relative,
            findings.cadre_relative_of,
            list(persons),
        ],
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
    )
    return hashlib.sha256(text.encode()).hexdigest()


@transaction.atomic
def record_survey(household: Household, findings: Findings, *, by: Any, second: Any, change_reason: str = "") -> Survey:
    """Keep a new version of the household's survey; older versions stay as they are.

    Raises BadSurvey: one surveyor (in two accounts, too), no consent, no need in the family's words, a day in the future,
    a later version without saying why, an answer that the form does not allow.
    """
    survey_form.check(findings.facts)
    if by.person_key == second.person_key:
        raise BadSurvey(_("入户调查要两个人，不能是同一个人的两个账号。"))
    if not findings.consent_given:
        raise BadSurvey(_("这家没有同意，不能登记。请先说明用途，取得同意。"))
    if not findings.needs_words.strip():
        raise BadSurvey(_("请用这家自己的话写下他们需要什么。"))
    if findings.surveyed_on > clock.today():
        raise BadSurvey(_("调查日期不能晚于今天。"))
    Household.objects.select_for_update(no_key=True).get(pk=household.pk)
    version = (household.surveys.aggregate(n=models.Max("version"))["n"] or 0) + 1
    if version > 1 and not change_reason.strip():
        raise BadSurvey(_("这是第 %(n)d 版调查表，请写明为什么改。") % {"n": version})
    with acting(by, reason=change_reason or "survey"):
        return Survey.objects.create(
            household=household,
            version=version,
            surveyed_on=findings.surveyed_on,
            surveyor=by,
            second_surveyor=second,
            surveyor_person_key=by.person_key,
            second_person_key=second.person_key,
            facts=findings.facts,
            needs_words=findings.needs_words.strip(),
            change_reason=change_reason.strip(),
            consent_given=True,
            consent_how=findings.consent_how,
            is_cadre_relative=findings.is_cadre_relative,
            cadre_relative_of=findings.cadre_relative_of,
            digest=survey_digest(findings, (by.person_key, second.person_key)),
        )


@transaction.atomic
def record_account(
    household: Household, holder: Person, number: str, *, kind: str, bank: str, by: Any, shared_because: str = ""
) -> BankAccount:
    """Write down where the household's money goes; the account before it is retired, not erased.

    Raises AccountMalformed for a number that no bank could have.
    """
    number = read_account_number(number)
    Household.objects.select_for_update(no_key=True).get(
        pk=household.pk
    )  # of two who write at once, the later one stands
    with acting(by, reason="account"):
        for old in BankAccount.objects.filter(household=household, is_active=True):
            old.is_active = False
            old.save()
        account = BankAccount(
            household=household,
            holder=holder,
            kind=kind,
            bank=bank,
            number_index=vault.blind_index("account", number),
            number_last4=number[-4:],
            recorded_by=by,
            recorded_on=clock.today(),
            shared_because=shared_because,
        )
        account.number_sealed = vault.seal(number, row=account.number_row)
        account.save()
        return account


@transaction.atomic
def record_death(person: Person, *, died_on: datetime.date, known_by: str, by: Any) -> Person:
    """Write down that somebody died; `known_by` is of catalogue.DEATH_KNOWN_BY. The same again changes nothing.

    Raises PersonRefused: a day to come or before the birth, or another death that is written down already.
    """
    person = Person.objects.select_for_update().get(pk=person.pk)
    if (person.died_on, person.death_known_by) == (died_on, known_by):
        return person
    if person.died_on is not None:
        raise PersonRefused(
            _("%(name)s 已经登记为 %(day)s 去世。登记错了的，先由乡镇经办更正。")
            % {"name": person.name, "day": person.died_on.isoformat()}
        )
    if not person.birth_date <= died_on <= clock.today():
        raise PersonRefused(_("去世的日子要在出生以后，不能晚于今天。"))
    person.died_on, person.death_known_by = died_on, known_by
    with acting(by, reason="record_death"):
        person.save()
    return person


@transaction.atomic
def take_back_death(person: Person, *, reason: str, by: Any) -> Person:
    """The death was written down by mistake; what was written stays in the history. Raises PersonRefused, ReasonNeeded."""
    person = Person.objects.select_for_update().get(pk=person.pk)
    if person.died_on is None:
        raise PersonRefused(_("%(name)s 没有登记去世，不用更正。") % {"name": person.name})
    person.died_on = person.death_known_by = None
    with acting(by, reason=f"take_back_death: {_why(reason)}"):
        person.save()
    return person


@transaction.atomic
def record_departure(member: HouseholdMember, *, left_on: datetime.date, reason: str, by: Any) -> HouseholdMember:
    """Somebody has left the household for good; `left_on` is the last day. The same again changes nothing.

    Raises PersonRefused: a day to come or before the person joined, another last day, or a dead person. ReasonNeeded.
    """
    member = HouseholdMember.objects.select_for_update(of=("self",)).select_related("person").get(pk=member.pk)
    if member.valid_to == left_on:
        return member
    if member.valid_to is not None:
        raise PersonRefused(_("%(name)s 已经不在这一户。") % {"name": member.person.name})
    if member.person.died_on is not None:
        raise PersonRefused(_("%(name)s 登记为去世，不用登记迁走。") % {"name": member.person.name})
    if not member.valid_from <= left_on <= clock.today():
        raise PersonRefused(
            _("迁走的日子要在 %(day)s 进这一户以后，不能晚于今天。") % {"day": member.valid_from.isoformat()}
        )
    member.valid_to = left_on
    with acting(by, reason=f"record_departure: {_why(reason)}"):
        member.save()
    return member


@transaction.atomic
def take_back_departure(member: HouseholdMember, *, reason: str, by: Any) -> HouseholdMember:
    """The move was written down by mistake. Raises PersonRefused when the person lives in another household; ReasonNeeded."""
    member = HouseholdMember.objects.select_for_update(of=("self",)).select_related("person").get(pk=member.pk)
    if member.valid_to is None:
        raise PersonRefused(_("%(name)s 没有登记迁走，不用更正。") % {"name": member.person.name})
    if _lives_somewhere(member.person_id):
        raise PersonRefused(_("%(name)s 已经登记在别的户，不能改回来。") % {"name": member.person.name})
    member.valid_to = None
    with acting(by, reason=f"take_back_departure: {_why(reason)}"):
        member.save()
    return member


@reach.beyond()  # whichever family it is now, it is not told
def _lives_somewhere(person_id: int) -> bool:
    return HouseholdMember.objects.filter(person=person_id, valid_to__isnull=True).exists()


def _why(reason: str) -> str:
    if len(reason.strip()) < 4:
        raise ReasonNeeded(_("请写明原因，至少四个字。"))
    return reason.strip()


@transaction.atomic
def add_document(
    household: Household,
    file: File,
    *,
    kind: str,
    by: Any,
    title: str = "",
    subject: str = "",
    content_type: str = "application/octet-stream",
    taken_on: datetime.date | None = None,
    place: str = "",
) -> Document:
    """Keep a file under its fingerprint. The caller has checked and cleaned it (casework.uploads)."""
    content = file.read()
    file.seek(0)
    with acting(by, reason="document"):
        return Document.objects.create(
            household=household,
            subject=subject,
            kind=kind,
            title=title,
            file=file,
            content_type=content_type,
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            look=look_of(content) if content_type.startswith("image/") else None,
            taken_on=taken_on,
            place=place,
            added_by=by,
            added_on=clock.today(),
        )


@transaction.atomic
def reveal_id_number(person: Person, *, by: Any, reason: str) -> str:
    """The full ID number; who asked, and why, is in the access log first. Raises ReasonNeeded."""
    _write_down(f"person:{person.pk}", "id_number", by, reason)
    return vault.unseal(person.id_number_sealed, row=person.id_number_row)


@transaction.atomic
def reveal_account(account: BankAccount, *, by: Any, reason: str) -> str:
    """The full account number; who asked, and why, is in the access log first. Raises ReasonNeeded."""
    _write_down(f"household:{account.household_id}", "account", by, reason)
    return vault.unseal(account.number_sealed, row=account.number_row)


@transaction.atomic
def reveal_surveys(household: Household, *, by: Any, reason: str) -> list[Survey]:
    """Every version, newest first, for reading health and state of mind; who asked, and why, is in the access log first.

    Raises ReasonNeeded.
    """
    _write_down(f"household:{household.pk}", "health,mental", by, reason)
    return list(household.surveys.select_related("surveyor", "second_surveyor").order_by("-version"))


def _write_down(subject: str, fields: str, by: Any, reason: str) -> None:
    if len(reason.strip()) < 4:
        raise ReasonNeeded(_("请写明为什么要看，至少四个字。"))
    confirming.demand(confirming.Kind.UNMASK)
    with acting(by):
        record_access(kind="unmask", subject=subject, fields=fields, reason=reason)
