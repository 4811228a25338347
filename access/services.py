"""What happens to accounts, posts, delegations, grants and recusals. The only place that writes them."""

import datetime
import secrets
from dataclasses import dataclass
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, Value
from django.db.models.functions import Concat
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from guardian.shortcuts import assign_perm, remove_perm

from access.errors import BadAppointment, BadStaff
from access.models import Appointment, Confirmed, Delegation, Grant, OrgUnit, Recusal, Staff, UnitPermission
from access.roles import APART_FROM_ALL_OTHERS, NEED_A_SECOND, ROLES, permission_of
from access.scope import forget_posts, grants_in_force, posts_of
from access.sessions import end_sessions
from audit import clock, once
from audit.context import acting


@dataclass(frozen=True)
class NewStaff:
    """A new account, the password that is shown once, and the accounts that the same person has already."""

    staff: Staff
    password: str
    same_person: list[Staff]


@transaction.atomic
def create_staff(
    username: str, name: str, person_key: str, *, by: Staff, phone: str = "", second_account: bool = False
) -> NewStaff:
    """Make an account with a one-time password, bound to a natural person by `person_key` (access.vault.person_key).

    Raises BadStaff: a username that is taken, no name, or a person who has an account already, unless `second_account` says
    that this is meant; both accounts then count as one person wherever duties are kept apart.
    """
    username, name = username.strip(), name.strip()
    if not username or not name or not person_key:
        raise BadStaff(_("账号、姓名和身份证号都要填。"))
    once.wait_for("staff")  # of two who open an account at once the second one sees the first's name and person
    if Staff.objects.filter(username__iexact=username).exists():
        raise BadStaff(_("账号 %(username)s 已经有人用了。") % {"username": username})
    same_person = list(Staff.objects.filter(person_key=person_key))
    if same_person and not second_account:
        raise BadStaff(
            _("这个人已经有账号 %(accounts)s。确实要再开一个，请勾选「再开一个账号」。")
            % {"accounts": "、".join(known.username for known in same_person)}
        )
    password = one_time_password()
    with acting(by, reason="create_staff"):
        staff = Staff.objects.create_user(
            username, name, person_key, password, phone=phone.strip(), must_change_password=True
        )
    return NewStaff(staff, password, same_person)


@transaction.atomic
def deactivate_staff(staff: Staff, *, by: Staff, reason: str) -> None:
    """Close an account: its posts and delegations stop at once, its history stays. Raises BadStaff for one's own."""
    if staff.person_key == by.person_key:
        raise BadStaff(_("不能停用自己的账号，请由另一位管理员办理。"))
    if not reason.strip():
        raise BadStaff(_("请写明停用的原因。"))
    _set_active(staff, False, by, f"deactivate: {reason.strip()}")


@transaction.atomic
def reactivate_staff(staff: Staff, *, by: Staff, reason: str) -> None:
    """Open a closed account again; posts that have not ended come back with it. Raises BadStaff for one's own."""
    if staff.person_key == by.person_key:
        raise BadStaff(_("不能启用自己的账号，请由另一位管理员办理。"))
    if not reason.strip():
        raise BadStaff(_("请写明启用的原因。"))
    _set_active(staff, True, by, f"reactivate: {reason.strip()}")


def _set_active(staff: Staff, is_active: bool, by: Staff, reason: str) -> None:
    staff = Staff.objects.select_for_update().get(pk=staff.pk)
    if staff.is_active == is_active:
        raise BadStaff(_("这个账号已经是启用的。") if is_active else _("这个账号已经停用。"))
    staff.is_active = is_active
    with acting(by, reason=reason):
        staff.save()
    forget_posts(staff)
    if not is_active:
        end_sessions(staff, by=by, why="deactivated")


