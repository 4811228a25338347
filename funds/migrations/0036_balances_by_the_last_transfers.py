"""A balance moves by the transfers of this transaction alone, however many its account has had.

For an account with 100,000 transfers the old function read all of them, several times for each statement: it asked whether
there is any, which lets the planner take an index of the account without the order in which transfers were made. One
question with sums is asked now, planned with the numbers of the moment, and that index is gone.
"""

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models

AFTER = """
CREATE OR REPLACE FUNCTION funds_move(account bigint, first bigint) RETURNS void LANGUAGE plpgsql
  SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE t xid8 := pg_current_xact_id(); since bigint; a funds_account; gives bigint; takes bigint; upto bigint;
BEGIN
  SELECT * INTO a FROM funds_account WHERE id = account;
  since := CASE WHEN a.moved_in = t THEN a.moved_upto ELSE first - 1 END;
  SELECT coalesce(sum(x.amount_fen) FILTER (WHERE x.is_given), 0), coalesce(sum(x.amount_fen) FILTER (WHERE NOT x.is_given), 0), max(x.id)
    INTO gives, takes, upto
  FROM (SELECT id, amount_fen, true AS is_given FROM funds_transfer WHERE debit_id = account AND id > since AND made_in = t
        UNION ALL SELECT id, amount_fen, false FROM funds_transfer WHERE credit_id = account AND id > since AND made_in = t) x;
  IF upto IS NULL THEN RETURN; END IF;
  UPDATE funds_account SET debit_fen = debit_fen + gives, credit_fen = credit_fen + takes, moved_in = t, moved_upto = upto
    WHERE id = account;
END $$;
"""
_LAWS = import_module("funds.migrations.0007_laws_of_a_county").LAWS
_FUNCTION = _LAWS[_LAWS.index("CREATE FUNCTION funds_move(") : _LAWS.index("-- Deferred, once for each statement")]
BEFORE = _FUNCTION.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)


class Migration(migrations.Migration):
    dependencies = [("funds", "0035_what_an_auditor_searches")]

    operations = [
        migrations.AlterField(
            "transfer",
            "debit",
            models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="given", to="funds.account"
            ),
        ),
        migrations.AlterField(
            "transfer",
            "credit",
            models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="received", to="funds.account"
            ),
        ),
        migrations.RunSQL(AFTER, BEFORE),
    ]
