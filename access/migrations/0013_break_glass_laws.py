"""An emergency stays as it was stated; it is closed once and reviewed once, by another person."""

from django.db import migrations

from audit.operations import TrackHistory

LAW = """
CREATE FUNCTION access_glass_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR TG_OP = 'INSERT' AND (NEW.reviewed_at IS NOT NULL OR NEW.closed_at IS NOT NULL)
     OR TG_OP = 'UPDATE' AND (
       (to_jsonb(NEW) - ARRAY['closed_at', 'reviewed_by_id', 'reviewer_person_key', 'reviewed_at', 'verdict', 'review_words'])
       <> (to_jsonb(OLD) - ARRAY['closed_at', 'reviewed_by_id', 'reviewer_person_key', 'reviewed_at', 'verdict', 'review_words'])
       OR (OLD.closed_at IS NOT NULL AND NEW.closed_at IS DISTINCT FROM OLD.closed_at)
       OR (OLD.reviewed_at IS NOT NULL AND (NEW.reviewed_by_id, NEW.reviewed_at, NEW.verdict, NEW.review_words)
           IS DISTINCT FROM (OLD.reviewed_by_id, OLD.reviewed_at, OLD.verdict, OLD.review_words))) THEN
    RAISE EXCEPTION 'emergency access stays as it was stated and reviewed'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'glass_stays_as_it_was';
  END IF;
  IF NEW.person_key <> (SELECT person_key FROM access_staff WHERE id = NEW.staff_id)
     OR NEW.reviewer_person_key IS DISTINCT FROM (SELECT person_key FROM access_staff WHERE id = NEW.reviewed_by_id) THEN
    RAISE EXCEPTION 'the keys name other persons' USING ERRCODE = 'check_violation', CONSTRAINT = 'glass_names_its_persons';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER access_guard BEFORE INSERT OR UPDATE OR DELETE ON access_breakglass
  FOR EACH ROW EXECUTE FUNCTION access_glass_guard();
ALTER TABLE access_breakglass ENABLE ALWAYS TRIGGER access_guard;
"""


class Migration(migrations.Migration):
    dependencies = [("access", "0012_break_glass")]
    operations = [
        TrackHistory("access", "breakglass", "'staff:' || r.staff_id"),
        migrations.RunSQL(LAW, "DROP FUNCTION access_glass_guard() CASCADE"),
    ]
