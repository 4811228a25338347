"""Nobody decides, pays or hands out for her own family: members of the household, those whom the register of recusals names
and those who declared one of its members as a close relative, as natural persons. One rule for cases, lists, cash, goods and
debts; PostgreSQL knows it as casework_close_households, and from the family's side as casework_close_persons.
"""

from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from access import reach
from access.scope import posts_of
from casework.errors import Recused
from casework.rosters.models import Roster, RosterLine


def persons_of(by: Any) -> list[str]:
    """The keys of whoever acts and of all for whom she may act."""
    return sorted({by.person_key} | {post.principal_person_key for post in posts_of(by) if post.principal_id})


@reach.beyond()
def is_close(household_id: int, persons: list[str]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s IN (SELECT casework_close_households(%s))", [household_id, persons])
        return cursor.fetchone()[0]


@reach.beyond()
def close_persons(household_id: int) -> set[str]:
    """The keys of everybody who may not act for this family."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM casework_close_persons(%s)", [household_id])
        return {row[0] for row in cursor.fetchall()}


@reach.beyond()
def own_families(household_ids: Iterable[int], persons: list[str]) -> set[int]:
    """Those of the families for which these persons may not act. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT f FROM casework_close_households(%s) f WHERE f = ANY (%s)", [persons, list(household_ids)]
        )
        return {row[0] for row in cursor.fetchall()}


@reach.beyond()
def refuse_own_family(household_id: int, by: Any) -> None:
    """Raises Recused where it is about her own family."""
    if is_close(household_id, persons_of(by)):
        raise Recused(_("你是这家的近亲属，按规定要回避，由别人办。"))


@reach.beyond()
def refuse_own_line(line: RosterLine, by: Any) -> None:
    """Raises Recused where the line is of her own family."""
    if is_close(line.household_id, persons_of(by)):
        raise Recused(_("第 %(n)d 行是你家的，按规定要回避，请由别人办。") % {"n": line.n})


@reach.beyond()
def refuse_own_list(roster: Roster, by: Any) -> None:
    """Raises Recused, naming the line, where somebody of her own family is on the list."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT casework_close_line(%s, %s)", [roster.pk, persons_of(by)])
        n = cursor.fetchone()[0]
    if n is not None:
        raise Recused(
            _(
                "第 %(n)d 行是你家的，按规定要回避，请由另一位同岗位的人办。"
                "没有别人的，由编制的人把这一行移出，单独编一份，请上一级指定的人办。"
            )
            % {"n": n}
        )


@reach.beyond()
def refuse_own_lines(subjects: Iterable[str], by: Any) -> None:
    """Raises Recused, naming the line, where one of these lines of lists (roster:3:7) is of her own family."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(split_part(s, ':', 3)::int) FROM unnest(%s::text[]) s WHERE split_part(s, ':', 3) <> ''"
            " AND casework_household_of(s) IN (SELECT casework_close_households(%s))",
            [list(subjects), persons_of(by)],
        )
        n = cursor.fetchone()[0]
    if n is not None:
        raise Recused(_("第 %(n)d 行是你家的，按规定要回避，银行的结果请由别人记。") % {"n": n})
