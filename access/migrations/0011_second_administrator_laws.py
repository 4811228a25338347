"""What waits for a second administrator gives no right, and only another person, once, puts it in force.

The roles are those of access.roles.NEED_A_SECOND; a test keeps the two lists together.
"""

from importlib import import_module

from django.db import migrations

from audit.operations import TrackHistory

LAW = """
CREATE FUNCTION access_needs_a_second(role text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT role IN ('township_approver', 'county_approver', 'sysadmin', 'fund_manager', 'fund_checker', 'cashier')
$$;

CREATE FUNCTION access_confirm_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE v_role text; v_holder text; v_maker text; v_confirmer text; v_maker_id bigint; v_new jsonb := to_jsonb(NEW);
BEGIN
  IF TG_TABLE_NAME = 'access_appointment' THEN
    v_role := v_new->>'role'; v_maker_id := (v_new->>'appointed_by_id')::bigint;
    SELECT person_key INTO v_holder FROM access_staff WHERE id = (v_new->>'staff_id')::bigint;
  ELSE
    SELECT role INTO v_role FROM access_appointment WHERE id = (v_new->>'appointment_id')::bigint;
    v_maker_id := (v_new->>'made_by_id')::bigint;
    SELECT person_key INTO v_holder FROM access_staff WHERE id = (v_new->>'delegate_id')::bigint;
  END IF;
  SELECT person_key INTO v_maker FROM access_staff WHERE id = v_maker_id;
  IF NEW.maker_person_key IS DISTINCT FROM v_maker THEN
    RAISE EXCEPTION 'the maker is another person' USING ERRCODE = 'check_violation', CONSTRAINT = 'maker_is_who_made_it';
  END IF;

  IF TG_OP = 'INSERT' THEN
    IF NEW.confirmed_how IN ('second', 'before') THEN
      RAISE EXCEPTION 'what is made now waits first' USING ERRCODE = 'check_violation', CONSTRAINT = 'made_before_confirmed';
    ELSIF NEW.confirmed_how = 'alone' AND access_needs_a_second(v_role) THEN
      RAISE EXCEPTION 'the post of a % takes two administrators', v_role
        USING ERRCODE = 'check_violation', CONSTRAINT = 'money_takes_two_administrators';
    ELSIF NEW.confirmed_how = 'set_up' AND v_maker_id IS NOT NULL THEN
      RAISE EXCEPTION 'an administrator does not set up' USING ERRCODE = 'check_violation', CONSTRAINT = 'set_up_has_no_maker';
    ELSIF NEW.confirmed_how = 'first' THEN
      -- One at a time, or two accomplices are each the second one.
      PERFORM pg_advisory_xact_lock(hashtextextended('access:first', 20260415));
      IF TG_TABLE_NAME <> 'access_appointment' OR v_role <> 'sysadmin' OR v_maker IS NULL OR EXISTS (
          SELECT FROM access_appointment a JOIN access_staff s ON s.id = a.staff_id
          WHERE a.role = 'sysadmin' AND a.confirmed_on IS NOT NULL AND s.person_key <> v_maker) THEN
        RAISE EXCEPTION 'there was a second administrator before'
          USING ERRCODE = 'check_violation', CONSTRAINT = 'first_second_administrator_once';
      END IF;
    END IF;
    RETURN NEW;
  END IF;

  -- A post that money passes is not turned into another, nor another into one.
  IF TG_TABLE_NAME = 'access_appointment'
     AND (access_needs_a_second(v_role) OR access_needs_a_second(to_jsonb(OLD)->>'role')) AND
       (v_new - ARRAY['valid_to', 'reason', 'confirmed_on', 'confirmed_how', 'confirmed_by_id', 'confirmer_person_key', 'dropped_on'])
       <> (to_jsonb(OLD) - ARRAY['valid_to', 'reason', 'confirmed_on', 'confirmed_how', 'confirmed_by_id', 'confirmer_person_key', 'dropped_on'])
     OR TG_TABLE_NAME = 'access_delegation' AND
       (v_new - ARRAY['ended_at', 'confirmed_on', 'confirmed_how', 'confirmed_by_id', 'confirmer_person_key', 'dropped_on'])
       <> (to_jsonb(OLD) - ARRAY['ended_at', 'confirmed_on', 'confirmed_how', 'confirmed_by_id', 'confirmer_person_key', 'dropped_on']) THEN
    RAISE EXCEPTION 'what was confirmed is not changed afterwards: end it and make another'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'a_post_stays_as_it_was_made';
  END IF;
  IF (OLD.valid_to IS NOT NULL AND (NEW.valid_to IS NULL OR NEW.valid_to > OLD.valid_to))
     AND access_needs_a_second(v_role) THEN
    RAISE EXCEPTION 'a last day is not put off: make another' USING ERRCODE = 'check_violation', CONSTRAINT = 'a_last_day_stays';
  END IF;
  IF (OLD.confirmed_on, OLD.confirmed_how, OLD.confirmed_by_id, OLD.confirmer_person_key)
     IS NOT DISTINCT FROM (NEW.confirmed_on, NEW.confirmed_how, NEW.confirmed_by_id, NEW.confirmer_person_key) THEN
    IF OLD.dropped_on IS NOT NULL AND NEW.dropped_on IS DISTINCT FROM OLD.dropped_on THEN
      RAISE EXCEPTION 'dropped is dropped' USING ERRCODE = 'check_violation', CONSTRAINT = 'confirmed_once';
    END IF;
    RETURN NEW;
  END IF;
  SELECT person_key INTO v_confirmer FROM access_staff WHERE id = NEW.confirmed_by_id;
  IF OLD.confirmed_on IS NOT NULL OR OLD.dropped_on IS NOT NULL OR NEW.confirmed_how IS DISTINCT FROM 'second' THEN
    RAISE EXCEPTION 'confirmed once, by another administrator' USING ERRCODE = 'check_violation', CONSTRAINT = 'confirmed_once';
  ELSIF v_confirmer IS NULL OR NEW.confirmer_person_key IS DISTINCT FROM v_confirmer OR v_confirmer IN (v_maker, v_holder) THEN
    RAISE EXCEPTION 'confirmed by the maker or by the person concerned'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'confirmed_by_a_third';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER access_confirm BEFORE INSERT OR UPDATE ON access_appointment FOR EACH ROW EXECUTE FUNCTION access_confirm_guard();
ALTER TABLE access_appointment ENABLE ALWAYS TRIGGER access_confirm;
CREATE TRIGGER access_confirm BEFORE INSERT OR UPDATE ON access_delegation FOR EACH ROW EXECUTE FUNCTION access_confirm_guard();
ALTER TABLE access_delegation ENABLE ALWAYS TRIGGER access_confirm;

CREATE FUNCTION access_reset_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' AND NEW.done_on IS NOT NULL OR TG_OP = 'UPDATE' AND (
      OLD.done_on IS NOT NULL OR OLD.dropped_on IS NOT NULL
      OR (NEW.staff_id, NEW.what, NEW.asked_by_id, NEW.asker_person_key, NEW.person_key, NEW.reason)
         IS DISTINCT FROM (OLD.staff_id, OLD.what, OLD.asked_by_id, OLD.asker_person_key, OLD.person_key, OLD.reason)) THEN
    RAISE EXCEPTION 'a reset waits once and is decided once' USING ERRCODE = 'check_violation', CONSTRAINT = 'reset_decided_once';
  END IF;
  IF NEW.person_key <> (SELECT person_key FROM access_staff WHERE id = NEW.staff_id)
     OR NEW.asker_person_key <> (SELECT person_key FROM access_staff WHERE id = NEW.asked_by_id)
     OR NEW.doer_person_key IS DISTINCT FROM (SELECT person_key FROM access_staff WHERE id = NEW.done_by_id) THEN
    RAISE EXCEPTION 'the keys name other persons' USING ERRCODE = 'check_violation', CONSTRAINT = 'reset_names_its_persons';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER access_guard BEFORE INSERT OR UPDATE ON access_reset FOR EACH ROW EXECUTE FUNCTION access_reset_guard();
ALTER TABLE access_reset ENABLE ALWAYS TRIGGER access_guard;
"""

