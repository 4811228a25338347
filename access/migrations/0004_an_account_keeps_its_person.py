"""An account belongs to one natural person for good: bound to another, she would hold the duties of two."""

from django.db import migrations

LAW = """
CREATE FUNCTION access_staff_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'account % keeps its person; close it and open another', OLD.username
    USING ERRCODE = 'check_violation', CONSTRAINT = 'an_account_keeps_its_person';
END $$;
CREATE TRIGGER access_guard BEFORE UPDATE ON access_staff FOR EACH ROW
  WHEN (OLD.person_key <> NEW.person_key) EXECUTE FUNCTION access_staff_guard();
ALTER TABLE access_staff ENABLE ALWAYS TRIGGER access_guard;
"""

UNDO = "DROP FUNCTION access_staff_guard() CASCADE"


class Migration(migrations.Migration):
    dependencies = [("access", "0003_posts_function")]
    operations = [migrations.RunSQL(LAW, UNDO)]
