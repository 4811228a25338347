"""The lines of a list before they are paid, as casework.guards looks at them: of a long list only those of which the
guards could have something to say.

Each question of the guards is asked of the database generously and by index, a set of payments at a time, because nothing
has counted the rows of a batch that was built a moment ago; what it names is then looked at line by line.
"""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from audit import clock
from casework import guards
from casework.rosters.models import Roster, RosterBatch, RosterLine, RosterSignature
from casework.rosters.planning import by_index
from casework.rosters.signing import unsigned
from funds import bulk
from funds.models import LIVING, Payment, PaymentBatch

# Of the payments {ids} those that the guards have to see: of what is shared, all who share it.
_TO_LOOK_AT = """
WITH here AS MATERIALIZED (
  SELECT p.id, p.subject, p.account_index, p.payee_person_key, p.payee_name, l.id AS line_id, l.household_id, l.person_id
  FROM funds_payment p JOIN casework_rosterline l ON l.roster_id = %(roster)s AND l.n = split_part(p.subject, ':', 3)::int
  WHERE p.id = ANY (%(ids)s)),
working AS MATERIALIZED (SELECT person_key FROM access_staff WHERE is_active),
theirs AS MATERIALIZED (
  SELECT a.number_index
  FROM working w JOIN families_person p ON p.person_key = w.person_key
    JOIN families_householdmember m ON m.person_id = p.id AND m.valid_to IS NULL
    JOIN families_bankaccount a ON a.household_id = m.household_id)
SELECT h.id FROM here h
WHERE h.line_id = ANY (%(changed)s)
  OR h.payee_person_key IN (SELECT person_key FROM working)
  OR h.account_index <> '' AND h.account_index IN (SELECT number_index FROM theirs)
  OR EXISTS (SELECT FROM families_person p WHERE p.id = h.person_id AND p.died_on IS NOT NULL)
  OR h.household_id = ANY (%(repeated)s)
  OR EXISTS (SELECT FROM funds_payment o WHERE o.subject = h.subject AND o.id <> h.id AND o.state = ANY (%(living)s))
  OR h.account_index <> '' AND (
    EXISTS (SELECT FROM families_bankaccount a WHERE a.number_index = h.account_index
            AND (SELECT p.died_on FROM families_person p WHERE p.id = a.holder_id) IS NOT NULL)
    OR EXISTS (SELECT FROM funds_payment o
               WHERE o.account_index = h.account_index AND o.id <> h.id AND o.state = ANY (%(living)s)
                 AND (o.listed_on = %(today)s
                      OR (o.payee_person_key, o.payee_name) IS DISTINCT FROM (h.payee_person_key, h.payee_name))))
"""

_REPEATED = (
    "SELECT household_id FROM casework_rosterline WHERE roster_id = %s GROUP BY household_id HAVING count(*) > 1"
)


def roster_of(batch: PaymentBatch) -> Roster | None:
    """The list that a batch pays; None for a batch of cases."""
    found = RosterBatch.objects.filter(batch=batch).select_related("roster").first()
    return found.roster if found else None


def guarded(batch: PaymentBatch) -> Iterator[list[guards.Line]]:
    """The living lines of a batch that pays a list, of which casework.guards could say something, set by set.

    All lines of one account stand in one set, so that whoever shares it is seen.
    """
    roster = roster_of(batch)
    living = batch.payments.exclude(state=Payment.State.CANCELLED).select_related("provider")
    if roster is None or roster.channel == Roster.Channel.PROVIDER:
        yield [guards.line_of_provider(payment) for payment in living]
        return
    changed, part = unsigned(roster), list[Payment]()
    named = living.filter(pk__in=_to_look_at(roster, batch, changed))
    for payment in named.order_by("account_index", "id").iterator(chunk_size=bulk.SET):
        if len(part) >= bulk.SET and payment.account_index != part[-1].account_index:
            yield _guarded_lines(roster, part, changed)
            part = []
        part.append(payment)
    yield _guarded_lines(roster, part, changed)


def _to_look_at(roster: Roster, batch: PaymentBatch, changed: set[int]) -> list[int]:
    """The ids of the payments that have to be looked at one by one."""
    found = list[int]()
    about = {"roster": roster.pk, "changed": list(changed), "living": list(LIVING), "today": clock.today()}
    living = batch.payments.exclude(state=Payment.State.CANCELLED).order_by("id").values_list("id", flat=True)
    with by_index(one_by_one=True) as cursor:
        cursor.execute(_REPEATED, [roster.pk])
        about["repeated"] = [row[0] for row in cursor.fetchall()]
        for ids in bulk.in_sets(living.iterator(chunk_size=bulk.SET)):
            cursor.execute(_TO_LOOK_AT, about | {"ids": list(ids)})
            found += [row[0] for row in cursor.fetchall()]
    return found


def _guarded_lines(roster: Roster, payments: list[Payment], changed: set[int]) -> list[guards.Line]:
    numbers = [payment.subject.rpartition(":")[2] for payment in payments]
    rows = RosterLine.objects.filter(roster=roster, n__in=numbers).select_related("person")
    lines = {line.key: line for line in rows}
    signatures = RosterSignature.objects.filter(line__in=[line.pk for line in lines.values()])
    signed = {one.line_id: one for one in signatures.select_related("account__holder").order_by("id")}
    return [
        guards.line_of_list(
            payment,
            label=_("第 %(n)s 行 %(name)s") % {"n": line.n, "name": line.person.name},
            household_id=line.household_id,
            persons=_persons(line, signature),
            signed_because=signature.because if signature else "",
            is_signed=line.pk not in changed,
        )
        for payment in payments
        for line in [lines[payment.subject]]
        for signature in [signed.get(line.pk)]
    ]


def _persons(line: RosterLine, signature: RosterSignature | None) -> tuple[Any, ...]:
    """For whom the line is, and who holds the account that was signed."""
    holder = signature.account.holder if signature and signature.account else line.person
    return (line.person,) if holder.pk == line.person_id else (line.person, holder)
