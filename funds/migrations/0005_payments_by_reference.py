"""A receipt names its number, and nothing else, to whoever looks for the payment."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("funds", "0004_what_is_paid_is_what_was_decided")]

    operations = [
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(
                condition=models.Q(("bank_reference", ""), _negated=True),
                fields=["bank_reference"],
                name="payments_by_reference",
            ),
        ),
    ]
