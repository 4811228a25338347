"""Posts and delegations that stand are confirmed as of today, and say that they stood before anybody was asked to confirm."""

from typing import Any

from django.db import migrations
from django.utils import timezone

REASON = "stood before second administrators were asked for"
MAKER = {"appointment": "appointed_by_id", "delegation": "made_by_id"}


def fill(apps: Any, schema_editor: Any) -> None:
    today, now = timezone.localdate(), timezone.now()
    for name, maker in MAKER.items():
        table = apps.get_model("access", name)._meta.db_table
        past = apps.get_model("access", f"historical{name}")._meta
        columns = [field.column for field in past.concrete_fields if not field.column.startswith("history_")]
        listed = ", ".join(f'"{column}"' for column in columns)
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {table} r SET confirmed_on = %s, confirmed_how = 'before',"
                f" maker_person_key = (SELECT person_key FROM access_staff s WHERE s.id = r.{maker})"
                f" WHERE confirmed_on IS NULL RETURNING id",
                [today],
            )
            ids = [row[0] for row in cursor.fetchall()]
            cursor.execute(
                f"INSERT INTO {past.db_table} ({listed}, history_date, history_type, history_change_reason,"
                f" history_business_date) SELECT {listed}, %s, '~', %s, %s FROM {table} WHERE id = ANY (%s) ORDER BY id",
                [now, REASON, today, ids],
            )


class Migration(migrations.Migration):
    dependencies = [("access", "0009_second_administrator")]
    # Backwards the columns go, and with them what was filled in; the trail names those rows of history as edited then.
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