@transaction.atomic
def reset_password(staff: Staff, *, by: Staff) -> str:
    """A new one-time password, returned to be shown once; every session of the account ends.

    Raises BadStaff for one's own account (there is a page for that), for a closed one, and for a holder of a post that
    money passes: there a second administrator confirms it (access.confirmed.ask_reset).
    """
    if staff.person_key == by.person_key:
        raise BadStaff(_("自己的密码请在「我的设置」里改。"))
    if opens_a_post_of_money(staff):
        raise BadStaff(_("这个账号管钱或者管批准，重置密码要另一位管理员确认。"))
    return set_one_time_password(staff, by=by)


@transaction.atomic
def set_one_time_password(staff: Staff, *, by: Staff | None) -> str:
    """The password itself, for reset_password and access.confirmed; `by` None is the operator's command."""
    staff = Staff.objects.select_for_update(of=("self",)).get(pk=staff.pk)
    if not staff.is_active:
        raise BadStaff(_("这个账号已经停用，先启用再换密码。"))
    password = one_time_password()
    staff.set_password(password)
    staff.must_change_password = True
    with acting(by, reason="reset_password"):
        staff.save()
    end_sessions(staff, by=by, why="password reset")
    return password


def opens_a_post_of_money(staff: Staff) -> bool:
    """Whether the account opens, now or later, a post that needs a second administrator, her own or lent to her."""
    today = clock.today()
    lasts = Q(valid_to__isnull=True) | Q(valid_to__gte=today)
    own = Appointment.objects.filter(lasts, staff=staff, role__in=NEED_A_SECOND, dropped_on__isnull=True)
    lent = Delegation.objects.filter(
        delegate=staff, valid_to__gte=today, ended_at__isnull=True, appointment__role__in=NEED_A_SECOND
    )
    return own.exists() or lent.exists()


_PLAIN_CHARACTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike on paper


def one_time_password() -> str:
    """Three groups of four: to be read out once and changed at the first login."""
    return "-".join("".join(secrets.choice(_PLAIN_CHARACTERS) for _n in range(4)) for _group in range(3))


@transaction.atomic
def appoint(
    staff: Staff,
    role: str,
    unit: OrgUnit,
    *,
    by: Staff | None,
    valid_from: datetime.date | None = None,
    valid_to: datetime.date | None = None,
    reason: str = "",
) -> Appointment:
    """Give `staff` a dated post. `by` None is for set-up only.

    A post that money passes (roles.NEED_A_SECOND) waits for a second administrator (access.confirmed) and gives no right
    until then. Only the first administrator of an installation appoints the second one alone.

    Raises BadAppointment: an unknown role, the wrong level, one's own post (in any account of hers), or a post that must
    be kept apart from the others that the same natural person holds.
    """
    if role not in ROLES:
        raise BadAppointment(_("没有这个岗位：%(role)s。") % {"role": role})
    if ROLES[role].level is not None and ROLES[role].level != unit.level:
        raise BadAppointment(_("%(role)s 这个岗位不能设在 %(unit)s。") % {"role": ROLES[role].title, "unit": unit.name})
    if by is not None and by.person_key == staff.person_key:
        raise BadAppointment(_("不能给自己任职，请由另一位管理员办理。"))
    valid_from = valid_from or clock.today()
    if valid_to and valid_to < valid_from:
        raise BadAppointment(_("任期的结束日期早于开始日期。"))
    _refuse_incompatible(staff, role)  # first: of two appointments at once the second one waits, and sees the first
    if Appointment.objects.filter(staff=staff, role=role, unit=unit, valid_to__isnull=True).exists():
        raise BadAppointment(_("%(name)s 在这里已经有这个岗位。") % {"name": staff.name})
    with acting(by, reason=_because("appoint", reason)):
        appointment = Appointment.objects.create(
            staff=staff,
            role=role,
            unit=unit,
            valid_from=valid_from,
            valid_to=valid_to,
            appointed_by=by,
            reason=reason,
            maker_person_key=by.person_key if by else None,
            **_standing(role, by, is_first=role == "sysadmin" and _never_had_a_second(by)),
        )
    if not appointment.waits:
        mirror(appointment)
        end_sessions(staff, by=by, why="appointed")
    return appointment


