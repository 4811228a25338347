"""A family as it was: its place and class, who belonged to it, its means, accounts, surveys and cases by then."""

from typing import Any

from django.utils.translation import gettext as _

from casework.days import full_day
from casework.desks.history import moments
from casework.desks.history.chained import Chained
from casework.desks.history.moments import Until
from casework.desks.history.pictures import Picture, Section, version_at
from casework.desks.history.readers import Names, Reader, account_words, facts_of, people
from casework.models import Case
from casework.queries import cases_in_reach
from families import catalogue
from families.models import BankAccount, HardshipCause, Household, HouseholdMeans, HouseholdMember, Person, Survey
from families.relation_words import relation_words
from families.survey_form import MEANS
from flows.programmes import PROGRAMMES
from flows.states import STATES
from funds.money import yuan

STANDING = (
    *("household_no", "head_name", "village", "group", "address", "is_hardship", "severity", "recognised_on"),
    *("remark", "shelf_no"),
)


def streams_of(household: Household) -> list[str]:
    """The family's own chain, those of its members, and those of the persons."""
    members = list(household.members.values_list("pk", "person_id"))
    return [
        f"household:{household.pk}",
        *(f"member:{pk}" for pk, _person in members),
        *sorted({f"person:{person}" for _pk, person in members}),
    ]


def picture(reader: Reader, until: Until | None) -> Picture:
    """The family by then. A number of queries that does not grow."""
    household: Household = reader.record
    version, unknown = version_at(Household, household.pk, until)
    found = Picture(unknown=unknown, version=version)
    if version is None:
        return found
    chained = Chained(streams_of(household), until)
    found.add(_("这一户"), facts_of(version, reader, Names.of(version), STANDING))
    found.sections.append(members_section(household.pk, until, reader))
    _add_causes(found, chained, until)
    if MEANS in reader.sight.secrecies:
        _add_means(found, chained)
    _add_accounts(found, chained)
    _add_surveys(found, chained)
    _add_cases(found, household, until, reader)
    chained.newest(Household)
    found.last = chained.last
    return found


def members_section(household_id: int, until: Until | None, reader: Reader) -> Section:
    """Who belonged to the family by then, with the number's end as it was written then; four queries."""
    memberships = list(HouseholdMember.objects.filter(household_id=household_id).values_list("pk", "person_id"))
    chained = Chained([], until)
    day = moments.local_day(until) if until is not None else None
    rows = [
        row
        for row in chained.subjects(HouseholdMember, [pk for pk, _person in memberships])
        if row.household_id == household_id
        and (row.valid_to is None or day is not None and row.valid_to > day)
        and (day is None or row.valid_from <= day)
    ]
    persons = {row.id: row for row in chained.subjects(Person, {row.person_id for row in rows})}
    facts = []
    for row in rows:
        person = persons.get(row.person_id)
        if person is None:
            facts.append({"label": relation_words(row.relation), "value": _("当时的样子没有留下")})
            continue
        number = f"{'*' * 14}{person.id_last4}" if person.id_last4 else ""
        died = _("%(day)s 去世") % {"day": full_day(person.died_on)} if person.died_on else ""
        facts.append(
            {
                "label": person.name,
                "value": relation_words(row.relation),
                "note": " ".join(filter(None, (number, died))),
            }
        )
    return Section(_("家里的人"), facts, _("当时没有登记家里人。"))


def _add_causes(found: Picture, chained: Chained, until: Until | None) -> None:
    day = moments.local_day(until) if until is not None else None
    facts = [
        {
            "label": catalogue.title(catalogue.CAUSES, row.cause),
            "value": full_day(row.valid_from),
            "note": _("主要原因") if row.is_main else "",
        }
        for row in chained.newest(HardshipCause)
        if row.valid_to is None or day is not None and row.valid_to > day
    ]
    found.add(_("困难原因"), facts)


def _add_means(found: Picture, chained: Chained) -> None:
    facts = [
        {
            "label": _("%(year)d 年，%(source)s")
            % {"year": row.year, "source": catalogue.title(catalogue.SOURCES, row.source)},
            "value": _("收入 %(income)s 元") % {"income": yuan(row.income_total_fen)},
            "note": _("医药支出 %(medical)s 元，欠债 %(debt)s 元")
            % {"medical": yuan(row.medical_fen), "debt": yuan(row.debt_fen)},
        }
        for row in chained.newest(HouseholdMeans)
    ]
    found.add(_("收支"), facts)


def _add_accounts(found: Picture, chained: Chained) -> None:
    rows = chained.newest(BankAccount)
    holders = people({row.holder_id for row in rows})
    facts = [
        {
            "label": holders.get(row.holder_id, "—"),
            "value": account_words(row),
            "note": _("在用") if row.is_active else _("停用"),
        }
        for row in rows
    ]
    found.add(_("收款账户"), facts)


def _add_surveys(found: Picture, chained: Chained) -> None:
    facts = [
        {
            "label": _("第 %(n)d 版") % {"n": row.version},
            "value": full_day(row.surveyed_on),
            "note": row.change_reason,
        }
        for row in chained.newest(Survey)
    ]
    found.add(_("调查表"), facts)


def _add_cases(found: Picture, household: Household, until: Until | None, reader: Reader) -> None:
    ids = list(cases_in_reach(reader.user).filter(household=household).values_list("pk", flat=True))
    facts: list[dict[str, Any]] = []
    for row in Chained([], until).subjects(Case, ids):
        state = STATES[row.state].title if row.state in STATES else row.state
        amount = _("%(amount)s 元") % {"amount": yuan(row.amount_fen)}
        facts.append({"label": f"{PROGRAMMES[row.programme].title} {row.case_no}", "value": state, "note": amount})
    found.add(_("办过的事"), facts)
