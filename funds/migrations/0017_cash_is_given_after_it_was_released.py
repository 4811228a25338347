"""Cash reaches nobody before those who carry it had it."""

from django.db import migrations

BEFORE = """
CREATE OR REPLACE FUNCTION funds_handover_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    RAISE EXCEPTION 'a handover of cash is not changed' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF EXISTS (SELECT 1 FROM (VALUES (NEW.payer_one_id, NEW.payer_one_key), (NEW.payer_two_id, NEW.payer_two_key)) AS acted (staff, person)
             LEFT JOIN access_staff s ON s.id = acted.staff WHERE s.person_key IS DISTINCT FROM acted.person) THEN
    RAISE EXCEPTION 'a handover names somebody else''s account' USING ERRCODE = 'check_violation', CONSTRAINT = 'handover_names_its_persons';
  END IF;
  RETURN NEW;
END $$;
"""

AFTER = BEFORE.replace(
    "  RETURN NEW;\n",
    """  IF EXISTS (SELECT 1 FROM funds_payment p WHERE p.id = NEW.payment_id AND NEW.handed_on < p.sent_on) THEN
    RAISE EXCEPTION 'a handover lies before the release of its cash' USING ERRCODE = 'check_violation', CONSTRAINT = 'handed_over_after_release';
  END IF;
  RETURN NEW;
""",
)


class Migration(migrations.Migration):
    dependencies = [("funds", "0015_imprest_laws")]

    operations = [migrations.RunSQL(AFTER, BEFORE)]
