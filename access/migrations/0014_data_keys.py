"""Data keys, wrapped by a root key outside the database. They are renewed by wrapping them anew, and never lost (ADR 0034)."""

import simple_history.models
from django.db import migrations, models

from audit.operations import TrackHistory

LAW = """
CREATE FUNCTION access_datakey_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND (
       (NEW.id, NEW.number, NEW.made_at) IS DISTINCT FROM (OLD.id, OLD.number, OLD.made_at)
       OR NEW.root < OLD.root OR (NEW.root = OLD.root) <> (NEW.wrapped = OLD.wrapped)) THEN
    RAISE EXCEPTION 'data key % is wrapped anew by a newer root, never lost', OLD.number
      USING ERRCODE = 'check_violation', CONSTRAINT = 'a_data_key_is_never_lost';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER access_guard BEFORE UPDATE OR DELETE ON access_datakey FOR EACH ROW EXECUTE FUNCTION access_datakey_guard();
ALTER TABLE access_datakey ENABLE ALWAYS TRIGGER access_guard;
"""


class Migration(migrations.Migration):
    dependencies = [("access", "0013_break_glass_laws")]

    operations = [
        migrations.CreateModel(
            name="HistoricalDataKey",
            fields=[
                ("id", models.BigIntegerField(auto_created=True, blank=True, verbose_name="ID")),
                ("history_behalf_id", models.BigIntegerField(null=True)),
                ("history_business_date", models.DateField(null=True)),
                ("number", models.SmallIntegerField()),
                ("root", models.SmallIntegerField()),
                ("made_at", models.DateTimeField()),
                ("history_user_id", models.BigIntegerField(null=True)),
                ("history_change_reason", models.TextField(null=True)),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField()),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
            ],
            options={
                "verbose_name": "historical data key",
                "verbose_name_plural": "historical data keys",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="DataKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.SmallIntegerField(unique=True)),
                ("wrapped", models.BinaryField()),
                ("root", models.SmallIntegerField()),
                ("made_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("number__gte", 1), ("number__lte", 255), ("root__gte", 1)),
                        name="data_key_numbers",
                    )
                ],
            },
        ),
        TrackHistory("access", "datakey", "'keys:values'", ("wrapped",)),
        migrations.RunSQL(LAW, "DROP FUNCTION access_datakey_guard() CASCADE"),
    ]