def _standing(role: str, by: Staff | None, *, is_first: bool) -> dict[str, Any]:
    """The columns of Confirmed for what `by` makes now; none when it waits."""
    how = None
    if by is None:
        how = Confirmed.How.SET_UP
    elif role not in NEED_A_SECOND:
        how = Confirmed.How.ALONE
    elif is_first:
        how = Confirmed.How.FIRST
    return {"confirmed_on": clock.today(), "confirmed_how": how} if how else {}


def _never_had_a_second(by: Staff | None) -> bool:
    """Whether nobody else ever administered here. Somebody who left counts: or the one who stays could choose alone."""
    if by is None:
        return False
    others = Appointment.objects.filter(role="sysadmin", confirmed_on__isnull=False)
    return not others.exclude(staff__person_key=by.person_key).exists()


def _because(verb: str, reason: str) -> str:
    return f"{verb}: {reason.strip()}" if reason.strip() else verb


def _refuse_incompatible(staff: Staff, role: str) -> None:
    # Of two posts given at once, in whichever accounts, the second one sees the first.
    list(Staff.objects.select_for_update(no_key=True).filter(person_key=staff.person_key).order_by("pk"))
    held = _roles_of_person(staff)
    for apart in APART_FROM_ALL_OTHERS:
        if (role == apart and held - {apart}) or (apart in held and role != apart):
            raise BadAppointment(_("审计和系统管理不能和其他岗位由同一个人担任。"))


def _roles_of_person(staff: Staff) -> set[str]:
    """What the natural person holds now or will hold, in any account, her own posts and those she stands in for."""
    today = clock.today()
    own = Appointment.objects.filter(staff__person_key=staff.person_key, dropped_on__isnull=True).filter(
        Q(valid_to__isnull=True) | Q(valid_to__gte=today)
    )
    lent = Delegation.objects.filter(
        delegate_person_key=staff.person_key, valid_to__gte=today, ended_at__isnull=True, dropped_on__isnull=True
    )
    return set(own.values_list("role", flat=True)) | set(lent.values_list("appointment__role", flat=True))


@transaction.atomic
def end_appointment(appointment: Appointment, *, on: datetime.date, by: Staff | None, reason: str) -> None:
    """End a post with its last day `on`. Open delegations of it end with it, because they ask for the post's dates.

    Raises BadAppointment: one's own post, a day before it began, or later than the last day that stands already, because
    only an appointment asks what else the person holds.
    """
    if by is not None and by.person_key == appointment.staff.person_key:
        raise BadAppointment(_("不能给自己免职，请由另一位管理员办理。"))
    appointment.refresh_from_db(from_queryset=Appointment.objects.select_for_update(of=("self",)))
    open_ones = list(appointment.delegations.filter(ended_at__isnull=True).select_related("delegate"))
    _hold(appointment.staff, *(lent.delegate for lent in open_ones))
    if on < appointment.valid_from:
        raise BadAppointment(_("不能早于任职那天（%(date)s）。") % {"date": appointment.valid_from})
    if appointment.valid_to and on > appointment.valid_to:
        raise BadAppointment(
            _("这个岗位已经定了 %(date)s 为最后一天，只能提前。要续任请重新任职。") % {"date": appointment.valid_to}
        )
    appointment.valid_to = on
    appointment.reason = reason
    with acting(by, reason=_because("end_appointment", reason)):
        appointment.save()
    mirror(appointment)
    end_sessions(appointment.staff, by=by, why="post ended")
    for lent in open_ones:
        end_sessions(lent.delegate, by=by, why="delegation ended")


def _hold(*accounts: Staff) -> None:
    """Of two steps that end the sessions of the same accounts the later one waits, before either holds one of them."""
    list(Staff.objects.select_for_update(no_key=True).filter(pk__in=[one.pk for one in accounts]).order_by("pk"))


