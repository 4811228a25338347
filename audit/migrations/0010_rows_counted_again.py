"""Let the program have PostgreSQL count the rows of tables that it filled just now; ANALYZE itself is their owner's alone.

To anybody else ANALYZE only warns and leaves the table out, and the planner goes on taking a list of 100,000 for empty.
"""

from django.db import migrations

COUNT = """
CREATE FUNCTION audit_count_rows(tables text[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY tables LOOP
    EXECUTE format('ANALYZE public.%I', name);
  END LOOP;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0009_searches_are_reads")]

    operations = [migrations.RunSQL(COUNT, "DROP FUNCTION audit_count_rows(text[])")]
