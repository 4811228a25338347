"""The law that asks what a payment's money did last goes by the payment: a plan that was made from counts of an earlier
moment went through all transfers, from the last one back, for each payment of a long list."""

from importlib import import_module

from django.db import migrations

_LAWS = import_module("funds.migrations.0030_records_agree_and_laws_stand").LAWS
_FUNCTION = _LAWS[_LAWS.index("CREATE FUNCTION funds_records_agree()") : _LAWS.index("CREATE CONSTRAINT TRIGGER")]
BEFORE = _FUNCTION.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)
AFTER = BEFORE.replace("ORDER BY t.id DESC", "ORDER BY t.id + 0 DESC", 1)


class Migration(migrations.Migration):
    dependencies = [("funds", "0033_payments_frozen_after_a_restore")]

    operations = [migrations.RunSQL(AFTER, BEFORE)]
