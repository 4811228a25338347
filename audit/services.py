from audit import clock
from audit.context import current
from audit.models import AccessLog


def record_access(*, kind: str, subject: str, fields: str, reason: str) -> AccessLog:
    """Write down that the current actor reads `fields` of `subject`, in the caller's transaction.

    Call it before the value is decrypted: when this fails, nothing is shown. The actor comes from audit.context.
    """
    who = current()
    return AccessLog.objects.create(
        business_date=clock.today(),
        actor_id=who.by_id,
        actor_name=who.by_name,
        kind=kind,
        subject=subject,
        fields=fields,
        reason=reason.strip(),
        address=who.address,
    )
