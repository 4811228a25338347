"""What goes back from a township is in its hands: the money that the bank still owes it cannot be given up or taken back."""

from django.db import migrations

LAWS = """
-- Asked at the commit, after the money has moved, of what is given up and of every advance that is reversed.
CREATE FUNCTION funds_imprest_in_hand() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE place bigint;
BEGIN
  SELECT allocation_id INTO place FROM funds_account WHERE id = NEW.debit_id;
  PERFORM 1 FROM funds_imprestfloat WHERE allocation_id = place ORDER BY id FOR NO KEY UPDATE;
  IF funds_imprest_book(place, false) <
     (SELECT coalesce(sum(funds_imprest_awaited(b.id)), 0) FROM funds_imprestfloat b WHERE b.allocation_id = place) THEN
    RAISE EXCEPTION 'allocation % has not that much in hand', place
      USING ERRCODE = 'check_violation', CONSTRAINT = 'imprest_goes_back_out_of_the_hand';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER funds_on_hand AFTER INSERT ON funds_transfer DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.kind = 'imprest_return' OR NEW.kind = 'imprest_advance' AND NEW.reverses_id IS NOT NULL)
  EXECUTE FUNCTION funds_imprest_in_hand();
ALTER TABLE funds_transfer ENABLE ALWAYS TRIGGER funds_on_hand;
"""


class Migration(migrations.Migration):
    dependencies = [("funds", "0019_reviewed_sheets_stay")]
    operations = [migrations.RunSQL(LAWS, "DROP FUNCTION funds_imprest_in_hand() CASCADE")]
