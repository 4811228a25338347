from django.db import migrations, models


class Migration(migrations.Migration):
    """Nullable, so that the fingerprints of older history rows stay what they are."""

    dependencies = [("families", "0004_account_by_import")]

    operations = [
        migrations.AddField(
            model_name=model, name="debt_is_lower_bound", field=models.BooleanField(null=True)
        )
        for model in ("historicalhouseholdmeans", "householdmeans")
    ]
