"""Who bears a name: ids alone, by the index over all names. Row-level security lets no condition on a text go before its own,
so a search by name would read every person there is; what may be seen of those who were found it decides afterwards."""

from django.db import migrations

NAMED = """
CREATE FUNCTION families_persons_named(v_name tsquery, v_most int) RETURNS SETOF bigint LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  RETURN QUERY SELECT p.id FROM families_person p WHERE families_name_keys(p.name, p.name_search) @@ v_name
    ORDER BY p.id DESC LIMIT v_most;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("families", "0012_what_may_be_erased")]

    operations = [migrations.RunSQL(NAMED, "DROP FUNCTION families_persons_named(tsquery, int)")]
