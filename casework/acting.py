"""The one write path of a case.

    act(case_id, "approve", by=staff, reason="", data={...}, key="...")

In one transaction: lock the case row, check the key, authorise (post, recusal, one duty a person), prepare what the action
needs, take the FSM edge, save with history, do what follows from it, write the event, move Viewflow's task, promise the
rest through the outbox. Pages, commands, timers and later the API and offline sync all come through here.
"""

import contextlib
import datetime
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from access import confirming
from access.roles import title_of
from access.scope import Post, posts_of
from audit import clock
from audit.context import acting
from casework import one_open_case
from casework.errors import KeyReused, NoSuchCase, NotYourTurn, ReasonNeeded, Recused, SecondDuty, WrongState
from casework.models import Case, CaseEvent
from casework.recusal import persons_of
from flows import calendar, projection
from flows.errors import NoSuchEdge
from flows.spec import Edge
from flows.states import ACTIONS, DUTIES, ROLE_ANYONE, ROLE_SYSTEM, STATES
from funds import ledger
from jobs import outbox


@dataclass
class Act:
    """One act in progress, handed to the steps of its action (casework/steps/)."""

    case: Case
    edge: Edge
    by: Any  # Staff, or None for the worker and the public
    post: Post | None
    reason: str
    reason_code: str
    data: dict[str, Any]
    key: str
    today: datetime.date
    digest: str = ""
    moves_money: bool = False
    due_on: datetime.date | None = None  # set by a step that knows better than the state's deadline
    turn_role: str = ""  # set by a step that passes the turn on within a state
    also_duty_of: list[Any] = field(default_factory=list)  # a second surveyor, say
    note: dict[str, Any] = field(default_factory=dict)  # what the timeline keeps; never personal data

    @property
    def action(self) -> str:
        return self.edge.action


# Acts that say yes to help, or let its money go: they ask who is acting once more.
APPROVALS = frozenset({"approve", "approve_plan", "confirm", "countersign", "emergency_release", "overturn_refusal"})

# Keys that can be foretold: only the worker's own acts may carry one, so that nobody takes it first.
TIMER_KEY = "timer:"

Step = Callable[[Act], None]
_before: dict[str, list[Step]] = {}
_after: dict[str, list[Step]] = {}


def before(*actions: str) -> Callable[[Step], Step]:
    """Register a step that checks and prepares; it may change the case, which is saved after the transition."""
    return _register(_before, actions)


def after(*actions: str) -> Callable[[Step], Step]:
    """Register a step for what follows from the transition, in the new state; the case is saved afterwards."""
    return _register(_after, actions)


def _register(steps: dict[str, list[Step]], actions: tuple[str, ...]) -> Callable[[Step], Step]:
    def register(step: Step) -> Step:
        for action in actions:
            steps.setdefault(action, []).append(step)
        return step

    return register


def act(
    case_id: int,
    action: str,
    *,
    by: Any,
    key: str,
    on_behalf_of: Any = None,
    reason: str = "",
    reason_code: str = "",
    data: dict[str, Any] | None = None,
) -> CaseEvent:
    """Take one action on one case and return its event; the same `key` again returns the same event and does nothing.

    `by` is a Staff, or None for the worker's timers and for the public where the spec lets anyone act. `on_behalf_of` is the
    principal whose delegated post is exercised; it is found by itself when that is the only post that fits.

    Raises a CaseworkError, FlowsError, FundsError or FamiliesError that tells the person what to do; then nothing is left.
    """
    with key_used_once(), acting(by, on_behalf_of=on_behalf_of, reason=_history_reason(action, reason)):
        case = _locked(case_id)
        facts = _facts_of(case, key, by)
        if facts.event is not None:
            return _same_act(facts.event, case_id, action, by)
        edge = _edge(case, action)
        if key.startswith(TIMER_KEY) and ROLE_SYSTEM not in edge.roles:
            raise key_reused()
        post = _authorise(case, edge, by, on_behalf_of, facts)
        if action in APPROVALS and by is not None:
            confirming.demand(confirming.Kind.APPROVE)
        if "reason" in ACTIONS[action].asks and not reason.strip():
            raise ReasonNeeded(_("请写明原因。"))
        if "reason_code" in ACTIONS[action].asks and not reason_code:
            raise ReasonNeeded(_("请选一个原因。"))
        this = Act(case, edge, by, post, reason.strip(), reason_code, data or {}, key, clock.today())
        with acting(by, on_behalf_of=post.principal if post else None):
            return _carry_out(this, facts)


