"""A township clerk's queue, 25 cases a page: what the desk reads for it against one hand-written statement, at two sizes.

Many synthetic townships of equal size, so that one township's share stays what it is in the field however many there are.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from guardian.shortcuts import get_objects_for_user

from access import reach
from access.models import OrgUnit, Staff
from access.scope import forget_posts
from benchmarks import act
from benchmarks.cloning import clone, element
from benchmarks.scratch import must_be_scratch
from benchmarks.timing import interleaved, result
from casework.database.logins import APPLICATION
from casework.desks.township import lists
from casework.desks.township.office import TOWNSHIP
from casework.desks.township.rows import Row, Rows
from casework.models import Case
from casework.queries import PAGE

CASES = 1_000_000
BASE = 10_000
SHARE = 2_000  # cases of one township, three in ten of them open, one in thirty waiting for the clerk
ROUNDS = 200
WARM_UP = 20
LOADED_AT_ONCE = 100_000


def measure(scale: int = CASES, *, base: int = BASE, rounds: int = ROUNDS) -> dict[str, Any]:
    """The page at `base` and at `scale` cases in one run; `flatness` is the time at `scale` over the time at `base`.

    The plain stack, a guardian grant for each case, is measured at `base` only.
    """
    must_be_scratch()
    base = min(base, scale)
    world = _World()
    world.grow_to(base)
    world.grant_every_case()
    small = world.measure(rounds, with_plain=True)
    world.grow_to(scale)
    large = world.measure(rounds) if scale > base else small
    return result(
        "queue",
        scale,
        large | {"plain": small["plain"]},
        queries=world.count_queries(),
        base=base,
        base_ours_ms=round(small["ours"].median, 3),
        base_floor_ms=round(small["floor"].median, 3),
        base_ratio_to_floor=round(small["ours"].median / small["floor"].median, 2),
        flatness=round(large["ours"].median / small["ours"].median, 2),
        flatness_of_floor=round(large["floor"].median / small["floor"].median, 2),
        plain_at=base,
        plain_ratio_to_floor=round(small["plain"].median / small["floor"].median, 1),
        desk_ms=round(large["desk"].median, 1),
        desk_flatness=round(large["desk"].median / small["desk"].median, 2),
    )


# The same rows by the township's column, the reasons that bar the clerk included; written down without this product.
_FLOOR = """
SELECT c.id, c.case_no, c.head_name, v.name, c.programme, c.state, c.tier, c.return_to, c.amount_fen, c.due_on,
       EXISTS (SELECT 1 FROM access_recusal r
               WHERE r.household_no = c.household_no AND r.person_key = %(person)s AND r.ended_on IS NULL)
       OR EXISTS (SELECT 1 FROM families_householdmember m JOIN families_person p ON p.id = m.person_id
                  WHERE m.household_id = c.household_id AND m.valid_to IS NULL AND p.person_key = %(person)s)
       OR EXISTS (SELECT 1 FROM casework_caseduty d
                  WHERE d.case_id = c.id AND d.person_key = %(person)s AND d.duty <> 'township_check')
