"""Whoever released a batch of cash is neither of the two who give it to the families."""

import importlib

from django.db import migrations

BEFORE = importlib.import_module("funds.migrations.0017_cash_is_given_after_it_was_released").AFTER
AFTER = BEFORE.replace(
    "  RETURN NEW;\n",
    """  IF EXISTS (SELECT 1 FROM funds_payment p JOIN funds_paymentbatch b ON b.id = p.batch_id
             WHERE p.id = NEW.payment_id AND b.releaser_person_key IN (NEW.payer_one_key, NEW.payer_two_key)) THEN
    RAISE EXCEPTION 'who released cash does not hand it out' USING ERRCODE = 'check_violation', CONSTRAINT = 'releaser_hands_out_no_cash';
  END IF;
  RETURN NEW;
""",
)


class Migration(migrations.Migration):
    dependencies = [("funds", "0022_locks_in_order")]

    operations = [migrations.RunSQL(AFTER, BEFORE)]
