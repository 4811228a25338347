"""Which personal values of a family's file may be erased, by an order of two persons, and what then stands there (ADR 0035)."""

from django.db import migrations

from audit.operations import AllowErasure

GONE = "已清除"
PERSON = {
    "name": GONE, "name_search": "", "id_number_sealed": None, "id_last4": "", "person_key": None, "no_id_reason": GONE,
    "birth_date": "1900-01-01", "ethnicity": "", "education": "", "health": "", "disability_class": "", "disability_grade": "",
    "work_status": "", "lives_away": False, "phone": "", "died_on": None, "death_known_by": None,
}  # fmt: skip
MEANS = {
    "wage_fen": 0, "farming_fen": 0, "transfer_fen": 0, "income_total_fen": 0, "medical_fen": 0, "debt_fen": 0, "debt_is_lower_bound": None,
}  # fmt: skip
ACCOUNT = {"bank": "", "number_sealed": "\\x", "number_index": "", "number_last4": "", "is_active": False, "shared_because": ""}
SURVEY = {
    "facts": {}, "needs_words": GONE, "change_reason": GONE, "is_cadre_relative": False, "cadre_relative_of": "", "digest": "",
}  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("families", "0011_what_an_auditor_searches"), ("audit", "0008_erasure")]
    operations = [
        AllowErasure("families", "person", PERSON),
        AllowErasure(
            "families", "household", {"head_name": GONE, "search": "", "address": "", "remark": "", "shelf_no": ""}
        ),
        AllowErasure("families", "householdmeans", MEANS),
        AllowErasure("families", "helpreceived", {"original_text": ""}),
        AllowErasure("families", "bankaccount", ACCOUNT),
        AllowErasure("families", "lead", {"words": GONE}),
        AllowErasure("families", "survey", SURVEY),
        AllowErasure(
            "families", "document", {"title": "", "file": "", "place": "", "look": None, "taken_on": None}
        ),
    ]
