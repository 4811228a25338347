from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


def _freeze_after_restore(**_sent: Any) -> None:
    """A backup of an older program gets the table of freezes by its migration, and then its freeze."""
    from casework.after_restore import freeze_if_marked  # noqa: PLC0415

    freeze_if_marked()


class CaseworkConfig(AppConfig):
    name = "casework"

    def ready(self) -> None:
        from audit.bundle import register_selector  # noqa: PLC0415

        post_migrate.connect(_freeze_after_restore, sender=self)
        from audit.erasure import register_erasable  # noqa: PLC0415
        from casework import bank_answers, bank_jobs, celery, checks, importing, timers  # noqa: F401, PLC0415
        from casework.auditing import jobs as audit_jobs  # noqa: F401, PLC0415
        from casework.desks.funds import statement_files  # noqa: F401, PLC0415
        from casework.retention import erasing  # noqa: PLC0415

        register_erasable(erasing.ERASABLE)
        from casework.rosters import answers, jobs  # noqa: F401, PLC0415
        from casework.steps import (  # noqa: F401, PLC0415
            emergency,
            exit,
            file,
            followup,
            imprest,
            parts,
            payment,
            signatures,
            village,
        )
        from casework.trail import bundle_of  # noqa: PLC0415

        register_selector("case", bundle_of)
