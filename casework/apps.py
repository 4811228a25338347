from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate

from casework.database import session


def _freeze_after_restore(**_sent: Any) -> None:
    """A backup of an older program gets the table of freezes by its migration, and then its freeze."""
    from casework.after_restore import freeze_if_marked  # noqa: PLC0415

    freeze_if_marked()


def _grant_rights(**sent: Any) -> None:
    """Every migration may have brought a table; the owner alone can say who may use it."""
    from casework.database import rights  # noqa: PLC0415

    connection = connections[sent["using"]]
    if rights.owns_the_tables(connection):
        rights.fence(connection)
        rights.grant(connection)


class CaseworkConfig(AppConfig):
    name = "casework"

    def ready(self) -> None:
        from audit.bundle import register_selector  # noqa: PLC0415
        from audit.erasure import register_erasable  # noqa: PLC0415
        from audit.kept_files import changed_files  # noqa: PLC0415
        from audit.replay import register_derived  # noqa: PLC0415
        from audit.verify import register_check  # noqa: PLC0415
        from casework.database.laws import changed_laws  # noqa: PLC0415
        from casework.database.policies import hiding_policies  # noqa: PLC0415

        session.connect()
        post_migrate.connect(_freeze_after_restore, sender=self)
        post_migrate.connect(_grant_rights, sender=self)
        from casework import bank_answers, bank_jobs, celery, checks, debts, importing, timers  # noqa: F401, PLC0415
        from casework.auditing import jobs as audit_jobs  # noqa: F401, PLC0415
        from casework.database import checks as deployment  # noqa: F401, PLC0415
        from casework.desks.funds import statement_files  # noqa: F401, PLC0415
        from casework.inspection import making  # noqa: F401, PLC0415
        from casework.inspection.models import PackVolume  # noqa: PLC0415
        from casework.rebuilding import states, wrong_states  # noqa: PLC0415
        from casework.retention import erasing  # noqa: PLC0415
        from casework.rosters import answers, jobs  # noqa: F401, PLC0415
        from casework.steps import (  # noqa: F401, PLC0415
            emergency,
            exit,
            file,
            followup,
            imprest,
            parts,
            payment,
            relatives,
            signatures,
            village,
        )
        from casework.trail import bundle_of  # noqa: PLC0415

        register_selector("case", bundle_of)
        register_check("standing laws", changed_laws)
        register_check("packs", lambda: changed_files(PackVolume.objects.all(), "pack", "pack_id"))
        register_check("reach", hiding_policies)
        register_check("acts", wrong_states)
        register_erasable(erasing.ERASABLE)
        register_derived("casework_case", states)
