from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


def _write_ways(**_sent: Any) -> None:
    """PostgreSQL's law of the state goes by what the specs of this very program say."""
    from flows import ways  # noqa: PLC0415

    ways.write()


class FlowsConfig(AppConfig):
    name = "flows"

    def ready(self) -> None:
        from audit.verify import register_check  # noqa: PLC0415
        from flows import checks  # noqa: F401, PLC0415
        from flows.ways import wrong_ways  # noqa: PLC0415

        post_migrate.connect(_write_ways, sender=self)
        register_check("ways", wrong_ways)
