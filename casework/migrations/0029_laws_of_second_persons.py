"""Who orders an erasure has an account that is in use; a flag whose person is known does not end.

An order names two accounts and their natural persons: on the day on which each speaks, she is somebody who may log in. And
"not related after all" is said of somebody whom the family named and nobody knows yet. Once it is known who was meant, the
county's visit and the look from above hang on the flag, so it stays.
"""

from django.db import migrations

PERSONS = """
CREATE OR REPLACE FUNCTION casework_order_persons() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.proposer_person_key IS DISTINCT FROM (SELECT person_key FROM access_staff WHERE id = NEW.proposed_by)
     OR NEW.confirmer_person_key IS DISTINCT FROM (SELECT person_key FROM access_staff WHERE id = NEW.confirmed_by) THEN
    RAISE EXCEPTION 'the keys name other persons' USING ERRCODE = 'check_violation', CONSTRAINT = 'order_names_its_persons';
  END IF;
  {active}
  RETURN NEW;
END $$;
"""
ACTIVE = """
  IF TG_OP = 'INSERT' AND NOT (SELECT is_active FROM access_staff WHERE id = NEW.proposed_by)
     OR TG_OP = 'UPDATE' AND OLD.confirmed_by IS NULL AND NOT (SELECT is_active FROM access_staff WHERE id = NEW.confirmed_by) THEN
    RAISE EXCEPTION 'an account that is closed orders nothing'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'order_by_accounts_in_use';
  END IF;
"""

FLAG = """
CREATE OR REPLACE FUNCTION casework_flag_stays() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.case_id = OLD.case_id AND NEW.source = OLD.source AND NEW.found_on = OLD.found_on
     AND (NEW.person_key = OLD.person_key OR OLD.person_key = '') AND (OLD.is_late <= NEW.is_late)
     AND (OLD.verdict = '' OR (NEW.verdict, NEW.review_words, NEW.reviewer_person_key) = (OLD.verdict, OLD.review_words, OLD.reviewer_person_key))
     AND (OLD.ended_on IS NULL OR (NEW.ended_on, NEW.end_words) = (OLD.ended_on, OLD.end_words)) {known} THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'a flag stays; it is reviewed once and ended once'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'a_flag_stays';
END $$;
"""
# Whoever is known stays flagged; what was ended stays as it is.
KNOWN = "AND (NEW.ended_on IS NULL OR NEW.person_key = '' OR OLD.ended_on IS NOT NULL AND NEW.person_key = OLD.person_key)"


class Migration(migrations.Migration):
    dependencies = [("casework", "0028_reach_of_what_hangs")]

    operations = [
        migrations.RunSQL(PERSONS.format(active=ACTIVE), PERSONS.format(active="")),
        migrations.RunSQL(FLAG.format(known=KNOWN), FLAG.format(known="")),
    ]
