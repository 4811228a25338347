from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("access", "0004_an_account_keeps_its_person")]

    operations = [
        migrations.CreateModel(
            name="Rate",
            fields=[
                ("key", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("since", models.DateTimeField(db_index=True)),
                ("count", models.IntegerField()),
            ],
        ),
    ]
