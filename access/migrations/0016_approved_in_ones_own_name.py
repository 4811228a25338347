"""Whoever is said to have approved confirms it herself: nobody else, once, and what she confirmed stays as it was.

Grants that stood are marked as such, with a row of history, as posts were in 0010; who gave them is not known any more.
"""

from importlib import import_module
from typing import Any

from django.db import migrations
from django.utils import timezone

REASON = "stood before approvers were asked themselves"
BEFORE = import_module("access.migrations.0011_second_administrator_laws").LAW


def fill(apps: Any, schema_editor: Any) -> None:
    today, now = timezone.localdate(), timezone.now()
    past = apps.get_model("access", "historicalgrant")._meta
    columns = [field.column for field in past.concrete_fields if not field.column.startswith("history_")]
    listed = ", ".join(f'"{column}"' for column in columns)
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            "UPDATE access_grant SET confirmed_on = %s, confirmed_how = 'before' WHERE confirmed_on IS NULL RETURNING id",
            [today],
        )
        ids = [row[0] for row in cursor.fetchall()]
        cursor.execute(
            f"INSERT INTO {past.db_table} ({listed}, history_date, history_type, history_change_reason,"
            f" history_business_date) SELECT {listed}, %s, '~', %s, %s FROM access_grant WHERE id = ANY (%s) ORDER BY id",
            [now, REASON, today, ids],
        )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")  # else no trigger can be put on


GRANTS = """
CREATE FUNCTION access_grant_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_free CONSTANT text[] := ARRAY['revoked_on', 'confirmed_on', 'confirmed_how', 'confirmed_by_id', 'confirmer_person_key', 'dropped_on'];
  v_maker text; v_holder text; v_approver text; v_confirmer text;
BEGIN
  SELECT person_key INTO v_maker FROM access_staff WHERE id = NEW.made_by_id;
  SELECT person_key INTO v_holder FROM access_staff WHERE id = NEW.staff_id;
  SELECT person_key INTO v_approver FROM access_staff WHERE id = NEW.approved_by_id;
  IF TG_OP = 'INSERT' THEN
    IF v_maker IS NULL OR NEW.maker_person_key IS DISTINCT FROM v_maker THEN
      RAISE EXCEPTION 'the maker is another person' USING ERRCODE = 'check_violation', CONSTRAINT = 'maker_is_who_made_it';
    ELSIF v_approver IN (v_maker, v_holder) THEN
      RAISE EXCEPTION 'approved by the maker or by the receiver'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'approved_by_a_third';
    ELSIF NEW.confirmed_on IS NOT NULL OR NEW.dropped_on IS NOT NULL THEN
      RAISE EXCEPTION 'what is given now waits first' USING ERRCODE = 'check_violation', CONSTRAINT = 'made_before_confirmed';
    END IF;
    RETURN NEW;
  END IF;
  IF to_jsonb(NEW) - v_free <> to_jsonb(OLD) - v_free THEN
    RAISE EXCEPTION 'a grant stays as it was given: take it back and give another'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'a_grant_stays_as_it_was_given';
  ELSIF OLD.revoked_on IS NOT NULL AND NEW.revoked_on IS DISTINCT FROM OLD.revoked_on
     OR OLD.dropped_on IS NOT NULL AND NEW.dropped_on IS DISTINCT FROM OLD.dropped_on THEN
    RAISE EXCEPTION 'over is over' USING ERRCODE = 'check_violation', CONSTRAINT = 'a_grant_ends_once';
  ELSIF (OLD.confirmed_on, OLD.confirmed_how, OLD.confirmed_by_id, OLD.confirmer_person_key)
     IS NOT DISTINCT FROM (NEW.confirmed_on, NEW.confirmed_how, NEW.confirmed_by_id, NEW.confirmer_person_key) THEN
    RETURN NEW;
  ELSIF OLD.confirmed_on IS NOT NULL OR OLD.dropped_on IS NOT NULL OR OLD.revoked_on IS NOT NULL
     OR NEW.confirmed_how IS DISTINCT FROM 'approved' THEN
    RAISE EXCEPTION 'confirmed once, by whoever was named' USING ERRCODE = 'check_violation', CONSTRAINT = 'confirmed_once';
  END IF;
  SELECT person_key INTO v_confirmer FROM access_staff WHERE id = NEW.confirmed_by_id;
  IF v_confirmer IS DISTINCT FROM v_approver OR NEW.confirmer_person_key IS DISTINCT FROM v_confirmer
     OR v_confirmer IN (v_maker, v_holder) THEN
    RAISE EXCEPTION 'confirmed by somebody else than was named'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'confirmed_by_who_was_named';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER access_guard BEFORE INSERT OR UPDATE ON access_grant FOR EACH ROW EXECUTE FUNCTION access_grant_guard();
ALTER TABLE access_grant ENABLE ALWAYS TRIGGER access_guard;
"""


def _function(laws: str) -> str:
    """access_confirm_guard of migration 0011, to be put in place of what is there."""
    start = laws.index("CREATE FUNCTION access_confirm_guard()")
    return laws[start : laws.index("END $$;", start) + len("END $$;")].replace(
        "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1
    )


def _changed(laws: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        if laws.count(old) != 1:
            raise ValueError(old)
        laws = laws.replace(old, new)
    return laws


# As in 0011; a delegation that no second administrator confirms is confirmed by the approver that it names.
DELEGATIONS = _changed(
    _function(BEFORE),
    ("NEW.confirmed_how IN ('second', 'before') THEN", "NEW.confirmed_how IN ('second', 'approved', 'before') THEN"),
    (
        "    ELSIF NEW.confirmed_how = 'set_up' AND",
        """    ELSIF NEW.confirmed_how = 'alone' AND TG_TABLE_NAME = 'access_delegation' THEN
      RAISE EXCEPTION 'it waits for the approver that it names'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'lent_with_its_approver';
    ELSIF NEW.confirmed_how = 'set_up' AND""",
    ),
    (
        "NEW.confirmed_how IS DISTINCT FROM 'second' THEN",
        "NEW.confirmed_how IS DISTINCT FROM (CASE\n"
        "       WHEN TG_TABLE_NAME = 'access_delegation' AND NOT access_needs_a_second(v_role) THEN 'approved' ELSE 'second' END) THEN",
    ),
    (
        "v_confirmer IN (v_maker, v_holder) THEN",
        """v_confirmer IN (v_maker, v_holder)
     OR NEW.confirmed_how = 'approved'
        AND v_confirmer IS DISTINCT FROM (SELECT person_key FROM access_staff WHERE id = (v_new->>'approved_by_id')::bigint) THEN""",
    ),
)


class Migration(migrations.Migration):
    dependencies = [("access", "0015_grants_confirmed")]
    operations = [
        # Backwards the columns go, and with them what was filled in.
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunSQL(GRANTS, "DROP FUNCTION access_grant_guard() CASCADE"),
        migrations.RunSQL(DELEGATIONS, _function(BEFORE)),
    ]
