"""Putting a list together: made by rule or by household numbers, lines changed and taken out while it is a draft."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from access import reach
from access.scope import posts_of
from audit import clock
from audit.bulk import have_counted, write_history
from audit.context import acting
from casework import recusal
from casework.errors import BadCaseData, KeyReused, NotYourTurn, WrongState
from casework.rosters.models import Roster, RosterLine
from casework.rosters.planning import by_index
from flows.services import version_in_force
from funds.money import yuan

PREPARES, PROPOSES = "township_clerk", "village_clerk"
MANY = 1_000  # lines added at once that change what PostgreSQL should expect of the table


@dataclass(frozen=True)
class Plan:
    """What a list is to be. `unit` is a village, or the township for the whole of it."""

    kind: str
    title: str
    event: str
    year: int
    unit: Any
    channel: str
    amount_fen: int
    severe_fen: int
    cash_reason: str = ""
    provider: Any = None


@transaction.atomic
def create(plan: Plan, *, by: Any, key: str) -> Roster:
    """An empty draft under the rules in force today. `key` makes a retry harmless.

    Raises NotYourTurn, BadCaseData, KeyReused, flows.errors.BadVersion while the kind has no rules.
    """
    known = Roster.objects.filter(key=key).first()
    if known:
        if known.prepared_by_id != by.pk:
            raise KeyReused(_("这一页已经用过了，请重新打开再办。"))
        return known
    if not any(post.role == PREPARES and post.reaches(plan.unit) for post in posts_of(by)):
        raise NotYourTurn(_("名册由乡镇经办编制。"))
    roster = Roster(
        key=key,
        kind=plan.kind,
        version=version_in_force(plan.kind, clock.today()),
        title=plan.title.strip(),
        event=plan.event,
        year=plan.year,
        channel=plan.channel,
        # a reason typed before another way was chosen is nobody's any more
        cash_reason=plan.cash_reason.strip() or None if plan.channel == Roster.Channel.CASH else None,
        provider=plan.provider,
        amount_fen=plan.amount_fen,
        severe_fen=plan.severe_fen,
        made_on=clock.today(),
        prepared_by=by,
        preparer_person_key=by.person_key,
    )
    _refuse_what_the_kind_forbids(roster)
    roster.place_in(plan.unit)
    with acting(by, reason="create_roster"):
        roster.save()
    return roster


def _refuse_what_the_kind_forbids(roster: Roster) -> None:
    kind, rules = roster.spec, roster.rules
    if roster.event not in dict(kind.events):
        raise BadCaseData(_("「%(kind)s」没有这一项，请重新选。") % {"kind": kind.title})
    if max(roster.amount_fen, roster.severe_fen) > rules.cap_fen:
        raise BadCaseData(_("「%(kind)s」每人最多 %(cap)s 元。") % {"kind": kind.title, "cap": yuan(rules.cap_fen)})
    if roster.channel == Roster.Channel.CASH and not rules.allows_cash:
        raise BadCaseData(_("按现在的规则，「%(kind)s」不发现金。") % {"kind": kind.title})
    if roster.channel == Roster.Channel.CASH and not roster.cash_reason:
        raise BadCaseData(_("发现金是例外，请写明原因。"))
    if kind.pays_provider != (roster.channel == Roster.Channel.PROVIDER):
        raise BadCaseData(
            _("「%(kind)s」的钱付给办理单位。") % {"kind": kind.title}
            if kind.pays_provider
            else _("「%(kind)s」的钱付给本人，不付给单位。") % {"kind": kind.title}
        )
    if kind.pays_provider and (
        roster.provider is None or roster.provider.checked_on is None or roster.provider.ended_on
    ):
        raise BadCaseData(_("请选一个账户已经有人核对过的办理单位。"))


def locked_draft(roster_id: int, *, by: Any, village: Any = None) -> Roster:
    """The draft, for whoever may work on it: the township's clerk, and the village's for lines of her village.

    Raises NotYourTurn, WrongState.
    """
    roster = Roster.objects.select_for_update().get(pk=roster_id)
    posts = posts_of(by)
    mine = any(post.role == PREPARES and post.reaches(roster) for post in posts)
    proposes = village is not None and any(post.role == PROPOSES and post.unit_id == village.pk for post in posts)
    if not mine and not proposes:
        raise NotYourTurn(_("这份名册由乡镇经办编制；村级专干提本村的人。"))
    if not roster.is_draft:
        raise WrongState(_("名册已经%(state)s，不能再改。") % {"state": roster.get_state_display()})
    return roster


# The person who is paid: whoever holds the household's account, while she lives in it; else the head.
_CANDIDATES = """
WITH payee AS (
  SELECT h.id AS household_id, h.village_id, h.household_no, h.severity, a.id AS account_id,
         CASE WHEN m.id IS NOT NULL THEN a.holder_id ELSE h.head_id END AS person_id
  FROM families_household h
    LEFT JOIN families_bankaccount a ON a.household_id = h.id AND a.is_active
    LEFT JOIN families_householdmember m ON m.household_id = h.id AND m.person_id = a.holder_id AND m.valid_to IS NULL
      AND NOT EXISTS (SELECT 1 FROM families_person x WHERE x.id = m.person_id AND x.died_on IS NOT NULL)
  WHERE {which} AND h.id NOT IN (SELECT casework_close_households(%(persons)s))
    AND NOT EXISTS (SELECT 1 FROM casework_rosterline l WHERE l.household_id = h.id AND l.event_key = %(event_key)s AND l.state = 'on')),
