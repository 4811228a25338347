"""What stands against the lines of a list, found for all of them in one query.

Some findings forbid the approval; others want a reason on the line, which is signed with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from access import reach
from audit import clock
from casework.limits import HELPED_FEN
from casework.rosters.models import Roster
from casework.rosters.planning import by_index


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, and what to do about it."""

    code: str
    title: Any
    what_to_do: Any
    is_blocking: bool = False


FINDINGS: dict[str, Finding] = {
    finding.code: finding
    for finding in (
        Finding("dead", _("收款人已去世"), _("移出这一行，再按户编号把这家加回来，改由家里别人领。"), True),
        Finding("not_member", _("收款人不在这一户"), _("移出这一行；人搬走的，由搬去的地方列入。"), True),
        Finding("no_account", _("没有收款账户"), _("请村里登记账户，再按「更新账户」。"), True),
        Finding("over_cap", _("超过这类名册的上限"), _("把金额改到上限以内。"), True),
        Finding("over_year_cap", _("加上今年已经批的，超过每人每年的上限"), _("把金额改少，或移出这一行。"), True),
        Finding("elsewhere", _("不属于这个地方"), _("移出这一行，由所在的乡镇列入。"), True),
        Finding("other_holder", _("账户不是收款人本人的"), _("写明由谁代领、什么关系，或请村里登记本人账户。")),
        Finding("shared", _("同一个账户有几家在用"), _("核对账号；确是代领的，写明原因。")),
        Finding("staff", _("收款人、账户持有人或家里人是工作人员"), _("核对身份；确属困难户的，写明原因。")),
        Finding(
            "relative", _("工作人员的近亲属，或登记了回避的家庭"), _("核对关系；确属困难户的，写明原因，由无关的人办。")
        ),
        Finding("household_twice", _("同一户有两人在同一事项的名册上"), _("只留一人，或写明为什么两人都要。")),
        Finding("not_hardship", _("不是登记的困难户"), _("移出，或写明为什么列入。")),
        Finding("no_id", _("没有身份证号"), _("请村里补登身份证号，或写明怎样核对本人。")),
    )
}
BLOCKING = [code for code, finding in FINDINGS.items() if finding.is_blocking]

# Who is a relative is asked as the bars ask it (casework_close_households): what was declared, by its fingerprint, and recusals
# by the family's number. Both registers are short beside a list, so they are read once.
# By the household and not by the event, whose lines are as many as the list has: nothing has counted them yet.
_CODES = f"""
WITH staff AS MATERIALIZED (SELECT person_key FROM access_staff),
homes AS MATERIALIZED (
  SELECT m.household_id FROM access_staff s JOIN families_person o ON o.person_key = s.person_key
    JOIN families_householdmember m ON m.person_id = o.id AND m.valid_to IS NULL WHERE s.is_active),
declared AS MATERIALIZED (SELECT DISTINCT relative_key FROM families_conflictdeclaration WHERE ended_on IS NULL),
kin AS MATERIALIZED (
  SELECT m.household_id FROM declared d JOIN families_person o ON o.person_key = d.relative_key
    JOIN families_householdmember m ON m.person_id = o.id AND m.valid_to IS NULL
  UNION SELECT h.id FROM access_recusal x JOIN families_household h ON h.household_no = x.household_no WHERE x.ended_on IS NULL)
SELECT l.id, l.accepted_because <> '' AS accepted, array_remove(ARRAY[
  CASE WHEN p.died_on IS NOT NULL THEN 'dead' END,
  CASE WHEN NOT EXISTS (SELECT 1 FROM families_householdmember m WHERE m.person_id = l.person_id AND m.household_id = l.household_id
                        AND m.valid_to IS NULL) THEN 'not_member' END,
  CASE WHEN r.channel = 'bank' AND NOT coalesce(a.is_active, false) THEN 'no_account' END,
  CASE WHEN l.amount_fen > %(cap)s THEN 'over_cap' END,
  CASE WHEN %(year_cap)s > 0 AND l.amount_fen + {HELPED_FEN} > %(year_cap)s THEN 'over_year_cap' END,
  CASE WHEN r.village_id NOT IN (h.village_id, h.township_id) THEN 'elsewhere' END,
  CASE WHEN r.channel = 'bank' AND a.holder_id <> l.person_id THEN 'other_holder' END,
  CASE WHEN r.channel = 'bank' AND EXISTS (SELECT 1 FROM families_bankaccount b WHERE b.number_index = a.number_index AND b.is_active
                        AND b.household_id <> l.household_id) THEN 'shared' END,
  CASE WHEN p.person_key IN (SELECT person_key FROM staff) OR held.person_key IN (SELECT person_key FROM staff)
         OR l.household_id IN (SELECT household_id FROM homes) THEN 'staff' END,
  CASE WHEN p.person_key IN (SELECT relative_key FROM declared) OR held.person_key IN (SELECT relative_key FROM declared)
         OR l.household_id IN (SELECT household_id FROM kin) THEN 'relative' END,
  CASE WHEN EXISTS (SELECT 1 FROM casework_rosterline o WHERE o.household_id = l.household_id AND o.event_key || '' = l.event_key
                    AND o.state = 'on' AND o.id <> l.id) THEN 'household_twice' END,
  CASE WHEN NOT h.is_hardship THEN 'not_hardship' END,
  CASE WHEN p.person_key IS NULL THEN 'no_id' END], NULL) AS codes
FROM casework_rosterline l JOIN casework_roster r ON r.id = l.roster_id JOIN families_person p ON p.id = l.person_id
  JOIN families_household h ON h.id = l.household_id LEFT JOIN families_bankaccount a ON a.id = l.account_id
  LEFT JOIN families_person held ON held.id = a.holder_id
WHERE l.roster_id = %(roster)s AND l.state = 'on'
"""


@reach.beyond()
def counts(roster: Roster) -> dict[str, int]:
    """{code: lines it stands against and that do not say why it may}, the blocking ones first."""
    with by_index() as cursor:
        cursor.execute(
            f"SELECT code, count(*) FROM ({_CODES}) x, unnest(x.codes) code"
            " WHERE NOT x.accepted OR code = ANY (%(blocking)s) GROUP BY code",
            _values(roster),
        )
        found = dict(cursor.fetchall())
    return {code: found[code] for code in FINDINGS if code in found}


@reach.beyond()
def of_lines(roster: Roster, line_ids: Iterable[int]) -> dict[int, list[Finding]]:
    """{line id: what stands against it, a reason given or not} for the lines of one page."""
    with by_index() as cursor:
        cursor.execute(f"{_CODES} AND l.id = ANY (%(ids)s)", _values(roster) | {"ids": list(line_ids)})
        return {pk: [FINDINGS[code] for code in codes] for pk, _accepted, codes in cursor.fetchall()}


@reach.beyond()
def lines_with(roster: Roster, code: str) -> list[int]:
    """The ids of the lines that one finding stands against."""
    with by_index() as cursor:
        cursor.execute(f"SELECT id FROM ({_CODES}) x WHERE %(code)s = ANY (codes)", _values(roster) | {"code": code})
        return [row[0] for row in cursor.fetchall()]


def _values(roster: Roster) -> dict[str, Any]:
    return {
        "roster": roster.pk,
        "cap": roster.rules.cap_fen,
        "year_cap": roster.rules.person_year_cap_fen,
        "year": clock.today().year,
        "blocking": BLOCKING,
    }