FROM casework_case c JOIN access_orgunit v ON v.id = c.village_id
WHERE c.township_id = %(township)s AND c.turn_role = 'township_clerk' AND c.is_open ORDER BY c.due_on, c.id LIMIT 25
"""


class _World:
    """One case copied into as many townships as it takes."""

    def __init__(self) -> None:
        self.desk = act.prepare(1)
        self.clerk = self.desk.clerk
        self.source = Case.objects.get(pk=self.desk.cases[0])
        self.browser = Client()
        self.browser.force_login(self.clerk, settings.AUTHENTICATION_BACKENDS[1])
        _make_room()
        self.cases = 0

    # --- what is compared

    def measure(self, rounds: int, *, with_plain: bool = False) -> dict[str, Any]:
        with connection.cursor() as cursor:  # as a page, which row-level security holds
            cursor.execute("SELECT set_config('role', %s, false)", [APPLICATION])
        try:
            return self._measured(rounds, with_plain=with_plain)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("RESET ROLE")

    def _measured(self, rounds: int, *, with_plain: bool) -> dict[str, Any]:
        candidates: dict[str, Callable[[int], object]] = {
            "ours": lambda n: self.page(),
            "floor": lambda n: self.floor(),
            "desk": lambda n: self.whole_page(),
        }
        wanted = self.floor()
        if [_as_tuple(row) for row in self.page()] != wanted or not wanted:
            raise AssertionError("the desk and the floor show different cases")
        if with_plain:
            candidates["plain"] = lambda n: self.plain()
            if [case.pk for case in self.plain()] != [row[0] for row in wanted]:
                raise AssertionError("the plain stack shows different cases")
        return interleaved(candidates, rounds, warm_up=WARM_UP)

    def page(self) -> list[Row]:
        """As a request does it: the clerk's posts are not known yet, and PostgreSQL is told how far she reaches."""
        forget_posts(self.clerk)
        with reach.only(reach.of(self.clerk)):
            return list(Rows(self.clerk, TOWNSHIP, lists.Filters())[:PAGE])

    def floor(self) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(_FLOOR, {"township": self.desk.township_id, "person": self.clerk.person_key})
            return cursor.fetchall()

    def plain(self) -> list[Case]:
        """guardian's way: a grant on each case, and a join over all of hers."""
        mine = get_objects_for_user(self.clerk, "casework.view_case", Case, accept_global_perms=False)
        return list(mine.filter(turn_role="township_clerk", is_open=True).order_by("due_on", "id")[:PAGE])

    def whole_page(self) -> None:
        """The desk's page over HTTP, as HTML: session, counts, filters and template included."""
        with override_settings(ALLOWED_HOSTS=["testserver"], STORAGES=_STORAGES):
            answer = self.browser.get(TOWNSHIP.url("queue"))
        if answer.status_code != 200:
            raise AssertionError(f"the queue answered {answer.status_code}")

    def count_queries(self) -> int:
        with CaptureQueriesContext(connection) as captured:
            self.page()
        return len(captured)

    # --- what it is compared on

    def grow_to(self, cases: int) -> None:
        """Fill one township after the other, the clerk's first."""
        townships = -(-cases // SHARE)
        known = list(OrgUnit.objects.filter(code__startswith="B", level="township").values_list("pk", flat=True))
        fresh = townships - 1 - len(known)
        if fresh > 0:
            made = clone(OrgUnit, self.desk.township_id, fresh, code="'B' || c.id", township_id="c.id")
            clone(OrgUnit, self.source.village_id, fresh, code="'V' || c.id", township_id=element(made))
            known += made
        with connection.cursor() as cursor:
            while self.cases < cases:
                step = min(LOADED_AT_ONCE, cases - self.cases)
                cursor.execute(
                    _copy_cases(),
                    {"source": self.source.pk, "first": self.cases, "last": self.cases + step - 1,
                     "townships": [self.desk.township_id, *known], "share": SHARE},
                )  # fmt: skip
                cursor.execute(_COPY_DUTIES, {"first": self.cases, "last": self.cases + step - 1})
                self.cases += step
            for table in ("casework_case", "casework_caseduty", "access_orgunit"):
                cursor.execute(f"VACUUM ANALYZE {table}")

    def grant_every_case(self) -> None:
        """Two guardian grants for each case, as a plain stack would give them."""
        other = Staff.objects.exclude(pk=self.clerk.pk).order_by("pk").first()
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO guardian_userobjectpermission (object_pk, content_type_id, permission_id, user_id)"
                " SELECT c.id::text, p.content_type_id, p.id, u FROM casework_case c"
                " JOIN auth_permission p ON p.codename = 'view_case'"
                " CROSS JOIN LATERAL unnest(CASE WHEN c.township_id = %s THEN ARRAY[%s, %s] ELSE ARRAY[%s] END) u"
                " ON CONFLICT DO NOTHING",
                [self.desk.township_id, self.clerk.pk, other.pk, other.pk],
            )
            cursor.execute("VACUUM ANALYZE guardian_userobjectpermission")


_STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}


def _as_tuple(row: Row) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in Row.__dataclass_fields__)


def _make_room() -> None:
    """Copies of cases need neither history nor families of their own here: triggers off, foreign keys dropped."""
    with connection.cursor() as cursor:
        for table in ("casework_case", "casework_caseduty", "access_orgunit"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(
            "SELECT conrelid::regclass, conname FROM pg_constraint WHERE contype = 'f'"
            " AND conrelid IN ('casework_case'::regclass, 'casework_caseduty'::regclass)"
        )
        for table, name in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        cursor.execute("DELETE FROM casework_caseduty")


def _copy_cases() -> str:
    """SQL for cases number `first` to `last`: by their number, three in ten open and three in thirty of these the clerk's."""
    values = {field.column: f's."{field.column}"' for field in Case._meta.concrete_fields} | {
        "id": "1000000 + n",
        "case_no": "'Q' || n",
        "township_id": "(%(townships)s::bigint[])[1 + n / %(share)s]",
        "household_id": "1000000 + n",
        "household_no": "'Q' || lpad(n::text, 18, '0')",
        "beneficiary_id": "1000000 + n",
        "is_open": "n %% 10 < 3",
        "closed_on": "CASE WHEN n %% 10 < 3 THEN NULL ELSE s.opened_on END",
        "state": "CASE WHEN n %% 10 >= 3 THEN 'closed' WHEN n %% 100 < 3 THEN 'township_review' ELSE 'follow_up' END",
        "turn_role": "CASE WHEN n %% 10 >= 3 THEN '' WHEN n %% 100 < 3 THEN 'township_clerk' ELSE 'village_clerk' END",
        "due_on": "CASE WHEN n %% 10 < 3 THEN s.opened_on + (n * 7919 %% 90)::int END",
    }
    return (
        f"INSERT INTO casework_case ({', '.join(values)}) SELECT {', '.join(values.values())}"
        " FROM casework_case s, generate_series(%(first)s::bigint, %(last)s) n WHERE s.id = %(source)s"
    )


_COPY_DUTIES = """
INSERT INTO casework_caseduty (case_id, person_key, duty, staff_id, since)
SELECT c.id, md5(d || ':' || c.village_id), d, c.opened_by_id, c.opened_on
FROM casework_case c, unnest(ARRAY['prepare', 'village_opinion']) d
WHERE c.id BETWEEN 1000000 + %(first)s AND 1000000 + %(last)s AND c.is_open
"""