candidate AS (
  SELECT *, row_number() OVER (PARTITION BY person_id ORDER BY household_no) AS nth,
         CASE severity WHEN 'severe' THEN %(severe_fen)s ELSE %(amount_fen)s END::bigint AS fen FROM payee
  WHERE NOT EXISTS (SELECT 1 FROM casework_rosterline l WHERE l.person_id = payee.person_id AND l.event_key = %(event_key)s AND l.state = 'on'))
"""
_BY_RULE = (
    "h.is_hardship AND (h.township_id = %(unit)s OR h.village_id = %(unit)s)"
    " AND (%(severity)s = '' OR h.severity = %(severity)s)"
)
_BY_NUMBER = "h.household_no = ANY (%(numbers)s) AND (h.township_id = %(unit)s OR h.village_id = %(unit)s)"
_INSERT = """
INSERT INTO casework_rosterline
  (roster_id, n, event_key, household_id, village_id, person_id, account_id, amount_fen, words, accepted_because, state, out_reason)
SELECT %(roster)s, %(last)s + row_number() OVER (ORDER BY household_no), %(event_key)s, household_id, village_id, person_id, account_id,
       fen, '', '', 'on', '' FROM candidate WHERE nth = 1 ORDER BY household_no
RETURNING id
"""


@dataclass(frozen=True)
class Preview:
    """Who would come onto a list by a rule, before anybody does."""

    count: int
    total_fen: int
    on_other_lists: int


@reach.beyond()
def preview(roster: Roster, *, by: Any, severity: str = "", unit: Any = None) -> Preview:
    """How many hardship households of the place `by` would add, and for how much; her own family is not among them."""
    values = _values(roster, unit, by, severity=severity)
    with by_index() as cursor:
        cursor.execute(
            _CANDIDATES.format(which=_BY_RULE)
            + "SELECT count(*), coalesce(sum(fen), 0)::bigint FROM candidate WHERE nth = 1",
            values,
        )
        count, total_fen = cursor.fetchone()
        cursor.execute(
            f"SELECT count(*) FROM families_household h WHERE {_BY_RULE} AND EXISTS (SELECT 1 FROM casework_rosterline l"
            " WHERE l.household_id = h.id AND l.event_key = %(event_key)s AND l.state = 'on')",
            values,
        )
        return Preview(count, total_fen, cursor.fetchone()[0])


@transaction.atomic
def fill_by_rule(roster_id: int, *, by: Any, severity: str = "", unit: Any = None) -> int:
    """Add the hardship households of the list's place (or of `unit` within it) that are on no list of the event yet.

    Nobody adds her own family: somebody else does.
    """
    roster = locked_draft(roster_id, by=by, village=unit)
    return _add(roster, _BY_RULE, _values(roster, unit, by, severity=severity), by)


@transaction.atomic
def fill_by_numbers(roster_id: int, numbers: Iterable[str], *, by: Any, unit: Any = None) -> tuple[int, list[str]]:
    """Add households by their numbers; returns how many, and one sentence for each that was not added."""
    roster = locked_draft(roster_id, by=by, village=unit)
    wanted = list(dict.fromkeys(number.strip() for number in numbers if number.strip()))
    values = _values(roster, unit, by, numbers=wanted)
    added = _add(roster, _BY_NUMBER, values, by)
    there = dict(
        RosterLine.objects.filter(roster=roster, state="on", household__household_no__in=wanted).values_list(
            "household__household_no", "roster_id"
        )
    )
    missing = [number for number in wanted if number not in there]
    return added, _why_not_added(roster, missing, values)


@reach.beyond()  # of her own family and of the place's own households alone
def _why_not_added(roster: Roster, numbers: list[str], values: dict[str, Any]) -> list[str]:
    """One sentence for each number; of a household elsewhere nothing is told but that it is not here."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT h.household_no, h.id IN (SELECT casework_close_households(%(persons)s)) FROM families_household h"
            f" WHERE {_BY_NUMBER}",
            values | {"numbers": numbers},
        )
        is_own = dict(cursor.fetchall())
    sentences = {
        True: _("%(number)s：这是你家，按规定要回避，请由别人加。"),
        False: _("%(number)s：这家已经有人在另一份同一事项的名册上。"),
        None: _("%(number)s：这个地方没有这一户，请核对户编号。"),
    }
    return [sentences[is_own.get(number)] % {"number": number} for number in numbers]


