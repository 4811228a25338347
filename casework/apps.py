from django.apps import AppConfig


class CaseworkConfig(AppConfig):
    name = "casework"

    def ready(self) -> None:
        from casework import celery, checks, importing, timers  # noqa: F401, PLC0415
        from casework.rosters import jobs  # noqa: F401, PLC0415
        from casework.steps import emergency, exit, file, followup, payment, signatures, village  # noqa: F401, PLC0415
