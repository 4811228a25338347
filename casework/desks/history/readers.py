"""Who looks back, and at what: access and fields are those of today's pages, whatever they were at the moment looked at."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import models
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from access.models import Appointment, OrgUnit, Staff
from access.roles import Ability
from access.scope import scope
from casework.bank_words import labelled
from casework.desks.admin.reach import units_in_reach
from casework.desks.audit import records
from casework.desks.audit.reasons import reason_words
from casework.desks.audit.words import FIELD_WORDS
from casework.desks.cases.story import FAMILY_SPEAKS
from casework.desks.funds.reach import funds_in_reach
from casework.models import Case, CaseDocument, CaseEvent, FollowUpVisit, PublicNotice
from casework.queries import visible_case, visible_household
from casework.visibility import NOTHING, Sight, sight
from families import catalogue
from families.models import BankAccount, Document, HouseholdMeans, Person, Survey
from families.survey_form import HEALTH, MEANS
from flows.programmes import PROGRAMMES
from funds.models import Allocation, Fund, Instalment, Payment, Recovery, Reservation, Transfer

# What whoever sees no family sees of a case: how it stands, and its money.
_WITHOUT_FAMILY = frozenset(
    model._meta.db_table
    for model in (Case, CaseEvent, CaseDocument, Document, PublicNotice, Payment, Reservation, Instalment, Recovery)
) | {Transfer._meta.db_table, Fund._meta.db_table, Allocation._meta.db_table, "casework_caseduty"}
_OF_FAMILY = frozenset({"cause", "purpose", "summary", "beneficiary", "survey", "lead", "words", "minutes", "recused"})
# Of no use to whoever is no auditor: fingerprints, keys, the machinery of search.
TECHNICAL = ("_key", "_index", "digest", "sha256", "uid", "search", "subject")
_TITLES_OF_PAPERS = dict(catalogue.DOCUMENTS)
ACCOUNT_KINDS = [("card", _l("银行卡、一卡通")), ("passbook", _l("存折"))]
# Codes whose titles are no choices of their column.
_TITLES = {
    "programme": {code: spec.title for code, spec in PROGRAMMES.items()},
    "cause": dict(catalogue.CAUSES),
    "purpose": dict(catalogue.CAUSES),
    "severity": {"hardship": _l("困难户"), "severe": _l("重困户")},
    "account_kind": dict(ACCOUNT_KINDS),
}
# Of one model alone: other tables have a kind of their own.
_KINDS = {BankAccount: dict(ACCOUNT_KINDS), CaseDocument: _TITLES_OF_PAPERS, Document: _TITLES_OF_PAPERS}


@dataclass(frozen=True)
class Reader:
    """One person before one record (`record`, the live one). `placed` is the case or family that it belongs to, if any."""

    user: Any
    record: Any
    placed: Any = None

    @cached_property
    def is_auditor(self) -> bool:
        reach = scope(self.user, Ability.AUDIT_READ)
        return reach.covers(self.placed) if self.placed is not None else bool(reach.units)

    @cached_property
    def sight(self) -> Sight:
        return sight(self.user, self.placed) if self.placed is not None else NOTHING

    def shows_table(self, table: str) -> bool:
        """Whether rows of this table (a live one's name) are shown at all."""
        if self.is_auditor or self.placed is None:
            return True
        if table == HouseholdMeans._meta.db_table and MEANS not in self.sight.secrecies:
            return False
        if table == FollowUpVisit._meta.db_table and not self.sight.needs:
            return False
        return self.sight.family or table in _WITHOUT_FAMILY

    def shows_paper(self, kind: str) -> bool:
        return self.placed is None or self.sight.shows_paper(kind)

    def shows_column(self, name: str) -> bool:
        if self.is_auditor:
            return True
        if name.endswith((*TECHNICAL, "sealed")) or name in ("id", "key"):
            return False
        return self.placed is None or self.sight.family or name not in _OF_FAMILY

    def said(self, column: models.Field, value: Any, names: "Names") -> str:
        """A value in words; what the reader sees on the family's own page without a reason is not held back here."""
        if column.name in records.WITH_REASON and value not in (None, "") and self._sees_at_once(column.name):
            return str(dict(column.flatchoices).get(value, value))
        titles = _KINDS.get(column.model.instance_type) if column.name == "kind" else _TITLES.get(column.name)
        if titles is not None and isinstance(value, str) and value in titles:
            return str(titles[value])
        if isinstance(value, dict) and column.model.instance_type is PublicNotice:
            return _published(value, whole=self.is_auditor or self.sight.family)
        return names.related(column, value) or records.said(column, value, names.staff)

    def why(self, stored: str) -> str:
        """Why a version was written; whoever sees no family reads the act alone, not what was said."""
        told = self.is_auditor or self.placed is None or self.sight.family
        return reason_words(stored if told else stored.partition(": ")[0])

    def words_of_act(self, event: CaseEvent) -> str:
        told = self.is_auditor or self.sight.family or event.action not in FAMILY_SPEAKS
        return event.reason if told else ""

    def _sees_at_once(self, name: str) -> bool:
        return self.sight.phone if name in ("phone", "contact") else HEALTH in self.sight.secrecies


def of_case(user: Any, pk: int) -> Reader:
    """Raises Http404 for what is out of reach, as for what is not there; so do the others."""
    case = visible_case(user, pk)
    return Reader(user, case, case)


def of_household(user: Any, pk: int) -> Reader:
    household = visible_household(user, pk)
    return Reader(user, household, household)


def of_fund(user: Any, pk: int) -> Reader:
    fund = funds_in_reach(user).select_related("unit").filter(pk=pk).first()
    if fund is None:
        raise Http404
    return Reader(user, fund)


def of_post(user: Any, pk: int) -> Reader:
    """For auditors and administrators of the place."""
    rows = Appointment.objects.select_related("staff", "unit")
    audited = records.within_reach(user, records.kinds()["appointment"]).values("pk")
    found = rows.filter(models.Q(pk__in=audited) | models.Q(unit__in=units_in_reach(user)), pk=pk).first()
    if found is None:
        raise Http404
    return Reader(user, found)


def of_record(user: Any, kind: str, pk: int) -> Reader:
    """Any other audited record, for auditors alone."""
    known = records.kinds().get(kind)
    live = records.within_reach(user, known).filter(pk=pk).first() if known else None
    if live is None:
        raise Http404
    return Reader(user, live, records.place_of(live))


# What a notice says of a family, in the order in which it is shown.
_PUBLISHED = {
    "name": _l("姓名"),
    "village": _l("村"),
    "people": _l("人口"),
    "cause": _l("原因"),
    "programme": _l("帮扶"),
}


def _published(facts: dict[str, Any], *, whole: bool) -> str:
    """What the board said, in words. Whoever sees no family (`whole` is false) reads neither its size nor its cause here."""
    facts = {key: value for key, value in facts.items() if whole or key not in ("cause", "people")}
    parts = [
        (label, _TITLES[key].get(facts[key], facts[key]) if key in _TITLES else facts[key])
        for key, label in _PUBLISHED.items()
        if key in facts
    ]
    known = _PUBLISHED.keys()
    return _("；").join(
        labelled(label, str(value)) for label, value in [*parts, *((k, v) for k, v in facts.items() if k not in known)]
    )


@dataclass(frozen=True)
class Names:
    """What the rows that some versions point to are called today: who acted, places, persons. Three queries at most."""

    staff: dict[int, str]
    units: dict[int, str]
    persons: dict[int, str]

    @classmethod
    def of(cls, *rows: Any) -> "Names":
        wanted: dict[type, set[int | None]] = {Staff: set(), OrgUnit: set(), Person: set()}
        for row in rows:
            wanted[Staff].add(getattr(row, "history_user_id", None))
            for column in row._meta.concrete_fields:
                if column.is_relation and column.related_model in wanted:
                    wanted[column.related_model].add(getattr(row, column.attname))
        return cls(
            *(
                dict(model.objects.filter(pk__in=ids - {None}).values_list("pk", "name")) if ids - {None} else {}
                for model, ids in wanted.items()
            )
        )

    def who(self, pk: int | None) -> str:
        return self.staff.get(pk, _("系统"))

    def related(self, column: models.Field, value: Any) -> str:
        """The name of what a column points to; "" where it has none here."""
        if not column.is_relation:
            return ""
        return {OrgUnit: self.units, Person: self.persons}.get(column.related_model, {}).get(value, "")


def facts_of(row: Any, reader: Reader, names: Names, only: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """[{label, value}] of one version for parts/_facts.html, without what is empty; `only` names the fields and their order."""
    columns = {column.name: column for column in row._meta.concrete_fields if column.name not in records.HISTORY}
    found = []
    for name in only or columns:
        column = columns[name]
        if name == "id" or not reader.shows_column(name):
            continue
        if name == "facts" and row.instance_type is Survey:
            continue  # answer by answer, on the page that compares surveys
        value = reader.said(column, getattr(row, column.attname), names)
        if value:
            found.append({"label": FIELD_WORDS.get(name, name), "value": value})
    return found


def people(ids: set[int]) -> dict[int, str]:
    return dict(Person.objects.filter(pk__in=ids).values_list("pk", "name"))


def account_words(account: BankAccount) -> str:
    return f"{account.bank} **** {account.number_last4}".strip()
