"""Running the rule pack over a unit, and what was found the last time.

run(unit, by=auditor)           -> RuleRun with its hits
latest(unit)                    -> RuleRun | None
standing(run)                   -> {rule code: Standing} how many hits, new, explained
"""

import datetime
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from access.models import OrgUnit
from access.roles import ROLES, Ability
from access.scope import posts_of
from audit import clock
from audit.context import acting
from casework.auditing.models import RuleHit, RuleParameter, RuleRun, RuleVerdict
from casework.auditing.rules import RULES, Rule
from casework.errors import BadCaseData, NotYourTurn

LEVELS = ("province", "prefecture", "county", "township", "village")
SECONDS_A_RULE = 600  # a rule that takes longer is stopped, and the run with it


def demand_auditor(by: Any, unit: OrgUnit) -> None:
    """Raises NotYourTurn for whoever does not audit there."""
    if not any(Ability.AUDIT_READ in ROLES[post.role].abilities and post.reaches(unit) for post in posts_of(by)):
        raise NotYourTurn(_("这一步由管这里的审计办。"))


def villages_of(unit: OrgUnit) -> list[int]:
    """The ids of the villages in a unit; a village is its own."""
    return list(OrgUnit.objects.filter(level="village", **{unit.level: unit}).values_list("pk", flat=True))


@transaction.atomic
def run(unit: OrgUnit, *, by: Any, progress: Callable[[int], None] = lambda done: None) -> RuleRun:
    """Look for everything that the pack knows of, today. `by` None: the nightly timer.

    `progress` is told how many rules are done. Raises NotYourTurn.
    """
    if by is not None:
        demand_auditor(by, unit)
    today, villages = clock.today(), villages_of(unit)
    lines = parameters(unit, today)
    found: dict[str, list[tuple[Any, ...]]] = {}
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL jit = off; SET LOCAL statement_timeout = %s", [SECONDS_A_RULE * 1000])
        for done, rule in enumerate(RULES.values(), start=1):
            found[rule.code] = look(rule, villages, today, lines.get(rule.code, {}))
            progress(done)
        cursor.execute("SET LOCAL statement_timeout TO DEFAULT")
    with acting(by, reason="run_rules"):
        made = RuleRun.objects.create(
            unit=unit,
            as_of=today,
            parameters=lines,
            counts={code: len(rows) for code, rows in found.items()},
            run_by=by,
        )
        RuleHit.objects.bulk_create(
            (
                RuleHit(run=made, rule=code, village_id=village_id, subject=subject, day=day, facts=facts)
                for code, rows in found.items()
                for village_id, subject, day, facts in rows
            ),
            batch_size=5_000,
        )
    return made


def look(rule: Rule, villages: list[int], today: datetime.date, lines: dict[str, int]) -> list[tuple[Any, ...]]:
    """What one rule finds: [(village id, subject, day, facts), …]. One query."""
    with connection.cursor() as cursor:
        cursor.execute(rule.sql, {"villages": villages, "today": today, **lines, **rule.more()})
        return [(*rest, json.loads(facts)) for *rest, facts in cursor.fetchall()]


def parameters(unit: OrgUnit, today: datetime.date) -> dict[str, dict[str, int]]:
    """{rule: {name: value}} as they hold in a unit on a day: the last that was set there or above, else the pack's own."""
    lines = {rule.code: {param.name: param.default for param in rule.params} for rule in RULES.values() if rule.params}
    depth = {getattr(unit, f"{level}_id"): n for n, level in enumerate(LEVELS)}
    rows = RuleParameter.objects.filter(unit__in=[pk for pk in depth if pk], valid_from__lte=today).order_by(
        "valid_from", "id"
    )
    for row in sorted(rows, key=lambda row: depth[row.unit_id]):
        if row.rule in lines and row.name in lines[row.rule]:
            lines[row.rule][row.name] = row.value
    return lines


@transaction.atomic
def set_parameter(unit: OrgUnit, rule: Rule, name: str, value: int, *, because: str, by: Any) -> RuleParameter:
    """From today on the line is drawn there. Raises NotYourTurn, BadCaseData."""
    demand_auditor(by, unit)
    if name not in {param.name for param in rule.params} or value < 0:
        raise BadCaseData(_("没有这个参数，或者数不对。"))
    if not because.strip():
        raise BadCaseData(_("请写明为什么改。"))
    with acting(by, reason="set_rule_parameter"):
        return RuleParameter.objects.create(
            unit=unit,
            rule=rule.code,
            name=name,
            value=value,
            valid_from=clock.today(),
            because=because.strip(),
            set_by=by,
        )


def latest(unit: OrgUnit) -> RuleRun | None:
    return RuleRun.objects.filter(unit=unit).order_by("-id").first()


@dataclass(frozen=True)
class Standing:
    """Of one rule in one run: hits that nobody has explained, those of them that the run before had not, and explained ones."""

    open: int
    new: int
    explained: int


_STANDING = """
SELECT h.rule, count(*) FILTER (WHERE v.id IS NULL), count(*) FILTER (WHERE v.id IS NULL AND o.id IS NULL), count(v.id)
FROM casework_rulehit h
  LEFT JOIN LATERAL (SELECT id FROM casework_ruleverdict v WHERE v.rule = h.rule AND v.subject = h.subject
                     AND v.facts - %(moving)s::text[] = h.facts - %(moving)s::text[] LIMIT 1) v ON true
  LEFT JOIN casework_rulehit o ON o.run_id = %(before)s AND o.rule = h.rule AND o.subject = h.subject
WHERE h.run_id = %(run)s GROUP BY 1
"""
MOVING = ("days",)  # what grows by itself with each day


def standing(made: RuleRun) -> dict[str, Standing]:
    before = RuleRun.objects.filter(unit=made.unit_id, pk__lt=made.pk).order_by("-id").first()
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, {"run": made.pk, "before": before.pk if before else None, "moving": list(MOVING)})
        counted = {rule: Standing(*numbers) for rule, *numbers in cursor.fetchall()}
    return {code: counted.get(code, Standing(0, 0, 0)) for code in RULES}


def explained(hits: list[RuleHit]) -> dict[int, RuleVerdict]:
    """{hit id: the verdict that explains it}. One query."""
    verdicts: dict[tuple[str, str], list[RuleVerdict]] = {}
    for one in RuleVerdict.objects.filter(subject__in={hit.subject for hit in hits}).select_related("judged_by"):
        verdicts.setdefault((one.rule, one.subject), []).append(one)
    return {
        hit.pk: one
        for hit in hits
        for one in verdicts.get((hit.rule, hit.subject), ())
        if _lasting(one.facts) == _lasting(hit.facts)
    }


def _lasting(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name not in MOVING}


@transaction.atomic
def explain(hit: RuleHit, *, because: str, by: Any) -> RuleVerdict:
    """It was looked into and is in order. Raises NotYourTurn, BadCaseData."""
    demand_auditor(by, hit.village)
    if not because.strip():
        raise BadCaseData(_("请写明核实的结果。"))
    with acting(by, reason="explain_hit"):
        return RuleVerdict.objects.create(
            rule=hit.rule,
            subject=hit.subject,
            facts=hit.facts,
            because=because.strip(),
            judged_by=by,
            judged_on=clock.today(),
        )
