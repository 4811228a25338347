"""A second factor stays whose it is, a step that was used stays used, what was ended stays ended; all of it is in history."""

from django.db import migrations

from audit.operations import TrackHistory

LAW = """
CREATE FUNCTION access_factor_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.staff_id, NEW.row_key, NEW.secret_sealed) IS DISTINCT FROM (OLD.staff_id, OLD.row_key, OLD.secret_sealed)
     OR NEW.last_step < OLD.last_step
     OR (OLD.enrolled_at IS NOT NULL AND NEW.enrolled_at IS DISTINCT FROM OLD.enrolled_at)
     OR OLD.ended_at IS NOT NULL THEN
    RAISE EXCEPTION 'second factor % stays as it was enrolled, and ended when it was ended', OLD.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'a_factor_stays_as_it_was';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER access_guard BEFORE UPDATE ON access_secondfactor FOR EACH ROW EXECUTE FUNCTION access_factor_guard();
ALTER TABLE access_secondfactor ENABLE ALWAYS TRIGGER access_guard;

CREATE FUNCTION access_recovery_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.used_at IS NOT NULL OR (NEW.factor_id, NEW.digest) IS DISTINCT FROM (OLD.factor_id, OLD.digest) THEN
    RAISE EXCEPTION 'recovery code % serves once', OLD.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'a_recovery_code_serves_once';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER access_guard BEFORE UPDATE ON access_recoverycode FOR EACH ROW EXECUTE FUNCTION access_recovery_guard();
ALTER TABLE access_recoverycode ENABLE ALWAYS TRIGGER access_guard;
"""

UNDO = "DROP FUNCTION access_factor_guard() CASCADE; DROP FUNCTION access_recovery_guard() CASCADE"


class Migration(migrations.Migration):
    dependencies = [("access", "0007_second_factor")]
    operations = [
        TrackHistory("access", "secondfactor", "'staff:' || r.staff_id", ("secret_sealed", "last_step")),
        TrackHistory("access", "recoverycode", "'factor:' || r.factor_id", ("digest",)),
        migrations.RunSQL(LAW, UNDO),
    ]
