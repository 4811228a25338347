"""Finding whose close relatives a family's members are, and flagging its open cases.

That somebody is barred needs no flag: PostgreSQL asks the register itself, each time. The flag is what follows besides:
the case goes up, the county visits, it stands in a register of its own, and who acted before is looked at.

    raise_for_households([17, 18], by=clerk)    whoever is close to these families, now
    raise_for_number(key, by=clerk)             wherever this person lives
    raise_everywhere()                          after an import, and each hour
"""

from collections.abc import Collection
from typing import Any

from django.db import connection, transaction

from access import reach
from audit import clock
from audit.context import acting
from audit.history import write_history
from casework.models import Case, RelativeFlag
from casework.relatives.who import MUST_DECLARE

# The money is promised, paid, or being asked back: what approvals there were have been given.
DECIDED = (
    *("fund_reserved", "in_payment", "payment_returned", "between_payments", "suspended", "paid", "follow_up"),
    *("emergency_released", "makeup", "exit_review", "exit_notice", "recovery"),
)

# (household, person, name, relation, source, declaration, declared by herself) of whoever is close to these households; for
# each person what says most. Recusals count where somebody looks at one family, not when everything is searched.
_FOUND = """
WITH member AS (
  SELECT m.household_id, p.person_key FROM families_householdmember m JOIN families_person p ON p.id = m.person_id
  WHERE m.household_id = ANY (%(households)s) AND m.valid_to IS NULL AND p.person_key IS NOT NULL
), found AS (
  SELECT m.household_id, d.declarer_person_key AS person_key, d.declarer_name AS name, d.relation, 'declared' AS source,
         d.id AS declaration_id, true AS is_declared, 1 AS rank
  FROM member m JOIN families_conflictdeclaration d ON d.relative_key = m.person_key AND d.ended_on IS NULL
  UNION ALL
  SELECT h.id, r.person_key, coalesce((SELECT min(s.name) FROM access_staff s WHERE s.person_key = r.person_key), ''),
         r.relation, 'recusal', NULL, true, 2
  FROM access_recusal r JOIN families_household h ON h.household_no = r.household_no
  WHERE h.id = ANY (%(households)s) AND r.ended_on IS NULL AND %(with_recusals)s
  UNION ALL
  SELECT m.household_id, w.person_key, w.name, '', 'household', NULL,
         NOT EXISTS (SELECT FROM member o WHERE o.household_id = m.household_id AND o.person_key <> m.person_key), 3
  FROM member m JOIN (
    SELECT s.person_key, s.name FROM access_staff s WHERE s.is_active AND EXISTS (
      SELECT FROM access_appointment a WHERE a.staff_id = s.id AND a.role = ANY (%(roles)s) AND a.confirmed_on IS NOT NULL
        AND a.valid_from <= %(today)s AND (a.valid_to IS NULL OR a.valid_to >= %(today)s))
    UNION SELECT c.person_key, c.name FROM families_cadre c WHERE c.valid_to IS NULL) w ON w.person_key = m.person_key
)
SELECT DISTINCT ON (household_id, person_key) * FROM found ORDER BY household_id, person_key, rank, declaration_id
"""
_INSERT = f"""
INSERT INTO casework_relativeflag (case_id, person_key, person_name, relation, source, declaration_id, is_declared,
                                   acts_before, is_late, found_on, verdict, review_words, end_words)
SELECT c.id, f.person_key, f.name, f.relation, f.source, f.declaration_id, f.is_declared, done.n,
       done.n > 0 OR c.state = ANY (%(decided)s), %(today)s, '', '', ''
FROM ({_FOUND}) f JOIN casework_case c ON c.household_id = f.household_id AND c.is_open
  CROSS JOIN LATERAL (SELECT greatest(
    (SELECT count(*) FROM casework_caseevent e WHERE e.case_id = c.id AND e.person_key = f.person_key),
    (SELECT count(*) FROM casework_caseduty d WHERE d.case_id = c.id AND d.person_key = f.person_key)) AS n) done
WHERE NOT EXISTS (SELECT FROM casework_relativeflag x WHERE x.case_id = c.id AND x.person_key = f.person_key
                  AND (x.ended_on IS NULL OR x.source = f.source))
ON CONFLICT DO NOTHING RETURNING id
"""
_NEAR = """
SELECT m.household_id FROM families_conflictdeclaration d JOIN families_person p ON p.person_key = d.relative_key
  JOIN families_householdmember m ON m.person_id = p.id AND m.valid_to IS NULL WHERE d.ended_on IS NULL
UNION SELECT m.household_id FROM access_staff s JOIN families_person p ON p.person_key = s.person_key
  JOIN families_householdmember m ON m.person_id = p.id AND m.valid_to IS NULL WHERE s.is_active
UNION SELECT m.household_id FROM families_cadre c JOIN families_person p ON p.person_key = c.person_key
  JOIN families_householdmember m ON m.person_id = p.id AND m.valid_to IS NULL WHERE c.valid_to IS NULL
"""