@contextlib.contextmanager
def key_used_once() -> Iterator[None]:
    """One transaction. What another case takes at this very moment, a key or the person's one open case of a programme, is
    refused like what was taken before."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        diagnosis = getattr(error.__cause__, "diag", None)
        if diagnosis is None or diagnosis.constraint_name not in _TAKEN:
            raise
        raise _TAKEN[diagnosis.constraint_name]() from error


def _carry_out(this: Act, facts: "_Facts") -> CaseEvent:
    case, action = this.case, this.action
    from_state, before = case.state, tuple(getattr(case, name) for name in _COLUMNS)
    for step in _before.get(action, ()):
        step(this)
    try:
        case.take(action)
    except NoSuchEdge as error:
        raise _wrong_state(case, action) from error
    for step in _after.get(action, ()):
        step(this)
    _set_queue_columns(this)
    case.acts += 1
    _save(case, before)
    if this.edge.duty:
        _take_duty(this, facts)
    event = CaseEvent.objects.create(
        case=case,
        n=case.acts,
        action=action,
        from_state=from_state,
        to_state=case.state,
        by=this.by,
        by_role=this.post.role if this.post else (ROLE_SYSTEM if this.by is None else ROLE_ANYONE),
        on_behalf_of_id=this.post.principal_id if this.post else None,
        person_key=this.by.person_key if this.by else "",
        reason=this.reason,
        reason_code=this.reason_code,
        amount_fen=case.amount_fen,
        digest=this.digest,
        data=this.note,
        key=this.key,
        business_date=this.today,
    )
    if case.state != from_state:
        projection.move(
            case.pk, case.programme, case.state, by_id=this.by.pk if this.by else None, ends=_is_final(case)
        )
    outbox.put("case.acted", key=f"act:{case.pk}:{case.acts}", payload={"case": case.pk, "n": case.acts})
    if this.moves_money:
        ledger.settle_now()
    return event


def _is_final(case: Case) -> bool:
    return case.state in case.spec.ends and not case.spec.actions(case.state)


_COLUMNS = tuple(field.attname for field in Case._meta.concrete_fields)
# Not against whatever refers to it: foreign keys are looked at on commit, by whoever holds a place in the chain by then.
_LOCK = f"SELECT {', '.join(_COLUMNS)} FROM casework_case WHERE id = %s FOR NO KEY UPDATE"


def _locked(case_id: int) -> Case:
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [case_id])
        row = cursor.fetchone()
    if row is None:
        raise NoSuchCase(_("没有这个个案。"))
    return Case.from_db(connection.alias, _COLUMNS, row)


def _save(case: Case, before: tuple[Any, ...]) -> None:
    """Write what has changed since the row was locked, with history of the whole row."""
    case.save(
        update_fields=[name for name, value in zip(_COLUMNS, before, strict=True) if getattr(case, name) != value]
    )


@dataclass(frozen=True)
class _Facts:
    """What authorisation needs to know, from one query."""

    event: int | None  # the event that used this key before
    duties: dict[str, str]  # {person_key: duty} of the persons acting
    is_close: bool  # of the household, or kept from it by the register of recusals


_FACTS = """
SELECT (SELECT id FROM casework_caseevent WHERE key = %(key)s),
       (SELECT json_object_agg(person_key, duty)::text FROM casework_caseduty
        WHERE case_id = %(case)s AND person_key = ANY (%(persons)s)),
       %(household)s IN (SELECT casework_close_households(%(persons)s))
