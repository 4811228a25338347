"""Who confirms or ends a declaration holds an office that may, and not by a post that the declarer or the enterer has lent.

It ends from an office above the declarer's unit; above the county there is none, so there by another of its approvers.
"""

from importlib import import_module

from django.db import migrations

BEFORE = import_module("families.migrations.0010_close_relatives_laws").LAWS
BODY = BEFORE[BEFORE.index("CREATE FUNCTION families_declaration_stays") : BEFORE.index("END $$;") + len("END $$;")]

OFFICE = """
CREATE FUNCTION families_office(v_staff bigint, v_key text, v_day date, v_unit bigint, v_roles text[], v_apart text[], v_above boolean)
RETURNS boolean LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM access_orgunit u, access_staff s, access_posts_of(v_staff, v_day) p
    WHERE u.id = v_unit AND s.id = v_staff AND s.is_active AND s.person_key = v_key AND v_key <> ALL (v_apart)
      AND p.role = ANY (v_roles) AND coalesce(p.principal_person_key, '') <> ALL (v_apart)
      AND p.unit_id = ANY (ARRAY[u.county_id, u.township_id])
      AND (NOT v_above OR p.unit_id <> u.id OR u.level = 'county' AND p.role = 'county_approver'))
$$;
"""
LAW = """    apart := ARRAY[OLD.declarer_person_key, OLD.enterer_person_key];
    IF NEW.ended_on IS NOT NULL AND OLD.ended_on IS NULL AND NOT families_office(
         NEW.ended_by_id, NEW.ender_person_key, NEW.ended_on, OLD.unit_id,
         '{township_approver,county_reviewer,county_approver}', apart, true) THEN
      RAISE EXCEPTION 'an office above the declarer ends a declaration'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'declaration_ended_from_above';
    END IF;
    IF NEW.confirmed_on IS NOT NULL AND OLD.confirmed_on IS NULL AND NOT families_office(
         NEW.confirmed_by_id, NEW.confirmer_person_key, NEW.confirmed_on, OLD.unit_id,
         '{township_clerk,township_approver,county_reviewer,county_approver}', apart, false) THEN
      RAISE EXCEPTION 'an office confirms a declaration, by a post of its own'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'declaration_confirmed_by_an_office';
    END IF;
"""
REPLACED = BODY.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
STRICTER = REPLACED.replace("was jsonb; becomes jsonb;", "was jsonb; becomes jsonb; apart text[];").replace(
    "    was := to_jsonb(OLD);", LAW + "    was := to_jsonb(OLD);"
)


class Migration(migrations.Migration):
    dependencies = [("families", "0013_persons_named"), ("access", "0014_data_keys")]

    operations = [
        migrations.RunSQL(OFFICE, "DROP FUNCTION families_office(bigint, text, date, bigint, text[], text[], boolean)"),
        migrations.RunSQL(STRICTER, REPLACED),
    ]
