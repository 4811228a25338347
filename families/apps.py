from django.apps import AppConfig


class FamiliesConfig(AppConfig):
    name = "families"

    def ready(self) -> None:
        from audit.verify import register_check  # noqa: PLC0415
        from families.kept_files import changed_files  # noqa: PLC0415

        register_check("files", changed_files)
