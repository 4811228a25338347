"""What was published stays as it was, for the whole time."""

from django.db import migrations

LAWS = """
CREATE FUNCTION casework_notice_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'a notice is never deleted' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF (NEW.outcome = '') <> (NEW.ended_on IS NULL) THEN
    RAISE EXCEPTION 'notice % ends on a day and with an outcome', NEW.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'notice_ends_with_its_outcome';
  END IF;
  IF TG_OP = 'UPDATE' AND ((OLD.case_id, OLD.kind, OLD.round, OLD.village_id, OLD.starts_on, OLD.ends_on, OLD.facts, OLD.digest)
        IS DISTINCT FROM (NEW.case_id, NEW.kind, NEW.round, NEW.village_id, NEW.starts_on, NEW.ends_on, NEW.facts, NEW.digest)
      OR OLD.outcome <> '' AND (OLD.outcome, OLD.ended_on) IS DISTINCT FROM (NEW.outcome, NEW.ended_on)) THEN
    RAISE EXCEPTION 'notice % stays as it was published', NEW.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'notice_stays_as_published';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER casework_guard AFTER INSERT OR UPDATE OR DELETE ON casework_publicnotice
  FOR EACH ROW EXECUTE FUNCTION casework_notice_guard();
ALTER TABLE casework_publicnotice ENABLE ALWAYS TRIGGER casework_guard;
"""

UNDO = "DROP FUNCTION casework_notice_guard() CASCADE"


class Migration(migrations.Migration):
    dependencies = [("casework", "0005_lists_at_a_million_cases")]
    operations = [migrations.RunSQL(LAWS, UNDO)]
