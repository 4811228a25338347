"""One act: a township clerk checks a case, with history, chain, duty, event, task and promise."""

import datetime
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg2.extras
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from viewflow.workflow.models import Process, Task

from access.models import OrgUnit, Staff
from access.scope import forget_posts
from audit import bulk, clock
from audit.context import acting
from audit.history import HISTORY_COLUMNS
from benchmarks import plain, register_file
from benchmarks.cloning import clone, element, midway
from benchmarks.scratch import must_be_scratch
from benchmarks.timing import interleaved, result
from casework.acting import act
from casework.demo.stage import Stage
from casework.models import Case, CaseDuty, CaseEvent
from families.importing.register_import import import_register
from families.models import Household, HouseholdMember, Person
from flows import calendar, projection
from flows.models import CaseProcess

ROUNDS = 200
WARM_UP = 20
MOST_QUERIES = 12


def measure(scale: int = ROUNDS) -> dict[str, Any]:
    """`scale` rounds of each: ours, the floor in hand-written SQL, the plain stack."""
    must_be_scratch()
    rounds = scale + WARM_UP
    desk = prepare(rounds * 3 + 1)
    cases = {name: desk.cases[n * rounds : (n + 1) * rounds] for n, name in enumerate(("ours", "floor", "plain"))}
    with clock.frozen_at(desk.day):
        floor = Floor(desk)
        processes = plain.processes(rounds)
        readers = list(Staff.objects.filter(appointments__unit_id=desk.township_id).distinct()[:3])
        queries = count_queries(desk, desk.cases[-1])
        times = interleaved(
            {
                "ours": lambda n: ours(desk, cases["ours"][n]),
                "floor": lambda n: floor.check(cases["floor"][n]),
                "plain": lambda n: plain.step(cases["plain"][n], processes[n], desk.clerk, readers),
            },
            scale,
            warm_up=WARM_UP,
        )
        desk.must_be_alike(cases["ours"][-1], cases["floor"][-1])
    return result("act", scale, times, queries=queries)


def ours(desk: "Desk", case_id: int) -> None:
    """As a request does it: the clerk's posts are not known yet."""
    forget_posts(desk.clerk)
    act(case_id, "check", by=desk.clerk, key=f"bench:{case_id}")


def count_queries(desk: "Desk", case_id: int) -> int:
    """Statements sent to the server for one act, the reading of the clerk's posts included, BEGIN and COMMIT not."""
    with clock.frozen_at(desk.day), CaptureQueriesContext(connection) as captured:
        ours(desk, case_id)
    return sum(query["sql"] not in ("BEGIN", "COMMIT") for query in captured.captured_queries)


@dataclass(frozen=True)
class Desk:
    """Cases that wait for the township's check on `day`, and the clerk who may take it."""

    clerk: Staff
    cases: list[int]
    day: datetime.date
    township_id: int

    def must_be_alike(self, one: int, other: int) -> None:
        """Two ways of checking a case must leave the same rows, or the comparison is none."""
        for rows, hidden in (
            (Case.objects, {"id", "case_no", "household_id", "household_no", "beneficiary_id"}),
            (CaseEvent.objects, {"id", "case_id", "key", "recorded_at"}),
            (CaseDuty.objects, {"id", "case_id"}),
            (
                Task.objects,
                {"id", "process_id", "created", "assigned", "started", "finished", "external_task_id", "process_type"},
            ),
        ):
            found = [
                [
                    {name: value for name, value in row.items() if name not in hidden}
                    for row in rows.filter(**{_path(rows): case}).order_by("pk").values()
                ]
                for case in (one, other)
            ]
            if found[0] != found[1]:
                raise AssertionError(f"{rows.model.__name__} differs: {found[0]} and {found[1]}")


def _path(rows: Any) -> str:
    return {Case: "pk", Task: "process__caseprocess__case_id"}.get(rows.model, "case_id")


