"""The list of a batch goes to one bank: two banks that get it would both pay it."""

from django.db import migrations

LAWS = """
CREATE FUNCTION funds_bankfile_one_bank() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM funds_paymentbatch WHERE id = NEW.batch_id FOR NO KEY UPDATE;  -- of two lists at once the second sees the first
  IF EXISTS (SELECT 1 FROM funds_bankfile f WHERE f.batch_id = NEW.batch_id AND f.id <> NEW.id AND f.bank <> NEW.bank) THEN
    RAISE EXCEPTION 'the list of batch % was made for another bank', NEW.batch_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'one_bank_a_batch';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER funds_one_bank BEFORE INSERT OR UPDATE ON funds_bankfile FOR EACH ROW WHEN (NEW.kind = 'list')
  EXECUTE FUNCTION funds_bankfile_one_bank();
ALTER TABLE funds_bankfile ENABLE ALWAYS TRIGGER funds_one_bank;
"""


class Migration(migrations.Migration):
    dependencies = [("funds", "0017_cash_is_given_after_it_was_released")]
    operations = [migrations.RunSQL(LAWS, "DROP FUNCTION funds_bankfile_one_bank() CASCADE;")]
