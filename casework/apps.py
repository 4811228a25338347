from django.apps import AppConfig


class CaseworkConfig(AppConfig):
    name = "casework"

    def ready(self) -> None:
        from audit.bundle import register_selector  # noqa: PLC0415
        from casework import bank_answers, bank_jobs, celery, checks, importing, timers  # noqa: F401, PLC0415
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
        from casework.trail import bundle_of  # noqa: PLC0415

        register_selector("case", bundle_of)
