"""The second factor: a key in somebody's telephone that gives a code for every half minute (RFC 6238), and ten recovery codes.

    begin(staff)                      a new key, not in force yet; what a telephone scans is in uri()
    enrol(staff, "123456")            the first code was right: in force, and the recovery codes, told once
    use(staff, "123456")              this code, once; a recovery code does, too
    end(staff, by=administrator)      the telephone is lost; access.resets asks two administrators before

The person cannot take her own factor away: whoever sits at her desk could, too.
"""

import secrets
import time

import pyotp
import segno
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from access import vault
from access.errors import BadFactor
from access.models import RecoveryCode, SecondFactor, Staff
from audit.context import acting

STEP_SECONDS = 30
DRIFT = 1  # steps that a telephone's clock may be off, either way
RECOVERY_CODES = 10
ISSUER = "困难家庭帮扶"
_PLAIN_CHARACTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike on paper


def factor_of(staff: Staff) -> SecondFactor | None:
    """The one in force."""
    return staff.factors.filter(ended_at__isnull=True, enrolled_at__isnull=False).first()


@transaction.atomic
def begin(staff: Staff) -> SecondFactor:
    """The key that waits for its first code; asked for again it is the same one, so that a page may be reloaded.

    Raises BadFactor when one is in force.
    """
    Staff.objects.select_for_update(of=("self",)).get(pk=staff.pk)
    found = staff.factors.filter(ended_at__isnull=True).first()
    if found and found.enrolled_at:
        raise BadFactor(_("这个账号已经绑定了动态码。手机换了或丢了，请两位系统管理员重置。"))
    if found:
        return found
    made = SecondFactor(staff=staff)
    made.secret_sealed = vault.seal(pyotp.random_base32(), row=made.secret_row)
    with acting(staff, reason="begin_factor"):
        made.save()
    return made


def secret_of(factor: SecondFactor) -> str:
    """The key in base32, for typing it in where a camera is missing. Only for the page of its enrolment."""
    return vault.unseal(factor.secret_sealed, row=factor.secret_row)


def uri(factor: SecondFactor) -> str:
    """What the telephone scans."""
    return pyotp.TOTP(secret_of(factor)).provisioning_uri(name=factor.staff.username, issuer_name=ISSUER)


def picture(factor: SecondFactor) -> str:
    """The same as a QR code: SVG without script and style."""
    return segno.make(uri(factor), error="m").svg_inline(
        scale=5, border=3, omitsize=True, svgclass="qr", lineclass=None
    )


@transaction.atomic
def enrol(staff: Staff, code: str) -> list[str]:
    """Put the waiting key in force by its first code. Returns the recovery codes, which are kept nowhere in clear.

    Raises BadFactor: nothing waits, or the code is not the telephone's.
    """
    factor = staff.factors.select_for_update(of=("self",)).filter(ended_at__isnull=True).first()
    if factor is None or factor.enrolled_at:
        raise BadFactor(_("没有在等绑定的动态码，请从头再来。"))
    step = _step_of(factor, code)
    if step is None:
        raise BadFactor(_("动态码不对。请看手机上现在的六位数；手机的时间要自动校准。"))
    factor.enrolled_at, factor.last_step = timezone.now(), step
    codes = [_recovery_code() for _n in range(RECOVERY_CODES)]
    with acting(staff, reason="enrol_factor"):
        factor.save()
        for text in codes:
            RecoveryCode.objects.create(factor=factor, digest=_digest(factor, text))
    return codes


@transaction.atomic
def use(staff: Staff, text: str) -> bool:
    """Whether `text` is a code of hers that was never used; it is used up then. Two at once: one of them."""
    factor = factor_of(staff)
    if factor is None:
        return False
    step = _step_of(factor, text)
    if step is not None:
        fresh = SecondFactor.objects.filter(pk=factor.pk, ended_at__isnull=True, last_step__lt=step)
        return fresh.update(last_step=step) == 1
    code = (
        factor.recovery_codes.select_for_update(of=("self",))
        .filter(digest=_digest(factor, text), used_at__isnull=True)
        .first()
    )
    if code is None:
        return False
    code.used_at = timezone.now()
    with acting(staff, reason="use_recovery_code"):
        code.save()
    return True


def recovery_codes_left(staff: Staff) -> int:
    factor = factor_of(staff)
    return factor.recovery_codes.filter(used_at__isnull=True).count() if factor else 0


@transaction.atomic
def end(staff: Staff, *, by: Staff | None, reason: str) -> bool:
    """Take the factor away, with its recovery codes; `by` None is the operator's command. False when there is none.

    Raises BadFactor for one's own.
    """
    if by is not None and staff.person_key == by.person_key:
        raise BadFactor(_("自己的动态码要由别的系统管理员重置。"))
    factor = staff.factors.select_for_update(of=("self",)).filter(ended_at__isnull=True).first()
    if factor is None:
        return False
    factor.ended_at = timezone.now()
    with acting(by, reason=f"end_factor: {reason.strip()}"):
        factor.save()
    return True


def _step_of(factor: SecondFactor, text: str) -> int | None:
    """The step whose code this is, within the drift allowed; None when it is none."""
    code = "".join(text.split())
    if not (code.isascii() and code.isdigit()):
        return None
    totp, now = pyotp.TOTP(secret_of(factor)), int(time.time()) // STEP_SECONDS
    return next(
        (step for step in range(now - DRIFT, now + DRIFT + 1) if secrets.compare_digest(totp.generate_otp(step), code)),
        None,
    )


def _recovery_code() -> str:
    """Fifty bits in two groups: to be written down."""
    return "-".join("".join(secrets.choice(_PLAIN_CHARACTERS) for _n in range(5)) for _group in range(2))


def _digest(factor: SecondFactor, text: str) -> str:
    return vault.blind_index(f"recovery:{factor.row_key}", "".join(text.split()).lower())
