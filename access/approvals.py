"""What somebody is said to have approved, and confirms or refuses in her own name before it takes effect.

    waiting(user)                    grants on one record, and delegations of posts that money does not pass, which name her
    approve(row, by=…)               from now on it holds
    refuse(row, by=…, reason="…")    it is not to be

An administrator writes down who approved; that alone gives no right (grants_in_force, access_posts_of and row-level security
ask for the confirmation). PostgreSQL lets nobody confirm but the person who was named, and her once.
Posts that money passes are lent by two administrators: access.confirmed.
"""

from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from guardian.shortcuts import assign_perm

from access import reach
from access.errors import BadAppointment
from access.models import Confirmed, Delegation, Grant, Staff
from access.roles import NEED_A_SECOND
from access.scope import forget_posts
from access.services import record_of, refuse_what_a_grant_may_not_open
from access.sessions import end_sessions
from audit import clock
from audit.context import acting

_WAITS = Q(confirmed_on__isnull=True, dropped_on__isnull=True)


def waiting_grants(user: Any) -> QuerySet[Grant]:
    """Those that name her, in any account of hers, and have not run out."""
    return Grant.objects.filter(
        _WAITS, revoked_on__isnull=True, valid_to__gte=clock.today(), approved_by__person_key=user.person_key
    )


def waiting_delegations(user: Any) -> QuerySet[Delegation]:
    """Those that name her, in any account of hers, and have not run out; of posts that money passes none."""
    return Delegation.objects.filter(
        _WAITS, ended_at__isnull=True, valid_to__gte=clock.today(), approved_by__person_key=user.person_key
    ).exclude(appointment__role__in=NEED_A_SECOND)


@transaction.atomic
def approve(row: Grant | Delegation, *, by: Staff) -> Grant | Delegation:
    """Put it in force from now on.

    Raises BadAppointment: it names somebody else, waits no longer, has run out, or may not be any more: the receiver administers
    by now, or `by` does not reach the record.
    """
    row = _locked(row, by)
    if row.valid_to < clock.today():
        raise BadAppointment(_("最后一天已经过去，请管理员重新写一份。"))
    holder = row.staff if isinstance(row, Grant) else row.delegate
    record = None
    if isinstance(row, Grant):
        with reach.beyond():
            record = record_of(row)
        refuse_what_a_grant_may_not_open(holder, record, by)
    row.confirmed_on, row.confirmed_how = clock.today(), Confirmed.How.APPROVED
    row.confirmed_by, row.confirmer_person_key = by, by.person_key
    with acting(by, reason="approve"):
        row.save()
    if record is not None:
        assign_perm(row.permission, holder, record)
    else:
        end_sessions(holder, by=by, why="delegated")
    forget_posts(holder)
    return row


@transaction.atomic
def refuse(row: Grant | Delegation, *, by: Staff, reason: str) -> None:
    """Leave it for good. Raises BadAppointment: no reason, it names somebody else, or it waits no longer."""
    row = _locked(row, by)
    if not reason.strip():
        raise BadAppointment(_("请写明为什么不同意。"))
    row.dropped_on = clock.today()
    with acting(by, reason=f"drop: {reason.strip()}"):
        row.save()


def _locked(row: Grant | Delegation, by: Staff) -> Any:
    row = type(row).objects.select_for_update(of=("self",)).get(pk=row.pk)
    if isinstance(row, Delegation) and row.takes_a_second:
        raise BadAppointment(_("管钱、管批准的岗位由两位管理员委托，不在这里确认。"))
    if row.approved_by.person_key != by.person_key:
        raise BadAppointment(_("这一条要由批准人 %(name)s 本人确认。") % {"name": row.approved_by.name})
    if not row.waits:
        raise BadAppointment(_("这一条已经办过了，请刷新看看。"))
    return row