def prepare(count: int) -> Desk:
    """One case is taken to the township by the proper persons, and copied `count` times with its history."""
    stage = Stage()
    household = _household()
    case = stage.open(household, "disaster_relief", words="大风掀了屋顶，屋里漏雨")
    stage.file(case, amount_fen=200_000, cause="disaster", needs="把屋顶修好")
    stage.do(case, "submit")
    stage.village(case)
    day = stage.end_notice(case)
    with clock.frozen_at(day), transaction.atomic(), acting(reason="copied"), midway():
        cases = _copies(Case.objects.get(pk=case.pk), count)
    clerk = (
        Staff.objects.filter(appointments__role="township_clerk", appointments__unit_id=case.township_id)
        .order_by("pk")
        .first()
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return Desk(clerk, cases, day, case.township_id)


def _household() -> Household:
    group = OrgUnit.objects.filter(level="group", valid_to__isnull=True).order_by("code").first()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "register.csv"
        register_file.write(path, [group.code], 1, after=Household.objects.count())
        import_register(path, by=None)
    return Household.objects.select_related("head", "village").latest("pk")


def _copies(case: Case, count: int) -> list[int]:
    persons = clone(Person, case.beneficiary_id, count, uid="gen_random_uuid()", person_key="md5('bench' || c.id)")
    bulk.write_history(Person, persons, "+")
    households = clone(
        Household, case.household_id, count, household_no="'B' || lpad(c.id::text, 18, '0')", head_id=element(persons)
    )
    bulk.write_history(Household, households, "+")
    member = HouseholdMember.objects.filter(household_id=case.household_id).first()
    members = clone(HouseholdMember, member.pk, count, household_id=element(households), person_id=element(persons))
    bulk.write_history(HouseholdMember, members, "+")
    cases = clone(
        Case, case.pk, count, case_no="'B' || c.id", household_id=element(households),
        household_no="'B' || lpad(c.id::text, 18, '0')", beneficiary_id=element(persons),
    )  # fmt: skip
    bulk.write_history(Case, cases, "+")
    for duty in case.duties.all():
        clone(CaseDuty, duty.pk, count, case_id=element(cases))
    for event in case.events.all():
        clone(CaseEvent, event.pk, count, case_id=element(cases), key="'copy:' || c.id")
    _copy_process(case.pk, cases)
    return cases


def _copy_process(case_id: int, cases: list[int]) -> None:
    process = CaseProcess.objects.get(case_id=case_id)
    copies = clone(Process, process.pk, len(cases))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO flows_caseprocess (process_ptr_id, case_id) SELECT * FROM unnest(%s, %s)", [copies, cases]
        )
    for task in Task.objects.filter(process_id=process.pk).order_by("pk"):
        clone(Task, task.pk, len(cases), process_id=element(copies))


class Floor:
    """The same step in hand-written SQL on the same connection: what the tables and their triggers cost by themselves."""

    def __init__(self, desk: Desk) -> None:
        case = Case.objects.get(pk=desk.cases[0])
        edge = case.spec.edge(case.state, "check")
        self.desk = desk
        self.facts = {
            "user": desk.clerk.pk,
            "person": desk.clerk.person_key,
            "role": edge.roles[0],
            "duty": edge.duty,
            "from_state": case.state,
            "to_state": edge.target,
            "turn": case.spec.turn(edge.target),
            "due": calendar.add(desk.day, case.rules.deadline(edge.target)),
            "today": desk.day,
            "node": projection.node_reference(case.programme, edge.target),
        }
        past = Case.history.model._meta
        kept = ", ".join(field.column for field in past.concrete_fields if field.column not in HISTORY_COLUMNS)
        self.write_history = (
            f"INSERT INTO {past.db_table} ({kept}, history_date, history_type, history_change_reason, history_user_id,"
            f" history_business_date) SELECT {kept}, now(), '~', 'check', %(user)s, %(today)s"
            " FROM casework_case WHERE id = %(case)s"
        )

    def check(self, case_id: int) -> None:
        facts = self.facts | {"case": case_id, "key": f"bench:{case_id}"}
        with connection.connection as session, session.cursor() as cursor:
            cursor.execute(_LOCK, facts)
            facts["acts"], facts["amount"], unit, household_no, household = cursor.fetchone()
            cursor.execute(_AUTHORISE, facts | {"unit": unit, "household_no": household_no, "household": household})
            if cursor.fetchone() != (1, 0):
                raise AssertionError("the clerk may not check this case")
            for statement in (_UPDATE, self.write_history, _DUTY, _EVENT, _CLOSE_TASK, _OPEN_TASK):
                cursor.execute(statement, facts)
            cursor.execute(
                _PROMISE, facts | {"payload": psycopg2.extras.Json({"case": case_id, "n": facts["acts"] + 1})}
            )


