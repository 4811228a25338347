"""The second net under what hangs on a family or a case by another name: objections, leads, drafts, lists' lines and signatures.

As 0025 does; a list's line belongs to its village, and to the family wherever that lives now.
"""

from importlib import import_module

from django.db import migrations

_REACH = import_module("casework.migrations.0025_reach")

FUNCTIONS = """
CREATE FUNCTION access_sees_unit(v_id bigint) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  RETURN EXISTS (SELECT FROM access_orgunit WHERE id = v_id
    AND ARRAY[province_id, prefecture_id, county_id, township_id, village_id, id] && access_reach('units'));
END $$;
CREATE FUNCTION access_sees_notice(v_id bigint) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  RETURN EXISTS (SELECT FROM casework_publicnotice WHERE id = v_id AND access_sees_case(case_id));
END $$;
CREATE FUNCTION access_sees_line(v_id bigint) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  RETURN EXISTS (SELECT FROM casework_rosterline WHERE id = v_id AND (access_sees_unit(village_id) OR access_sees_household(household_id)));
END $$;
"""
AWAY = """
DROP FUNCTION access_sees_line(bigint); DROP FUNCTION access_sees_notice(bigint); DROP FUNCTION access_sees_unit(bigint);
"""

# A list has up to 100,000 lines of a few villages, so the villages are looked up once a query.
_LINE = (
    "village_id IN (SELECT u.id FROM access_orgunit u WHERE ARRAY[u.province_id, u.prefecture_id, u.county_id, u.township_id,"
    " u.village_id, u.id] && (SELECT access_reach('units'))) OR access_sees_household(household_id)"
)
POLICIES = {
    "casework_objection": "access_sees_notice(notice_id)",
    "casework_historicalobjection": "access_sees_notice(notice_id)",
    "casework_surveydraft": "access_sees_household(household_id)",
    "families_lead": "access_sees_unit(village_id) OR access_sees_household(household_id)",
    "families_historicallead": "access_sees_unit(village_id) OR access_sees_household(household_id)",
    "casework_rosterline": _LINE,
    "casework_historicalrosterline": _LINE,
    "casework_rostersignature": "access_sees_line(line_id)",
}


def forwards(apps, schema_editor):
    for table, condition in POLICIES.items():
        schema_editor.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        schema_editor.execute(
            f"CREATE POLICY within_reach ON {table} USING ({_REACH._ALL} OR {condition}) WITH CHECK (true)"
        )
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND NOT prosecdef AND prosrc ~ %s",
            [rf"\m({'|'.join(POLICIES)})\M"],
        )
        for (function,) in cursor.fetchall():
            schema_editor.execute(f"ALTER FUNCTION {function} SECURITY DEFINER SET search_path = public, pg_temp")


def backwards(apps, schema_editor):
    for table in POLICIES:
        schema_editor.execute(f"DROP POLICY within_reach ON {table}")
        schema_editor.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")


class Migration(migrations.Migration):
    dependencies = [("casework", "0027_born_by_its_way")]

    operations = [migrations.RunSQL(FUNCTIONS, AWAY), migrations.RunPython(forwards, backwards)]
