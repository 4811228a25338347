"""Row-level security: the second net under scope(). Whoever owns the tables is not held by it; pages do not own them.

What a connection may see it says in four settings (access.reach). The owner of the tables, the sealer and auditors see
all. A row that hangs on a case or a household is seen with it.
"""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION access_reaches_everywhere() RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT coalesce(current_setting('casework.reach', true), '') = 'everywhere'
      OR current_user IN ('casework_auditor', 'casework_sealer')
$$;
CREATE FUNCTION access_reach(what text) RETURNS bigint[] LANGUAGE sql STABLE AS $$
  SELECT coalesce(nullif(current_setting('casework.' || what, true), ''), '{}')::bigint[]
$$;

-- What hangs on a case or a household asks by these, with the owner's rights: policies within policies would cost every query
-- ten milliseconds of planning.
CREATE FUNCTION access_sees_case(v_id bigint) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  RETURN EXISTS (SELECT FROM casework_case WHERE id = v_id
    AND (ARRAY[province_id, prefecture_id, county_id, township_id, village_id] && access_reach('units') OR id = ANY (access_reach('cases'))));
END $$;
CREATE FUNCTION access_sees_a_case_of(v_household bigint) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  RETURN EXISTS (SELECT FROM casework_case WHERE household_id = v_household
    AND (ARRAY[province_id, prefecture_id, county_id, township_id, village_id] && access_reach('units') OR id = ANY (access_reach('cases'))));
END $$;
CREATE FUNCTION access_sees_household(v_id bigint) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  RETURN EXISTS (SELECT FROM families_household WHERE id = v_id
    AND (ARRAY[province_id, prefecture_id, county_id, township_id, village_id, group_id] && access_reach('units')
         OR id = ANY (access_reach('households')))) OR access_sees_a_case_of(v_id);
END $$;
CREATE FUNCTION access_sees_person(v_id bigint) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  -- Who belongs to no family yet is being written down at this moment.
  RETURN EXISTS (SELECT FROM families_householdmember WHERE person_id = v_id AND access_sees_household(household_id))
    OR NOT EXISTS (SELECT FROM families_householdmember WHERE person_id = v_id);
END $$;
"""
AWAY = """
DROP FUNCTION access_sees_person(bigint); DROP FUNCTION access_sees_household(bigint); DROP FUNCTION access_sees_a_case_of(bigint);
DROP FUNCTION access_sees_case(bigint); DROP FUNCTION access_reaches_everywhere(); DROP FUNCTION access_reach(text);
"""

# Asked once a query, not once a row: each stands in a SELECT of its own.
_ALL = "(SELECT access_reaches_everywhere())"
_HERE = "ARRAY[province_id, prefecture_id, county_id, township_id, village_id] && (SELECT access_reach('units'))"

PLACED = {
    "casework_case": f"{_HERE} OR id = ANY ((SELECT access_reach('cases'))::bigint[])",
    # A family that moved away stays with the cases that stayed behind.
    "families_household": f"{_HERE} OR group_id = ANY ((SELECT access_reach('units'))::bigint[])"
    " OR id = ANY ((SELECT access_reach('households'))::bigint[])"
    " OR access_sees_a_case_of(id)",
    "casework_historicalcase": f"{_HERE} OR id = ANY ((SELECT access_reach('cases'))::bigint[])",
    "families_historicalhousehold": f"{_HERE} OR id = ANY ((SELECT access_reach('households'))::bigint[])",
}
OF_A_CASE = (
    "caseevent", "casedocument", "deliberation", "measure", "followupvisit", "serviceentry",
    "historicalcasedocument", "historicaldeliberation", "historicalmeasure", "historicalfollowupvisit",
    "historicalserviceentry", "relativeflag", "historicalrelativeflag", "homecheck",
)  # fmt: skip
OF_A_HOUSEHOLD = (
    "householdmember", "survey", "bankaccount", "householdmeans", "hardshipcause", "helpreceived", "document",
    "historicalhouseholdmember", "historicalsurvey", "historicalbankaccount", "historicalhouseholdmeans",
    "historicalhardshipcause", "historicalhelpreceived", "historicaldocument",
)  # fmt: skip
OF_A_PERSON = {"families_person": "id", "families_historicalperson": "id"}

# Laws see all rows, whoever's statement they judge. So does whatever erases by order, which nobody has the right to do by hand.
ERASING = ("audit_erase", "audit_erasure_is_ordered")


def _policies():
    for table, condition in PLACED.items():
        yield table, condition
    for name in OF_A_CASE:
        yield f"casework_{name}", "access_sees_case(case_id)"
    for name in OF_A_HOUSEHOLD:
        yield f"families_{name}", "household_id IS NULL OR access_sees_household(household_id)"
    for table, column in OF_A_PERSON.items():
        yield table, f"access_sees_person({column})"


def forwards(apps, schema_editor):
    for table, condition in _policies():
        schema_editor.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        schema_editor.execute(f"CREATE POLICY within_reach ON {table} USING ({_ALL} OR {condition}) WITH CHECK (true)")
    tables = "|".join(table for table, _condition in _policies())
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND NOT prosecdef"
            " AND (prosrc ~ %s OR proname = ANY (%s))",
            [rf"\m({tables})\M", list(ERASING)],
        )
        for (function,) in cursor.fetchall():
            schema_editor.execute(f"ALTER FUNCTION {function} SECURITY DEFINER SET search_path = public, pg_temp")


def backwards(apps, schema_editor):
    for table, _condition in _policies():
        schema_editor.execute(f"DROP POLICY within_reach ON {table}")
        schema_editor.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")


class Migration(migrations.Migration):
    dependencies = [("casework", "0024_retention_periods"), ("families", "0012_what_may_be_erased")]

    operations = [
        migrations.RunSQL(FUNCTIONS, AWAY),
        migrations.RunPython(forwards, backwards),
    ]