def mirror(appointment: Appointment) -> None:
    """Make the guardian permission say what the dates say. Another open post of the same role here keeps it."""
    today = clock.today()
    in_force = (
        Appointment.objects.filter(staff=appointment.staff, role=appointment.role, unit=appointment.unit)
        .filter(confirmed_on__isnull=False)
        .filter(Q(valid_to__isnull=True) | Q(valid_to__gte=today))
        .exists()
    )
    change = assign_perm if in_force else remove_perm
    change(permission_of(appointment.role), appointment.staff, appointment.unit)
    forget_posts(appointment.staff)


@transaction.atomic
def sync_posts() -> int:
    """Take back what has run out: permissions of posts, grants, delegations; sessions end with them. The worker does it
    daily. Returns how many."""
    today = clock.today()
    ended = 0
    stale = UnitPermission.objects.filter(
        user=OuterRef("staff"),
        content_object=OuterRef("unit"),
        permission__codename=Concat(Value(permission_of("")), OuterRef("role")),
    )
    over = Appointment.objects.filter(Exists(stale), valid_to__lt=today)
    for appointment in over.select_related("staff", "unit"):
        mirror(appointment)
        end_sessions(appointment.staff, why="post ended")
        ended += 1
    for lent in Delegation.objects.filter(valid_to__lt=today, ended_at__isnull=True).select_related("delegate"):
        end_delegation(lent, by=None)
        ended += 1
    for grant in Grant.objects.filter(valid_to__lt=today, revoked_on__isnull=True).select_related(
        "staff", "content_type"
    ):
        revoke_grant(grant, on=grant.valid_to)
        ended += 1
    return ended


@transaction.atomic
def delegate(
    appointment: Appointment,
    to: Staff,
    *,
    valid_from: datetime.date,
    valid_to: datetime.date,
    reason: str,
    approved_by: Staff,
    by: Staff | None = None,
) -> Delegation:
    """Let `to` exercise a post for some days. `by` is the administrator who writes it down, None for set-up only. A post
    that money passes waits for a second administrator, as an appointment does; any other waits for `approved_by`
    (access.approvals).

    Raises BadAppointment: to oneself (in any account), approved by the delegate or by the administrator herself, longer than
    the post itself, or for a post that must be kept apart from those `to` holds. A delegated post cannot be passed on: only
    appointments can.
    """
    if appointment.staff.person_key == to.person_key:
        raise BadAppointment(_("不能委托给自己的另一个账号。"))
    if by is not None and by.person_key == to.person_key:
        raise BadAppointment(_("不能把岗位委托给自己，请由另一位管理员办理。"))
    if appointment.waits or appointment.dropped_on:
        raise BadAppointment(_("这个岗位还没有确认，不能委托。"))
    if approved_by.person_key == to.person_key:
        raise BadAppointment(_("委托要由别人批准，不能由受托人自己批准。"))
    if by is not None and approved_by.person_key == by.person_key:
        raise BadAppointment(_("办的人不能自己批准，请填另一个人，由他本人确认。"))
    if not reason.strip():
        raise BadAppointment(_("请写明委托的原因。"))
    if valid_to < valid_from:
        raise BadAppointment(_("委托的结束日期早于开始日期。"))
    if appointment.valid_to and valid_to > appointment.valid_to:
        raise BadAppointment(_("委托不能超过任期，任期到 %(date)s。") % {"date": appointment.valid_to})
    _refuse_incompatible(to, appointment.role)
    with acting(by, reason=_because("delegate", reason)):
        delegation = Delegation.objects.create(
            appointment=appointment,
            delegate=to,
            principal_person_key=appointment.staff.person_key,
            delegate_person_key=to.person_key,
            valid_from=valid_from,
            valid_to=valid_to,
            reason=reason.strip(),
            approved_by=approved_by,
            made_by=by,
            maker_person_key=by.person_key if by else None,
            **(_standing(appointment.role, by, is_first=False) if by is None else {}),
        )
    forget_posts(to)
    if not delegation.waits:
        end_sessions(to, by=by, why="delegated")
    return delegation


