from django.apps import AppConfig


class FamiliesConfig(AppConfig):
    name = "families"

    def ready(self) -> None:
        from access.resealing import SealedColumn, register_sealed  # noqa: PLC0415
        from families.models import BankAccount, Person  # noqa: PLC0415

        register_sealed(
            SealedColumn(Person, "id_number_sealed", "id_number_row"),
            SealedColumn(BankAccount, "number_sealed", "number_row"),
        )
