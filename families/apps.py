from django.apps import AppConfig

# As in migration 0009 (AllowErasure); what then stands there is said there.
ERASABLE = {
    "families_historicalperson": "name name_search id_number_sealed id_last4 person_key no_id_reason birth_date ethnicity education"
    " health disability_class disability_grade work_status lives_away phone died_on death_known_by",
    "families_historicalhousehold": "head_name search address remark shelf_no",
    "families_historicalhouseholdmeans": "wage_fen farming_fen transfer_fen income_total_fen medical_fen debt_fen debt_is_lower_bound",
    "families_historicalhelpreceived": "original_text",
    "families_historicalbankaccount": "bank number_sealed number_index number_last4 is_active shared_because",
    "families_historicallead": "words",
    "families_historicalsurvey": "facts needs_words change_reason is_cadre_relative cadre_relative_of digest",
    "families_historicaldocument": "title file place look taken_on",
}


class FamiliesConfig(AppConfig):
    name = "families"

    def ready(self) -> None:
        from access.resealing import SealedColumn, register_sealed  # noqa: PLC0415
        from audit.erasure import register_erasable  # noqa: PLC0415
        from audit.kept_files import changed_files  # noqa: PLC0415
        from audit.verify import register_check  # noqa: PLC0415
        from families.models import BankAccount, Document, Person  # noqa: PLC0415

        # What was erased by order names no file any more; that it was ordered is audit.erasure's to prove.
        register_check("files", lambda: changed_files(Document.objects.all(), "household", "household_id"))
        register_erasable(ERASABLE)
        register_sealed(
            SealedColumn(Person, "id_number_sealed", "id_number_row"),
            SealedColumn(BankAccount, "number_sealed", "number_row"),
        )