@transaction.atomic
def end_delegation(delegation: Delegation, *, by: Staff | None) -> None:
    """The post is no longer lent, from now on; `by` None is the worker, after the last day. Ended twice changes nothing."""
    delegation = Delegation.objects.select_for_update(of=("self",)).get(pk=delegation.pk)
    if delegation.ended_at:
        return
    delegation.ended_at = timezone.now()
    with acting(by, reason="end_delegation"):
        delegation.save()
    forget_posts(delegation.delegate)
    end_sessions(delegation.delegate, by=by, why="delegation ended")


@transaction.atomic
def grant(
    staff: Staff, permission: str, record: Any, *, until: datetime.date, reason: str, approved_by: Staff, by: Staff
) -> Grant:
    """Write down one permission on one record until a date. It opens nothing until `approved_by` has confirmed it in her own
    name (access.approvals).

    Raises BadAppointment: without a reason, to oneself, to an administrator, who sees no case in any account, or approved by
    the receiver, by the administrator herself or by somebody whose own posts do not reach the record.
    """
    if not reason.strip():
        raise BadAppointment(_("请写明授权的原因。"))
    if approved_by.person_key == staff.person_key:
        raise BadAppointment(_("不能给自己授权。"))
    if approved_by.person_key == by.person_key:
        raise BadAppointment(_("办的人不能自己批准，请填另一个人，由他本人确认。"))
    if until < clock.today():
        raise BadAppointment(_("授权的最后一天已经过去。"))
    refuse_what_a_grant_may_not_open(staff, record, approved_by)
    with acting(by, reason=_because("grant", reason)):
        return Grant.objects.create(
            staff=staff,
            permission=permission,
            content_type=ContentType.objects.get_for_model(record),
            object_id=record.pk,
            reason=reason.strip(),
            approved_by=approved_by,
            valid_from=clock.today(),
            valid_to=until,
            made_by=by,
            maker_person_key=by.person_key,
        )


def refuse_what_a_grant_may_not_open(staff: Staff, record: Any, approved_by: Staff) -> None:
    """Asked when it is written down and when it is confirmed. Raises BadAppointment."""
    if "sysadmin" in _roles_of_person(staff):
        raise BadAppointment(_("系统管理员不看个案，不能给他授权。"))
    if not any(post.reaches(record) for post in posts_of(approved_by) if post.role != "sysadmin"):
        raise BadAppointment(_("批准人要管得到这一件。请填这个村、乡镇或县的经办或领导。"))


@transaction.atomic
def revoke_grant(grant: Grant, *, on: datetime.date | None = None) -> None:
    """End a grant today, also one that waits, or write down the day on which it ended; ended twice changes nothing. Another
    grant of the same keeps the permission."""
    grant = Grant.objects.select_for_update(of=("self",)).get(pk=grant.pk)
    if grant.revoked_on:
        return
    grant.revoked_on = on or clock.today()
    grant.save()
    same = {name: getattr(grant, name) for name in ("staff", "permission", "content_type", "object_id")}
    if grant.confirmed_on and not grants_in_force().filter(**same).exists():
        remove_perm(grant.permission, grant.staff, record_of(grant))
    forget_posts(grant.staff)


def record_of(grant: Grant) -> Any:
    """What it opens."""
    return grant.content_type.get_object_for_this_type(pk=grant.object_id)


@transaction.atomic
def recuse(
    person_key: str, household_no: str, *, relation: str, by: Staff, source: str = Recusal.Source.DECLARED
) -> Recusal:
    """Bar a natural person from every act for a household. Declaring it twice changes nothing."""
    known = Recusal.objects.filter(person_key=person_key, household_no=household_no, ended_on__isnull=True).first()
    if known:
        return known
    return Recusal.objects.create(
        person_key=person_key,
        household_no=household_no,
        relation=relation,
        source=source,
        declared_by=by,
        declared_on=clock.today(),
    )