UNDO = """
DROP FUNCTION access_confirm_guard() CASCADE;
DROP FUNCTION access_reset_guard() CASCADE;
DROP FUNCTION access_needs_a_second(text);
"""

# As in 0003, and confirmed; a delegation counts until it is ended.
POSTS = """
CREATE OR REPLACE FUNCTION access_posts_of(wanted bigint, today date)
RETURNS TABLE (role text, unit_id bigint, level text,
               principal_id bigint, principal_person_key text, principal_name text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY
  SELECT a.role::text, a.unit_id, u.level::text, NULL::bigint, NULL::text, ''
  FROM access_appointment a JOIN access_orgunit u ON u.id = a.unit_id
  WHERE a.staff_id = wanted AND a.valid_from <= today AND (a.valid_to IS NULL OR a.valid_to >= today)
    AND a.confirmed_on IS NOT NULL
    AND EXISTS (SELECT 1 FROM access_unitpermission g JOIN auth_permission p ON p.id = g.permission_id
                WHERE g.user_id = a.staff_id AND g.content_object_id = a.unit_id AND p.codename = 'hold_' || a.role)
  UNION ALL
  SELECT a.role::text, a.unit_id, u.level::text, s.id, s.person_key::text, s.name::text
  FROM access_delegation d JOIN access_appointment a ON a.id = d.appointment_id
  JOIN access_orgunit u ON u.id = a.unit_id JOIN access_staff s ON s.id = a.staff_id
  WHERE d.delegate_id = wanted AND d.valid_from <= today AND d.valid_to >= today AND s.is_active
    AND d.confirmed_on IS NOT NULL AND d.ended_at IS NULL
    AND a.valid_from <= today AND (a.valid_to IS NULL OR a.valid_to >= today) AND a.confirmed_on IS NOT NULL
    AND EXISTS (SELECT 1 FROM access_unitpermission g JOIN auth_permission p ON p.id = g.permission_id
                WHERE g.user_id = a.staff_id AND g.content_object_id = a.unit_id AND p.codename = 'hold_' || a.role);
END $$
"""

BEFORE = import_module("access.migrations.0003_posts_function").POSTS.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")


class Migration(migrations.Migration):
    dependencies = [("access", "0010_confirmed_before")]
    operations = [
        TrackHistory("access", "reset", "'staff:' || r.staff_id"),
        migrations.RunSQL(LAW, UNDO),
        migrations.RunSQL(POSTS, BEFORE),
    ]