@transaction.atomic
@reach.beyond()
def raise_for_households(households: Collection[int], *, by: Any, with_recusals: bool = True) -> int:
    """Flag the open cases of these families; what is flagged already, or was found to be wrong, is left. How many are new."""
    if not households:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, _asked(households, with_recusals=with_recusals) | {"decided": list(DECIDED)})
        ids = [row[0] for row in cursor.fetchall()]
    with acting(by, reason="flag_relatives"):
        write_history(RelativeFlag, ids, "+")
    return len(ids)


@reach.beyond()
def raise_for_number(person_key: str, *, by: Any) -> int:
    """Flag the open cases of the family in which this person lives today."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.household_id FROM families_householdmember m JOIN families_person p ON p.id = m.person_id"
            " WHERE p.person_key = %s AND m.valid_to IS NULL",
            [person_key],
        )
        return raise_for_households([row[0] for row in cursor.fetchall()], by=by, with_recusals=False)


def raise_everywhere() -> int:
    """After an import and each hour: families into which a relative came by another way. The search begins at the register,
    which is short, never at all families."""
    with connection.cursor() as cursor:
        cursor.execute(_NEAR)
        households = [row[0] for row in cursor.fetchall()]
    return raise_for_households(households, by=None, with_recusals=False)


@transaction.atomic
@reach.beyond()
def raise_for_applicant(case: Case, *, by: Any) -> None:
    """The family itself named a cadre as its relative. Where nobody of that name has said so, somebody has to find out."""
    if not case.survey.is_cadre_relative:
        return
    named = case.survey.cadre_relative_of.strip()
    for flag in case.relative_flags.all():  # ended ones too: what was looked into once is not asked again
        if flag.source == RelativeFlag.Source.APPLICANT or (flag.person_name and flag.person_name in named):
            return
    with acting(by, reason="flag_relatives"):
        RelativeFlag.objects.create(
            case=case,
            person_name=named[:60],
            source=RelativeFlag.Source.APPLICANT,
            is_declared=False,
            acts_before=0,
            is_late=False,
            found_on=clock.today(),
        )


_IS_NEW = f"""
SELECT EXISTS (SELECT FROM casework_relativeflag WHERE case_id = %(case)s AND ended_on IS NULL),
       EXISTS (SELECT FROM ({_FOUND}) f WHERE NOT EXISTS (
         SELECT FROM casework_relativeflag x WHERE x.case_id = %(case)s AND x.person_key = f.person_key
           AND (x.ended_on IS NULL OR x.source = f.source)))
"""


@reach.beyond()
def look_again(case: Case, *, by: Any) -> list[RelativeFlag]:
    """The flags of a case that is held locked, with whoever has come to be close to its family since; asked once an act.

    One query where there is nothing, as for almost every case.
    """
    if not hasattr(case, "_relative_flags"):
        with connection.cursor() as cursor:
            cursor.execute(_IS_NEW, _asked([case.household_id], with_recusals=False) | {"case": case.pk})
            is_flagged, is_new = cursor.fetchone()
        if is_new:
            raise_for_households([case.household_id], by=by, with_recusals=False)
        case._relative_flags = open_flags(case) if is_flagged or is_new else []
    return case._relative_flags


def _asked(households: Collection[int], *, with_recusals: bool) -> dict[str, Any]:
    return {
        "households": list(households),
        "with_recusals": with_recusals,
        "roles": list(MUST_DECLARE),
        "today": clock.today(),
    }


def open_flags(case: Case) -> list[RelativeFlag]:
    """What stands of a case, in the order in which it was found."""
    return list(case.relative_flags.filter(ended_on__isnull=True).select_related("reviewed_by").order_by("id"))