def _values(roster: Roster, unit: Any, by: Any, **more: Any) -> dict[str, Any]:
    return {
        "persons": recusal.persons_of(by),
        "roster": roster.pk,
        "unit": unit.pk if unit is not None else roster.village_id,
        "event_key": roster.event_key,
        "amount_fen": roster.amount_fen,
        "severe_fen": roster.severe_fen,
        **more,
    }


@reach.beyond()  # whether somebody is on another list of the event is asked of all places
def _add(roster: Roster, which: str, values: dict[str, Any], by: Any) -> int:
    last = roster.lines.aggregate(n=Max("n"))["n"] or 0
    with acting(by, reason="fill_roster"):
        try:
            with by_index() as cursor:
                cursor.execute(_CANDIDATES.format(which=which) + _INSERT, values | {"last": last})
                ids = [row[0] for row in cursor.fetchall()]
        except IntegrityError as error:  # somebody filled another list of the event meanwhile
            raise _on_another_list(error) from error
        write_history(RosterLine, ids, "+")
        if len(ids) > MANY:
            have_counted(RosterLine)
    return len(ids)


def _on_another_list(error: IntegrityError) -> Exception:
    if error.__cause__.diag.constraint_name == "one_list_a_person_and_event":
        return BadCaseData(_("有人刚上了另一份同一事项的名册，请再试一次。"))
    return error


@transaction.atomic
def change_line(line: RosterLine, *, amount_fen: int, words: str, accepted_because: str, by: Any) -> RosterLine:
    """Another amount, a remark, or why a finding does not stand against it.

    Raises BadCaseData over the cap, Recused for a line of her own family.
    """
    roster = locked_draft(line.roster_id, by=by, village=line.village)
    recusal.refuse_own_line(line, by)
    if not 0 < amount_fen <= roster.rules.cap_fen:
        raise BadCaseData(_("每人最多 %(cap)s 元，要大于 0。") % {"cap": yuan(roster.rules.cap_fen)})
    line = RosterLine.objects.select_for_update().get(pk=line.pk)
    if line.state != RosterLine.State.ON:
        raise WrongState(_("这一行已经移出。"))
    line.amount_fen, line.words, line.accepted_because = amount_fen, words.strip(), accepted_because.strip()
    with acting(by, reason="change_roster_line"):
        line.save()
    return line


@transaction.atomic
def take_out(line: RosterLine, *, reason: str, by: Any) -> RosterLine:
    """The line stays readable and counts no more; the person may come onto another list of the event.

    Raises BadCaseData without a reason, Recused for a line of her own family.
    """
    locked_draft(line.roster_id, by=by, village=line.village)
    recusal.refuse_own_line(line, by)
    line = RosterLine.objects.select_for_update().get(pk=line.pk)
    if not reason.strip():
        raise BadCaseData(_("请写明为什么移出。"))
    line.state, line.out_reason = RosterLine.State.OUT, reason.strip()
    with acting(by, reason="take_out_of_roster"):
        line.save()
    return line


@transaction.atomic
def look_up_accounts(roster_id: int, *, by: Any) -> int:
    """Take over the accounts that the households use now; returns how many lines changed."""
    roster = locked_draft(roster_id, by=by)
    with acting(by, reason="roster_accounts"), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE casework_rosterline l SET account_id = a.id FROM families_bankaccount a WHERE l.roster_id = %s"
            " AND l.state = 'on' AND a.household_id = l.household_id AND a.is_active AND l.account_id IS DISTINCT FROM a.id"
            " RETURNING l.id",
            [roster.pk],
        )
        ids = [row[0] for row in cursor.fetchall()]
        write_history(RosterLine, ids, "~")
    return len(ids)
