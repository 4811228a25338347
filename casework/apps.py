from django.apps import AppConfig


class CaseworkConfig(AppConfig):
    name = "casework"

    def ready(self) -> None:
        from casework import bank_answers, bank_jobs, celery, checks, importing, timers  # noqa: F401, PLC0415
        from casework.auditing import jobs as audit_jobs  # noqa: F401, PLC0415
        from casework.desks.funds import statement_files  # noqa: F401, PLC0415
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
