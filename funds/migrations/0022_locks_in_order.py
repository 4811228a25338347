"""Accounts are locked in the order of their numbers, whatever the order of the transfers that move them.

Balances move transfer by transfer. Two transactions that name two allocations in opposite order waited for one another
until PostgreSQL ended one of them."""

from django.db import migrations

LAWS = """
-- The accounts that the transfers of this transaction will move, kept with the transaction: what is rolled back is forgotten.
CREATE FUNCTION funds_remember_accounts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('funds.to_move', (SELECT array_agg(DISTINCT x.id)::text FROM (
    SELECT unnest(nullif(current_setting('funds.to_move', true), '')::bigint[])
    UNION ALL SELECT debit_id FROM fresh UNION ALL SELECT credit_id FROM fresh) AS x (id)), true);
  RETURN NULL;
END $$;
CREATE TRIGGER funds_to_move AFTER INSERT ON funds_transfer REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION funds_remember_accounts();

CREATE FUNCTION funds_lock_accounts() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM funds_account WHERE id = ANY (nullif(current_setting('funds.to_move', true), '')::bigint[])
    ORDER BY id FOR NO KEY UPDATE;
  PERFORM set_config('funds.to_move', '', true);
END $$;

ALTER TABLE funds_transfer ENABLE ALWAYS TRIGGER funds_to_move;
"""

UNDO = "DROP FUNCTION funds_remember_accounts() CASCADE; DROP FUNCTION funds_lock_accounts();"


class Migration(migrations.Migration):
    dependencies = [("funds", "0021_months_end_by_the_clock")]
    operations = [migrations.RunSQL(LAWS, UNDO)]
