"""The small amounts of a month and a county's early releases are found among a million cases."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("casework", "0006_a_notice_stays_as_published")]

    operations = [
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("tier", "T0")), fields=["county", "-id"], name="released_first_in_county"
            ),
        ),
        migrations.AddIndex(
            model_name="caseevent",
            index=models.Index(
                condition=models.Q(("action__in", ["approve", "emergency_release"])),
                fields=["action", "business_date", "id"],
                name="decisions_by_day",
            ),
        ),
    ]
