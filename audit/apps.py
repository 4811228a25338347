from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"

    def ready(self) -> None:
        from audit import erasure, leaves  # noqa: PLC0415

        leaves.register_facts("audit_erasure", "id", erasure.FACTS)
