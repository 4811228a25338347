"""A grant on one record that holds, for tests: an administrator wrote it down and its approver confirmed it in her own name."""

from typing import Any

from access import approvals
from access import services as access
from access.models import Grant, Staff


def granted(staff: Staff, permission: str, record: Any, *, by: Staff, approved_by: Staff, **more: Any) -> Grant:
    grant = access.grant(staff, permission, record, by=by, approved_by=approved_by, **more)
    return approvals.approve(grant, by=approved_by)
