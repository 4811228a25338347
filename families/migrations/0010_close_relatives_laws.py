"""What was declared stays: a declaration is confirmed once and ended once, and nothing else about it changes."""

from django.db import migrations

from audit.operations import TrackHistory, TrackRows

LAWS = """
CREATE FUNCTION families_declaration_stays() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  confirmed text[] := ARRAY['confirmed_on', 'confirmed_by_id', 'confirmer_person_key'];
  ended text[] := ARRAY['ended_on', 'ended_by_id', 'ender_person_key', 'end_reason'];
  was jsonb; becomes jsonb;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    was := to_jsonb(OLD); becomes := to_jsonb(NEW);
    IF OLD.confirmed_on IS NULL AND OLD.ended_on IS NULL THEN was := was - confirmed; becomes := becomes - confirmed; END IF;
    IF OLD.ended_on IS NULL THEN was := was - ended; becomes := becomes - ended; END IF;
    IF was = becomes THEN RETURN NEW; END IF;
  END IF;
  RAISE EXCEPTION 'a declaration stays as it was written; it is confirmed once and ended once'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'a_declaration_stays';
END $$;
CREATE TRIGGER families_declaration_stays BEFORE UPDATE OR DELETE ON families_conflictdeclaration
  FOR EACH ROW EXECUTE FUNCTION families_declaration_stays();
CREATE TRIGGER families_declaration_is_kept BEFORE TRUNCATE ON families_conflictdeclaration
  FOR EACH STATEMENT EXECUTE FUNCTION families_declaration_stays();
ALTER TABLE families_conflictdeclaration ENABLE ALWAYS TRIGGER families_declaration_stays;
ALTER TABLE families_conflictdeclaration ENABLE ALWAYS TRIGGER families_declaration_is_kept;
"""

UNDO = "DROP FUNCTION families_declaration_stays() CASCADE"


class Migration(migrations.Migration):
    dependencies = [("families", "0009_close_relatives")]

    operations = [
        TrackHistory("families", "cadre", "'cadre:' || r.id"),
        TrackHistory("families", "conflictdeclaration", "'relatives:' || r.unit_id"),
        TrackRows("families", "relativestatement", "'relatives:' || r.unit_id"),
        migrations.RunSQL(LAWS, UNDO),
    ]
