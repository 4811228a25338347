"""Rare states, a person's open cases and early releases are found without reading every case of a county."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("casework", "0004_survey_draft")]

    operations = [
        migrations.RemoveConstraint(model_name="case", name="one_open_case_a_programme"),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_open", True)),
                fields=("beneficiary", "programme"),
                name="one_open_case_a_programme",
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("is_open", True)),
                fields=["county", "state", "due_on", "id"],
                name="open_by_state",
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(condition=models.Q(("tier", "T0")), fields=["-id"], name="released_first"),
        ),
    ]
