"""What was reviewed stays: no fund is moved in or out of an account under its reviewed sheets."""

from django.db import migrations

LAWS = """
-- Whoever reviews a sheet and whoever places a fund wait for one another at the account.
CREATE FUNCTION funds_deposit_locked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM funds_depositaccount WHERE id = NEW.account_id FOR NO KEY UPDATE;
  RETURN NEW;
END $$;
CREATE TRIGGER funds_account BEFORE UPDATE ON funds_reconciliation FOR EACH ROW WHEN (NEW.state = 'reviewed')
  EXECUTE FUNCTION funds_deposit_locked();

-- A fund that comes or goes on a day changes what the books say of that day and of all that follow.
CREATE FUNCTION funds_standing_after_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM funds_depositaccount WHERE id = NEW.account_id FOR NO KEY UPDATE;
  IF EXISTS (SELECT 1 FROM funds_reconciliation r WHERE r.account_id = NEW.account_id AND r.state = 'reviewed'
             AND CASE TG_OP WHEN 'INSERT' THEN r.on >= NEW.valid_from AND (NEW.valid_to IS NULL OR r.on <= NEW.valid_to)
                            ELSE OLD.valid_to IS NULL AND r.on > NEW.valid_to END) THEN
    RAISE EXCEPTION 'account % has reviewed sheets of these days', NEW.account_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'reviewed_sheets_keep_their_funds';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER funds_reviewed BEFORE INSERT OR UPDATE ON funds_fundstanding FOR EACH ROW EXECUTE FUNCTION funds_standing_after_review();

ALTER TABLE funds_reconciliation ENABLE ALWAYS TRIGGER funds_account;
ALTER TABLE funds_fundstanding ENABLE ALWAYS TRIGGER funds_reviewed;
"""

UNDO = "DROP FUNCTION funds_standing_after_review() CASCADE; DROP FUNCTION funds_deposit_locked() CASCADE;"


class Migration(migrations.Migration):
    dependencies = [("funds", "0018_one_bank_a_batch")]
    operations = [migrations.RunSQL(LAWS, UNDO)]
