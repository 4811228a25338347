"""Nobody acts for a close relative: not in a case, nor in lists, cash, goods or what is written off. And their cases are
decided after the county has been there.

Who is close is asked of the register at that moment, by fingerprints, so that no import and no new member slips past.
"""

from django.db import migrations

from audit.operations import TrackHistory, TrackRows

IS_CLOSE = """
CREATE OR REPLACE FUNCTION casework_close_households(persons text[]) RETURNS SETOF bigint LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT m.household_id FROM families_person p JOIN families_householdmember m ON m.person_id = p.id
    WHERE p.person_key = ANY (persons) AND m.valid_to IS NULL
  UNION
  SELECT h.id FROM access_recusal r JOIN families_household h ON h.household_no = r.household_no
    WHERE r.person_key = ANY (persons) AND r.ended_on IS NULL
  {declared}
$$;
"""
DECLARED = """UNION
  SELECT m.household_id FROM families_conflictdeclaration d JOIN families_person p ON p.person_key = d.relative_key
    JOIN families_householdmember m ON m.person_id = p.id AND m.valid_to IS NULL
    WHERE d.declarer_person_key = ANY (persons) AND d.ended_on IS NULL"""

LAWS = """
-- The same asked from the family's side: the keys of everybody who is close to it.
CREATE FUNCTION casework_close_persons(household bigint) RETURNS SETOF text LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT p.person_key FROM families_householdmember m JOIN families_person p ON p.id = m.person_id
    WHERE m.household_id = household AND m.valid_to IS NULL AND p.person_key IS NOT NULL
  UNION
  SELECT r.person_key FROM access_recusal r JOIN families_household h ON h.household_no = r.household_no
    WHERE h.id = household AND r.ended_on IS NULL
  UNION
  SELECT d.declarer_person_key FROM families_householdmember m JOIN families_person p ON p.id = m.person_id
    JOIN families_conflictdeclaration d ON d.relative_key = p.person_key AND d.ended_on IS NULL
    WHERE m.household_id = household AND m.valid_to IS NULL
$$;

-- The family that a subject is about: case:17, or a line of a list, roster:3:7.
CREATE FUNCTION casework_household_of(subject text) RETURNS bigint LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT CASE
    WHEN subject ~ '^case:[0-9]{{1,18}}$' THEN (SELECT c.household_id FROM casework_case c WHERE c.id = split_part(subject, ':', 2)::bigint)
    WHEN subject ~ '^roster:[0-9]{{1,18}}:[0-9]{{1,9}}$' THEN (SELECT l.household_id FROM casework_rosterline l
      WHERE l.roster_id = split_part(subject, ':', 2)::bigint AND l.n = split_part(subject, ':', 3)::int) END
$$;

CREATE FUNCTION casework_family_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE family bigint; persons text[];
BEGIN
  IF TG_TABLE_NAME = 'casework_caseduty' THEN
    family := casework_household_of('case:' || NEW.case_id); persons := ARRAY[NEW.person_key];
  ELSIF TG_TABLE_NAME = 'casework_homecheck' THEN
    family := casework_household_of('case:' || NEW.case_id); persons := ARRAY[NEW.visitor_person_key];
  ELSIF TG_TABLE_NAME = 'funds_cashhandover' THEN
    SELECT casework_household_of(p.subject) INTO family FROM funds_payment p WHERE p.id = NEW.payment_id;
    persons := ARRAY[NEW.payer_one_key, NEW.payer_two_key];
  ELSIF TG_TABLE_NAME = 'funds_imprestspend' THEN
    family := casework_household_of(NEW.subject); persons := ARRAY[NEW.payer_one_key, NEW.payer_two_key];
  ELSIF TG_TABLE_NAME = 'funds_stockslip' THEN
    SELECT h.id INTO family FROM families_household h WHERE h.household_no = NEW.household_no;
    persons := ARRAY[NEW.maker_person_key, NEW.witness_person_key];
  ELSE  -- what a family owes is written off
    SELECT casework_household_of(r.subject) INTO family FROM funds_recovery r WHERE r.id = (NEW.details ->> 'recovery')::bigint;
    persons := ARRAY[CASE WHEN TG_OP = 'INSERT' THEN NEW.proposer_person_key ELSE NEW.decider_person_key END];
  END IF;
  IF family IN (SELECT casework_close_households(persons)) THEN
    RAISE EXCEPTION 'nobody acts for her own family'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'nobody_acts_for_own_family';
  END IF;
  RETURN NULL;
END $$;
{triggers}

-- What an office decides for a worker's relatives waits until the county was there, and until somebody one tier up looked at
-- what she had done before anybody knew.
CREATE FUNCTION casework_relatives_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM casework_relativeflag f WHERE f.case_id = NEW.case_id AND f.ended_on IS NULL) THEN
    IF NOT EXISTS (SELECT FROM casework_homecheck k WHERE k.case_id = NEW.case_id)
       AND (SELECT coalesce((v.parameters ->> 'relatives_visited')::bool, true)
            FROM casework_case c JOIN flows_programmeversion v ON v.id = c.version_id WHERE c.id = NEW.case_id) THEN
      RAISE EXCEPTION 'the county goes to see the family of a worker''s relatives before its money is decided'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'relatives_were_visited';
    END IF;
    IF EXISTS (SELECT FROM casework_relativeflag f
               WHERE f.case_id = NEW.case_id AND f.ended_on IS NULL AND f.is_late AND f.verdict = '') THEN
      RAISE EXCEPTION 'what a relative did before she was known as one is looked at one tier up first'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'late_relative_was_reviewed';
    END IF;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER casework_relatives AFTER INSERT ON casework_caseevent FOR EACH ROW
  WHEN (NEW.action IN ('approve', 'confirm', 'countersign') AND NEW.to_state IN ('fund_reserved', 'paid'))
  EXECUTE FUNCTION casework_relatives_guard();
ALTER TABLE casework_caseevent ENABLE ALWAYS TRIGGER casework_relatives;

-- A flag names its case and person for good, but for somebody unknown who was found out later; a verdict and an end stay.
CREATE FUNCTION casework_flag_stays() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.case_id = OLD.case_id AND NEW.source = OLD.source AND NEW.found_on = OLD.found_on
     AND (NEW.person_key = OLD.person_key OR OLD.person_key = '') AND (OLD.is_late <= NEW.is_late)
     AND (OLD.verdict = '' OR (NEW.verdict, NEW.review_words, NEW.reviewer_person_key) = (OLD.verdict, OLD.review_words, OLD.reviewer_person_key))
     AND (OLD.ended_on IS NULL OR (NEW.ended_on, NEW.end_words) = (OLD.ended_on, OLD.end_words)) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'a flag stays; it is reviewed once and ended once'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'a_flag_stays';
END $$;
CREATE TRIGGER casework_flag_stays BEFORE UPDATE OR DELETE ON casework_relativeflag
  FOR EACH ROW EXECUTE FUNCTION casework_flag_stays();
ALTER TABLE casework_relativeflag ENABLE ALWAYS TRIGGER casework_flag_stays;
"""

