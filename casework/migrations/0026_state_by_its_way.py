"""A case's state changes along an edge of its programme, by an act that says so, signed by whom the edge names.

`act()` refuses the same in words; these laws hold for whoever writes past it. They go by flows_way (flows.ways). They run
with the owner's rights, since they look at cases wherever these lie.
"""

from django.db import migrations

LAWS = """
CREATE FUNCTION casework_state_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM flows_way w WHERE w.programme = NEW.programme AND w.from_state = OLD.state AND w.to_state = NEW.state) THEN
    RAISE EXCEPTION 'no edge of % leads from % to %', NEW.programme, OLD.state, NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'state_follows_its_programme';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER casework_state_guard BEFORE UPDATE OF state ON casework_case
  FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION casework_state_guard();
ALTER TABLE casework_case ENABLE ALWAYS TRIGGER casework_state_guard;

CREATE FUNCTION casework_state_told() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM casework_caseevent e WHERE e.case_id = NEW.id AND e.n = NEW.acts
                 AND e.from_state = OLD.state AND e.to_state = NEW.state) THEN
    RAISE EXCEPTION 'case % went from % to % without an act', NEW.id, OLD.state, NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'state_changes_by_an_act';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER casework_state_told AFTER UPDATE ON casework_case DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION casework_state_told();
ALTER TABLE casework_case ENABLE ALWAYS TRIGGER casework_state_told;

CREATE FUNCTION casework_act_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE way flows_way;
BEGIN
  IF NEW.action = 'open' AND NEW.n = 1 AND NEW.from_state = '' THEN
    RETURN NEW;
  END IF;
  SELECT w.* INTO way FROM flows_way w JOIN casework_case c ON c.programme = w.programme
  WHERE c.id = NEW.case_id AND w.from_state = NEW.from_state AND w.action = NEW.action AND w.to_state = NEW.to_state;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no edge lets % lead from % to %', NEW.action, NEW.from_state, NEW.to_state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'act_is_an_edge';
  END IF;
  IF NOT (NEW.by_role = ANY (way.roles) OR 'anyone' = ANY (way.roles)) THEN
    RAISE EXCEPTION '% is not for %', NEW.action, NEW.by_role USING ERRCODE = 'check_violation', CONSTRAINT = 'act_by_its_role';
  END IF;
  IF way.duty <> '' AND NOT EXISTS (SELECT FROM casework_caseduty d WHERE d.case_id = NEW.case_id
                                    AND d.person_key = NEW.person_key AND d.duty = way.duty) THEN
    RAISE EXCEPTION 'whoever takes % holds the duty %', NEW.action, way.duty
      USING ERRCODE = 'check_violation', CONSTRAINT = 'act_by_whom_holds_the_duty';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER casework_act_guard BEFORE INSERT ON casework_caseevent
  FOR EACH ROW EXECUTE FUNCTION casework_act_guard();
ALTER TABLE casework_caseevent ENABLE ALWAYS TRIGGER casework_act_guard;
"""

AWAY = """
DROP TRIGGER casework_act_guard ON casework_caseevent;
DROP TRIGGER casework_state_told ON casework_case;
DROP TRIGGER casework_state_guard ON casework_case;
DROP FUNCTION casework_act_guard();
DROP FUNCTION casework_state_told();
DROP FUNCTION casework_state_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("casework", "0025_reach"), ("flows", "0004_way")]

    operations = [migrations.RunSQL(LAWS, AWAY)]