_LOCK = """
SELECT acts, amount_fen, township_id, household_no, household_id FROM casework_case
WHERE id = %(case)s AND state = %(from_state)s FOR UPDATE
"""
_AUTHORISE = """
SELECT (SELECT count(*) FROM access_appointment a
        JOIN access_unitpermission g ON g.user_id = a.staff_id AND g.content_object_id = a.unit_id
        JOIN auth_permission p ON p.id = g.permission_id AND p.codename = 'hold_' || a.role
        WHERE a.staff_id = %(user)s AND a.role = %(role)s AND a.unit_id = %(unit)s AND a.valid_from <= %(today)s
          AND (a.valid_to IS NULL OR a.valid_to >= %(today)s)),
       (SELECT count(*) FROM casework_caseevent WHERE key = %(key)s)
       + (SELECT count(*) FROM access_recusal
          WHERE household_no = %(household_no)s AND person_key = %(person)s AND ended_on IS NULL)
       + (SELECT count(*) FROM families_householdmember m JOIN families_person p ON p.id = m.person_id
          WHERE m.household_id = %(household)s AND m.valid_to IS NULL AND p.person_key = %(person)s)
       + (SELECT count(*) FROM casework_caseduty
          WHERE case_id = %(case)s AND person_key = %(person)s AND duty <> %(duty)s)
"""
_UPDATE = """
UPDATE casework_case SET state = %(to_state)s, turn_role = %(turn)s, due_on = %(due)s, acts = acts + 1
WHERE id = %(case)s
"""
_DUTY = """
INSERT INTO casework_caseduty (case_id, person_key, duty, staff_id, since)
VALUES (%(case)s, %(person)s, %(duty)s, %(user)s, %(today)s)
"""
_EVENT = """
INSERT INTO casework_caseevent (case_id, n, action, from_state, to_state, by_id, by_role, person_key, reason, reason_code,
                                amount_fen, digest, data, key, business_date, recorded_at)
VALUES (%(case)s, %(acts)s + 1, 'check', %(from_state)s, %(to_state)s, %(user)s, %(role)s, %(person)s, '', '',
        %(amount)s, '', '{}', %(key)s, %(today)s, now())
"""
_CLOSE_TASK = """
UPDATE viewflow_task SET status = 'DONE', owner_id = %(user)s, started = now(), finished = now()
WHERE process_id = (SELECT process_ptr_id FROM flows_caseprocess WHERE case_id = %(case)s) AND finished IS NULL
"""
_OPEN_TASK = """
WITH opened AS (
  INSERT INTO viewflow_task (flow_task, flow_task_type, status, created, token, data, process_id)
  SELECT %(node)s, 'HUMAN', 'NEW', now(), 'start', '{}', process_ptr_id FROM flows_caseprocess WHERE case_id = %(case)s
  RETURNING id, process_id)
INSERT INTO viewflow_task_previous (from_task_id, to_task_id)
SELECT opened.id, max(t.id) FROM opened JOIN viewflow_task t ON t.process_id = opened.process_id AND t.id < opened.id
GROUP BY opened.id
"""
_PROMISE = """
INSERT INTO jobs_outbox (topic, key, payload, created_at, attempts, error)
VALUES ('case.acted', 'act:' || %(case)s || ':' || %(acts)s + 1, %(payload)s, now(), 0, '')
"""
