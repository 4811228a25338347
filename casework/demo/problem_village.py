"""A village where everything went wrong that auditors look for (domain §8.4): eleven planted faults, and families helped
as they should be beside them. `manage.py demo --problem-village`; nothing of it belongs into a county's real database.

What the programme refuses to do is done here as a thief with the database's password would do it: the law is switched off
for one statement. History notices that, too.
"""

import datetime
from collections.abc import Iterator
from typing import Any

from django.core.files.base import ContentFile
from django.db import connection, transaction

from access.models import Appointment, OrgUnit, Staff
from access.vault import seal, unseal
from audit import clock
from audit.context import acting
from casework.demo.pictures import picture
from casework.demo.stage import Stage
from casework.demo.township import FIRST_DAY
from casework.models import Case, CaseDocument
from families import services as families
from families.models import Household, HouseholdMember, Lead, Person
from funds.models import Payment

# The rule that has to find it -> how often.
PLANTED = {
    "paid_before_notice": 1,
    "shared_account": 2,
    "dead_payee": 1,
    "undeclared_relative": 1,
    "photo_twice": 2,
    "just_under": 5,
    "returned_unresolved": 3,
    "overdue_makeup": 1,
    "lead_unanswered": 1,
    "review_missing": 1,
    "backdated_survey": 1,
}

CODE = "990101201215"  # 白鹇岭村
WORDS = "村东头老人家里断了柴火，想请村里来看看"  # of the call for help that nobody answered

JUST_UNDER_FEN = (299_900, 299_000, 298_500, 299_500, 297_000)  # beside a line of 3,000 yuan
NEEDED = 15  # families with an account and a number


def is_planted(village: OrgUnit) -> bool:
    return Lead.objects.filter(village=village, words=WORDS).exists()


def days_before(days: int) -> datetime.date:
    return FIRST_DAY - datetime.timedelta(days=days)


@transaction.atomic
def plant(village: OrgUnit) -> dict[str, int]:
    """Tell the village's story with its faults; returns {rule: how often it must be found}. Raises LookupError where too
    few families live."""
    homes = list(
        Household.objects.filter(
            village=village,
            is_hardship=True,
            head__person_key__isnull=False,
            accounts__is_active=True,
            cases__isnull=True,
        )
        .order_by("household_no")
        .distinct()[:NEEDED]
    )
    if len(homes) < NEEDED:
        raise LookupError(f"{village.name} has {len(homes)} families with account and number; {NEEDED} are needed")
    families_left, stage = iter(homes), Stage()
    _just_under(stage, families_left)
    _returned_and_left(stage, families_left)
    _paid_before_the_notice_ended(stage, next(families_left))
    _shared_account(stage, next(families_left), next(families_left))
    _paid_after_death(stage, next(families_left))
    _cousin_of_the_clerk(stage, next(families_left))
    _survey_and_photo(stage, next(families_left), homes[0])
    _papers_never_made_up(stage, next(families_left))
    _nobody_answered(village, homes[1])
    return PLANTED


def _paid(stage: Stage, household: Household, opened: datetime.date, amount_fen: int, *, visits: int = 3) -> Case:
    """A case that goes its proper way to the bank; whoever received is visited when a visit is due."""
    with clock.frozen_at(opened):
        case = stage.open(household, "disaster_relief", words="大雪压坏了房顶")
        stage.file(case, amount_fen=amount_fen, cause="disaster", needs="把房顶修好")
        stage.do(case, "submit")
        stage.village(case)
        ended = stage.end_notice(case)
    with clock.frozen_at(ended):
        stage.sign(case)
        stage.to_bank(case)
        stage.answer(case, Payment.objects.get(subject=case.subject))
    for _visit in range(visits):
        due = case.visits.filter(visited_on__isnull=True).order_by("due_on").first()
        if due is not None and due.due_on <= FIRST_DAY:
            with clock.frozen_at(due.due_on):
                stage.visit(case)
    return case


def _just_under(stage: Stage, homes: Iterator[Household]) -> None:
    for n, amount_fen in enumerate(JUST_UNDER_FEN):
        _paid(stage, next(homes), days_before(70 - n), amount_fen)


def _returned_and_left(stage: Stage, homes: Iterator[Household]) -> None:
    for n in range(3):
        with clock.frozen_at(days_before(64 - n)):
            case = stage.open(next(homes), "disaster_relief", words="羊圈塌了")
            stage.file(case, amount_fen=100_000 + n * 10_000, cause="disaster", needs="重搭羊圈")
            stage.do(case, "submit")
            stage.village(case)
            ended = stage.end_notice(case)
        with clock.frozen_at(ended):
            stage.sign(case)
            stage.answer(case, stage.to_bank(case), credited=False, reason="账号户名不符")


def _paid_before_the_notice_ended(stage: Stage, household: Household) -> None:
    """Somebody moved the notice afterwards, because nobody had hung it in time; and nobody went to look for months."""
    case = _paid(stage, household, days_before(85), 150_000, visits=0)
    paid_on = Payment.objects.get(subject=case.subject).sent_on
    _against_the_law(
        "casework_publicnotice",
        "UPDATE casework_publicnotice SET ends_on = %s, ended_on = %s WHERE case_id = %s",
        [paid_on + datetime.timedelta(days=2), paid_on + datetime.timedelta(days=3), case.pk],
    )


