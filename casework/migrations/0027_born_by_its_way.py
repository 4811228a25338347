"""A case begins where its programme begins, by an act of somebody who may open one, and keeps its programme.

0026 holds the ways from state to state; a case that was born approved had gone none. The opening stands in flows_way like
any other edge, from nowhere.
"""

from importlib import import_module

from django.db import migrations

_LAWS = import_module("casework.migrations.0026_state_by_its_way").LAWS
_ACTS = _LAWS[_LAWS.index("CREATE FUNCTION casework_act_guard()") : _LAWS.index("CREATE TRIGGER casework_act_guard")]
ACTS_BEFORE = _ACTS.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)
_EXEMPT = """  IF NEW.action = 'open' AND NEW.n = 1 AND NEW.from_state = '' THEN
    RETURN NEW;
  END IF;
"""
_FIRST = """  IF (NEW.n = 1) <> (NEW.from_state = '') THEN
    RAISE EXCEPTION 'the first act of case % opens it', NEW.case_id USING ERRCODE = 'check_violation', CONSTRAINT = 'act_is_an_edge';
  END IF;
"""
assert _EXEMPT in ACTS_BEFORE
ACTS = ACTS_BEFORE.replace(_EXEMPT, _FIRST)

LAWS = """
CREATE FUNCTION casework_birth_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    RAISE EXCEPTION 'case % keeps its programme', OLD.id USING ERRCODE = 'check_violation', CONSTRAINT = 'case_keeps_its_programme';
  ELSIF NOT EXISTS (SELECT FROM flows_way w WHERE w.programme = NEW.programme AND w.from_state = '' AND w.to_state = NEW.state) THEN
    RAISE EXCEPTION '% does not begin in %', NEW.programme, NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'case_begins_where_its_programme_begins';
  ELSIF (NEW.acts, NEW.tier, NEW.approved_digest, NEW.is_open) IS DISTINCT FROM (1, '', '', true) THEN
    RAISE EXCEPTION 'a case is born with nothing decided'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'case_begins_where_its_programme_begins';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER casework_birth_guard AFTER INSERT ON casework_case FOR EACH ROW EXECUTE FUNCTION casework_birth_guard();
CREATE TRIGGER casework_programme_guard BEFORE UPDATE OF programme ON casework_case
  FOR EACH ROW WHEN (OLD.programme IS DISTINCT FROM NEW.programme) EXECUTE FUNCTION casework_birth_guard();
ALTER TABLE casework_case ENABLE ALWAYS TRIGGER casework_birth_guard;
ALTER TABLE casework_case ENABLE ALWAYS TRIGGER casework_programme_guard;

CREATE FUNCTION casework_birth_told() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM casework_caseevent e WHERE e.case_id = NEW.id AND e.n = 1) THEN
    RAISE EXCEPTION 'case % was opened without an act', NEW.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'case_is_opened_by_an_act';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER casework_birth_told AFTER INSERT ON casework_case DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION casework_birth_told();
ALTER TABLE casework_case ENABLE ALWAYS TRIGGER casework_birth_told;
"""
AWAY = """
DROP TRIGGER casework_birth_told ON casework_case;
DROP TRIGGER casework_programme_guard ON casework_case;
DROP TRIGGER casework_birth_guard ON casework_case;
DROP FUNCTION casework_birth_told();
DROP FUNCTION casework_birth_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("casework", "0026_state_by_its_way"), ("flows", "0005_way_from_nowhere")]

    operations = [migrations.RunSQL(ACTS, ACTS_BEFORE), migrations.RunSQL(LAWS, AWAY)]