"""


def _facts_of(case: Case, key: str, by: Any) -> _Facts:
    with connection.cursor() as cursor:
        cursor.execute(
            _FACTS,
            {
                "key": key,
                "case": case.pk,
                "persons": persons_of(by) if by else [],
                "household": case.household_id,
            },
        )
        event, duties, is_close = cursor.fetchone()
    return _Facts(event, _loads(duties), is_close)


def _loads(value: str | None) -> dict[str, str]:
    return json.loads(value) if value else {}


def _same_act(event_id: int, case_id: int, action: str, by: Any) -> CaseEvent:
    event = CaseEvent.objects.get(pk=event_id)
    if (event.case_id, event.action, event.by_id) != (case_id, action, by.pk if by else None):
        raise key_reused()
    return event


def key_reused() -> KeyReused:
    return KeyReused(_("这次提交的编号已经用在另一件事上，请刷新页面再办。"))


_TAKEN = {"casework_caseevent_key_key": key_reused, one_open_case.CONSTRAINT: one_open_case.another_is_open}


def _edge(case: Case, action: str) -> Edge:
    try:
        return case.spec.edge(case.state, action)
    except NoSuchEdge as error:
        raise _wrong_state(case, action) from error


def _wrong_state(case: Case, action: str) -> WrongState:
    return WrongState(
        _("这件事现在是「%(state)s」，不能「%(action)s」。可能别人刚办过，请刷新看看。")
        % {"state": STATES[case.state].title, "action": ACTIONS[action].verb if action in ACTIONS else action}
    )


def _authorise(case: Case, edge: Edge, by: Any, on_behalf_of: Any, facts: _Facts) -> Post | None:
    """The post under which this act is allowed. Denies win last: whoever has a post may still be barred as a person."""
    if by is None:
        if ROLE_SYSTEM in edge.roles or ROLE_ANYONE in edge.roles:
            return None
        raise NotYourTurn(_("这一步要由人来办。"))
    if ROLE_ANYONE in edge.roles:
        return None
    posts = [post for post in posts_of(by) if post.role in edge.roles and post.reaches(case)]
    if on_behalf_of is not None:
        posts = [post for post in posts if post.principal_id == on_behalf_of.pk]
    posts.sort(key=lambda post: post.principal_id is not None)  # one's own post first
    if not posts:
        raise NotYourTurn(
            _("这一步由%(roles)s办，你没有这里的这个岗位。")
            % {"roles": _("或").join(title_of(role) for role in edge.roles if role != ROLE_SYSTEM) or _("系统")}
        )
    if facts.is_close:
        raise Recused(_("你是这家的近亲属，按规定要回避，由别人办。"))
    if edge.duty:
        persons = {by.person_key} | ({posts[0].principal_person_key} if posts[0].principal_id else set())
        for person in persons:
            held = facts.duties.get(person)
            if held and held != edge.duty:
                raise SecondDuty(
                    _("这一件里你已经办过「%(held)s」，「%(wanted)s」按规定要由别人办。")
                    % {"held": DUTIES[held], "wanted": DUTIES[edge.duty]}
                )
    return posts[0]


_TAKE_DUTY = """
WITH wanted AS (SELECT * FROM unnest(%(keys)s, %(staff)s::bigint[]) AS p (key, staff)),
taken AS (INSERT INTO casework_caseduty (case_id, person_key, duty, staff_id, since)
          SELECT %(case)s, key, %(duty)s, staff, %(today)s FROM wanted ON CONFLICT DO NOTHING)
SELECT duty FROM casework_caseduty WHERE case_id = %(case)s AND person_key IN (SELECT key FROM wanted)
"""


def _take_duty(this: Act, facts: _Facts) -> None:
    """Write down who holds the duty; the key (case, person) lets nobody take a second one."""
    holders = {this.by.person_key: this.by.pk}
    if this.post and this.post.principal_id:
        holders[this.post.principal_person_key] = this.post.principal_id
    for staff in this.also_duty_of:
        holders.setdefault(staff.person_key, staff.pk)
    if all(facts.duties.get(person) == this.edge.duty for person in holders):
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _TAKE_DUTY,
            {
                "case": this.case.pk,
                "duty": this.edge.duty,
                "today": this.today,
                "keys": list(holders),
                "staff": list(holders.values()),
            },
        )
        for (held,) in cursor.fetchall():
            if held != this.edge.duty:
                raise SecondDuty(
                    _("这一件里有人已经办过「%(held)s」，「%(wanted)s」按规定要由别人办。")
                    % {"held": DUTIES[held], "wanted": DUTIES[this.edge.duty]}
                )


def _set_queue_columns(this: Act) -> None:
    """Whose turn, until when, open or not: functions of the new state, unless a step knows better."""
    case = this.case
    ends = case.state in case.spec.ends
    case.turn_role = this.turn_role or case.spec.turn(case.state)
    case.is_open = not ends
    case.closed_on = this.today if ends else None
    if ends:
        case.due_on = None
    elif this.due_on is not None:
        case.due_on = this.due_on
    elif this.edge.source != case.state or case.due_on is None:
        case.due_on = calendar.add(this.today, case.rules.deadline(case.state))


def _history_reason(action: str, reason: str) -> str:
    return f"{action}: {reason.strip()}" if reason.strip() else action


def possible_actions(case: Case, user: Any) -> list[tuple[Edge, str]]:
    """What `user` could do now, each with "" or the sentence why not: the same policy that act() enforces, for buttons.

    Actions of other roles are left out; actions of her own role that are barred for her as a person are explained.
    """
    facts = _facts_of(case, "", user)
    found: list[tuple[Edge, str]] = []
    for edge in case.spec.actions(case.state):
        if ROLE_ANYONE in edge.roles:
            continue
        try:
            if not edge.shows_in_the_act:
                case.spec.target(
                    case.state, edge.action, tier=case.tier or "T1", return_to=case.return_to or "township_review"
                )
            _authorise(case, edge, user, None, facts)
        except (NotYourTurn, NoSuchEdge):
            continue
        except (Recused, SecondDuty) as refusal:
            found.append((edge, str(refusal)))
        else:
            found.append((edge, ""))
    return found