# table -> when its rows are asked
ASKED = {
    "casework_caseduty": "INSERT ON casework_caseduty FOR EACH ROW",
    "casework_homecheck": "INSERT ON casework_homecheck FOR EACH ROW",
    "funds_cashhandover": "INSERT ON funds_cashhandover FOR EACH ROW",
    "funds_imprestspend": "INSERT ON funds_imprestspend FOR EACH ROW",
    "funds_stockslip": "INSERT ON funds_stockslip FOR EACH ROW WHEN (NEW.kind = 'issue')",
    "funds_proposal": "INSERT ON funds_proposal FOR EACH ROW WHEN (NEW.kind = 'write_off')",
}
DECIDED = """CREATE TRIGGER casework_own_debt AFTER UPDATE OF state ON funds_proposal FOR EACH ROW
  WHEN (NEW.kind = 'write_off' AND NEW.state = 'confirmed' AND OLD.state <> 'confirmed') EXECUTE FUNCTION casework_family_guard();
ALTER TABLE funds_proposal ENABLE ALWAYS TRIGGER casework_own_debt;"""
TRIGGERS = "\n".join(
    f"CREATE TRIGGER casework_own_family AFTER {when} EXECUTE FUNCTION casework_family_guard();"
    f" ALTER TABLE {table} ENABLE ALWAYS TRIGGER casework_own_family;"
    for table, when in ASKED.items()
)

UNDO = """
DROP FUNCTION casework_flag_stays() CASCADE; DROP FUNCTION casework_relatives_guard() CASCADE;
DROP FUNCTION casework_family_guard() CASCADE; DROP FUNCTION casework_household_of(text);
DROP FUNCTION casework_close_persons(bigint);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("casework", "0019_relatives"),
        ("families", "0010_close_relatives_laws"),
        ("funds", "0032_second_person_laws"),
    ]

    operations = [
        TrackHistory("casework", "relativeflag", "'case:' || r.case_id"),
        TrackRows("casework", "homecheck", "'case:' || r.case_id"),
        migrations.RunSQL(IS_CLOSE.format(declared=DECLARED), IS_CLOSE.format(declared="")),
        migrations.RunSQL(LAWS.format(triggers=f"{TRIGGERS}\n{DECIDED}"), UNDO),
    ]