def _shared_account(stage: Stage, one: Household, other: Household) -> None:
    _paid(stage, one, days_before(60), 120_000)
    account = one.accounts.get(is_active=True)
    number = unseal(account.number_sealed, row=account.number_row)
    with clock.frozen_at(days_before(40)):
        clerk = Appointment.objects.get(role="village_clerk", unit=one.village_id, valid_to__isnull=True).staff
        families.record_account(other, other.head, number, kind=account.kind, bank=account.bank, by=clerk)


def _paid_after_death(stage: Stage, household: Household) -> None:
    """The death was written down long after it happened."""
    case = _paid(stage, household, days_before(58), 110_000)
    payee = case.payee_account.holder
    died_on = Payment.objects.get(subject=case.subject).sent_on - datetime.timedelta(days=12)
    with clock.frozen_at(days_before(5)):
        families.record_death(payee, died_on=died_on, known_by="paper", by=stage.somebody(case, "village_clerk"))


def _cousin_of_the_clerk(stage: Stage, household: Household) -> None:
    """As children both stood in their grandparents' booklet. No recusal was written down, and she surveyed."""
    clerk = Appointment.objects.get(role="village_clerk", unit=household.village_id, valid_to__isnull=True).staff
    her, grandparents = _as_a_villager(clerk), _old_home(household)
    with clock.frozen_at(days_before(90)), acting(clerk, reason="demo"):
        for person, until in ((her, 2009), (household.head, 2004)):
            HouseholdMember.objects.create(
                household=grandparents,
                person=person,
                relation="孙子女",
                valid_from=datetime.date(1999, 1, 1),
                valid_to=datetime.date(until, 9, 1),
            )
    _paid(stage, household, days_before(56), 130_000)


def _as_a_villager(staff: Staff) -> Person:
    """The clerk as the register knows her. The demo's staff have a made-up word in place of a number."""
    known = Person.objects.filter(person_key=staff.person_key).first()
    if known:
        return known
    person = Person(name=staff.name, sex="f", birth_date=datetime.date(1988, 5, 2), person_key=staff.person_key)
    person.id_number_sealed = seal(f"demo:{staff.username}", row=person.id_number_row)
    with acting(staff, reason="demo"):
        person.save()
    return person


def _old_home(household: Household) -> Household:
    """A family of the village that is not in need."""
    return Household.objects.filter(village=household.village_id, is_hardship=False).order_by("pk").first()


def _survey_and_photo(stage: Stage, household: Household, other: Household) -> None:
    """Nobody went: the survey bears a day of forty days ago, the photo of the roof is another family's."""
    clerk = Appointment.objects.get(role="village_clerk", unit=household.village_id, valid_to__isnull=True).staff
    cadre = Appointment.objects.get(role="resident_cadre", unit=household.village_id, valid_to__isnull=True).staff
    with clock.frozen_at(days_before(3)):
        families.record_survey(
            household,
            families.Findings(
                surveyed_on=days_before(43),
                facts={"household_size": 2, "causes": ["disaster"]},
                needs_words="房子要修",
                consent_given=True,
                consent_how="signature",
            ),
            by=clerk,
            second=cadre,
            change_reason="补录" if household.surveys.exists() else "",
        )
        same = picture("damage_photo", "the same roof twice")
        for home in (other, household):
            paper = families.add_document(
                home, ContentFile(same, name="roof.png"), kind="damage_photo", by=clerk, content_type="image/png"
            )
            case = home.cases.first()
            if case is not None:
                with transaction.atomic(), acting(clerk, reason="paper"):
                    CaseDocument.objects.create(case=case, document=paper, kind="damage_photo", added_on=clock.today())


def _papers_never_made_up(stage: Stage, household: Household) -> None:
    with clock.frozen_at(days_before(75)):
        case = stage.open(household, "disaster_relief", words="夜里屋顶塌了，没有地方住")
        data: dict[str, Any] = {"amount_fen": 80_000, "account_id": stage.account(case)}
        stage.papers(case, "emergency_release")
        stage.do(case, "emergency_release", reason="当天安置", data=data)
        stage.answer(case, stage.to_bank(case))


def _nobody_answered(village: OrgUnit, household: Household) -> None:
    clerk = Appointment.objects.get(role="village_clerk", unit=village, valid_to__isnull=True).staff
    with clock.frozen_at(days_before(33)), acting(clerk, reason="demo"):
        Lead.objects.create(
            household=None,
            village=village,
            source="villager",
            words=WORDS,
            reported_by=None,
            reported_on=clock.today(),
        )


def _against_the_law(table: str, statement: str, values: list[Any]) -> None:
    """One statement with the table's own triggers off; what keeps history stays on, and every law is on again after it."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal AND tgname NOT LIKE 'audit%%'",
            [table],
        )
        laws = [row[0] for row in cursor.fetchall()]
        for law in laws:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {law}")
        cursor.execute(statement, values)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        for law in laws:
            cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {law}")
