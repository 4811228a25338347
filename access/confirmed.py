"""What one administrator does and a second one, another natural person, must confirm before it takes effect.

    confirm(appointment, by=…)      an appointment or a delegation to a post that money passes (roles.NEED_A_SECOND)
    drop(appointment, by=…)         it is not to be
    ask_reset(staff, …)             a new password, or an end of the second factor; for such holders it waits
    confirm_reset(reset, by=…)      the one-time password is told to the one who confirms

What waits gives no right anywhere: access_posts_of() does not see it, and no guardian permission stands for it. PostgreSQL
refuses a confirmation by the maker, by the person concerned, or a second time.
"""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from access import factor, services
from access.errors import BadAppointment, BadReset
from access.models import Appointment, Confirmed, Delegation, OrgUnit, Reset, Staff
from access.roles import Ability
from access.scope import Bar, forget_posts, post_for, posts_of, scope
from access.sessions import end_sessions
from audit import clock
from audit.context import acting


@transaction.atomic
def confirm(row: Appointment | Delegation, *, by: Staff) -> Appointment | Delegation:
    """Put a waiting appointment or delegation in force.

    Raises BadAppointment: the maker herself or the person concerned (in any account), a place that she does not
    administer, one that was confirmed or dropped already, a delegation that waits for its approver.
    """
    row = type(row).objects.select_for_update(of=("self",)).get(pk=row.pk)
    if not row.waits:
        raise BadAppointment(_("这一条已经办过了，请刷新看看。"))
    if isinstance(row, Delegation) and not row.takes_a_second:
        raise BadAppointment(_("这一条要由批准人 %(name)s 本人确认。") % {"name": row.approved_by.name})
    holder = _holder(row)
    _demand_another(by, _unit(row), maker=row.maker_person_key, concerned=holder)
    row.confirmed_on, row.confirmed_how = clock.today(), Confirmed.How.SECOND
    row.confirmed_by, row.confirmer_person_key = by, by.person_key
    with acting(by, reason="confirm"):
        row.save()
    if isinstance(row, Appointment):
        services.mirror(row)
    forget_posts(holder)
    end_sessions(holder, by=by, why="appointed")
    return row


@transaction.atomic
def drop(row: Appointment | Delegation, *, by: Staff, reason: str) -> None:
    """Leave a waiting one for good. The maker may, too. Raises BadAppointment: no reason, not hers, or it does not wait."""
    row = type(row).objects.select_for_update(of=("self",)).get(pk=row.pk)
    if not row.waits:
        raise BadAppointment(_("这一条已经办过了，请刷新看看。"))
    if not reason.strip():
        raise BadAppointment(_("请写明为什么不同意。"))
    if _holder(row).person_key == by.person_key or not scope(by, Ability.STAFF_MANAGE).covers(_unit(row)):
        raise BadAppointment(_("这一条不归你办。"))
    row.dropped_on = clock.today()
    if isinstance(row, Appointment):
        row.valid_to = max(row.valid_from, clock.today())  # or nobody could be appointed to the post again
    with acting(by, reason=f"drop: {reason.strip()}"):
        row.save()


def _holder(row: Appointment | Delegation) -> Staff:
    return row.staff if isinstance(row, Appointment) else row.delegate


def _unit(row: Appointment | Delegation) -> OrgUnit:
    return row.unit if isinstance(row, Appointment) else row.appointment.unit


def _demand_another(by: Staff, unit: OrgUnit, *, maker: str | None, concerned: Staff) -> None:
    if by.person_key == concerned.person_key:
        raise BadAppointment(_("自己的事要由别的管理员确认。"))
    found = post_for(by, ("sysadmin",), unit, after=[maker] if maker else [])
    if found is Bar.NO_POST:
        raise BadAppointment(_("这里不归你管，要由管这里的另一位管理员确认。"))
    if isinstance(found, Bar):
        raise BadAppointment(_("办的人不能自己确认，请另一位管理员确认。"))


# ---------------------------------------------------------------- passwords and factors


@transaction.atomic
def ask_reset(staff: Staff, what: str, *, by: Staff, reason: str) -> Reset:
    """Ask for a new password or the end of the second factor; the other administrator confirms.

    Raises BadReset: one's own, a closed account, no reason, nothing to reset, or one that waits already.
    """
    _demand_administrator(by)
    if staff.person_key == by.person_key:
        raise BadReset(_("自己的密码和动态码要由别的管理员重置。"))
    staff = Staff.objects.select_for_update(of=("self",)).get(pk=staff.pk)
    if not staff.is_active:
        raise BadReset(_("这个账号已经停用，先启用再重置。"))
    if not reason.strip():
        raise BadReset(_("请写明为什么重置。"))
    if what == Reset.What.FACTOR and factor.factor_of(staff) is None:
        raise BadReset(_("这个账号没有绑定动态码。"))
    if Reset.objects.filter(staff=staff, what=what, done_on__isnull=True, dropped_on__isnull=True).exists():
        raise BadReset(_("已经有人提出，在等另一位管理员确认。"))
    with acting(by, reason=f"ask_reset: {reason.strip()}"):
        return Reset.objects.create(
            staff=staff,
            person_key=staff.person_key,
            what=what,
            reason=reason.strip(),
            asked_by=by,
            asker_person_key=by.person_key,
            asked_on=clock.today(),
        )


@transaction.atomic
def confirm_reset(reset: Reset, *, by: Staff) -> str:
    """Carry it out; every session of the account ends. Returns the one-time password, to be told once, or "".

    Raises BadReset: asked for by herself or about herself, not hers to administer, or no longer waiting.
    """
    reset = Reset.objects.select_for_update(of=("self",)).get(pk=reset.pk)
    if not reset.waits:
        raise BadReset(_("这一条已经办过了，请刷新看看。"))
    if by.person_key == reset.asker_person_key:
        raise BadReset(_("办的人不能自己确认，请另一位管理员确认。"))
    _demand_administrator(by, besides=reset.asker_person_key)
    if by.person_key == reset.person_key:
        raise BadReset(_("自己的事要由别的管理员确认。"))
    reset.done_on, reset.done_by, reset.doer_person_key = clock.today(), by, by.person_key
    with acting(by, reason="confirm_reset"):
        reset.save()
    if reset.what == Reset.What.PASSWORD:
        return services.set_one_time_password(reset.staff, by=by)
    factor.end(reset.staff, by=by, reason=reset.reason)
    end_sessions(reset.staff, by=by, why="factor reset")
    return ""


@transaction.atomic
def drop_reset(reset: Reset, *, by: Staff) -> None:
    """It is not to be. Raises BadReset when it no longer waits, or by somebody who is no administrator."""
    _demand_administrator(by)
    reset = Reset.objects.select_for_update(of=("self",)).get(pk=reset.pk)
    if not reset.waits:
        raise BadReset(_("这一条已经办过了，请刷新看看。"))
    reset.dropped_on = clock.today()
    with acting(by, reason="drop_reset"):
        reset.save()


def _demand_administrator(by: Staff, besides: str = "nobody") -> None:
    """A post of administration, and not one lent by the person `besides`: two persons with one person's post are one."""
    if not any(post.role == "sysadmin" and post.principal_person_key != besides for post in posts_of(by)):
        raise BadReset(_("要由另一位系统管理员办理。"))


def waiting(model: Any) -> Any:
    """Rows of Appointment or Delegation that wait, also those whose last day has passed."""
    return model.objects.filter(confirmed_on__isnull=True, dropped_on__isnull=True)
