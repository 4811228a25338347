"""Nobody approves or pays a list on which somebody of her own family is."""

from django.db import migrations

LAWS = """
-- The households of which one of these persons is a member, or from which the register of recusals keeps one of them.
CREATE FUNCTION casework_close_households(persons text[]) RETURNS SETOF bigint LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT m.household_id FROM families_person p JOIN families_householdmember m ON m.person_id = p.id
    WHERE p.person_key = ANY (persons) AND m.valid_to IS NULL
  UNION
  SELECT h.id FROM access_recusal r JOIN families_household h ON h.household_no = r.household_no
    WHERE r.person_key = ANY (persons) AND r.ended_on IS NULL
$$;

-- The number of the first line of a list that is of their own family, or for one of them.
CREATE FUNCTION casework_close_line(roster bigint, persons text[]) RETURNS int LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT min(l.n) FROM casework_rosterline l
  WHERE l.roster_id = roster AND l.state = 'on' AND (l.household_id IN (SELECT casework_close_households(persons))
    OR l.person_id IN (SELECT p.id FROM families_person p WHERE p.person_key = ANY (persons)))
$$;

CREATE FUNCTION casework_recusal_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE is_close boolean;
BEGIN
  IF TG_TABLE_NAME = 'casework_roster' THEN
    is_close := casework_close_line(NEW.id, ARRAY[NEW.approver_person_key]) IS NOT NULL;
  ELSIF TG_TABLE_NAME = 'casework_rosterbatch' THEN
    is_close := casework_close_line(NEW.roster_id, ARRAY(SELECT maker_person_key FROM funds_paymentbatch WHERE id = NEW.batch_id)) IS NOT NULL;
  ELSE  -- only who acts now: what was checked before her family came onto the list stays checked
    SELECT casework_close_line(x.roster_id, ARRAY[nullif(NEW.checker_person_key, OLD.checker_person_key),
        nullif(NEW.releaser_person_key, OLD.releaser_person_key)]) IS NOT NULL
      INTO is_close FROM casework_rosterbatch x WHERE x.batch_id = NEW.id;
  END IF;
  IF is_close THEN
    RAISE EXCEPTION 'nobody decides or pays a list for her own family'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'roster_not_for_own_family';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER casework_recusal AFTER UPDATE OF approver_person_key ON casework_roster FOR EACH ROW
  WHEN (NEW.approver_person_key IS DISTINCT FROM OLD.approver_person_key) EXECUTE FUNCTION casework_recusal_guard();
CREATE TRIGGER casework_recusal AFTER INSERT ON casework_rosterbatch FOR EACH ROW EXECUTE FUNCTION casework_recusal_guard();
CREATE TRIGGER casework_recusal AFTER UPDATE OF checker_person_key, releaser_person_key ON funds_paymentbatch FOR EACH ROW
  EXECUTE FUNCTION casework_recusal_guard();
ALTER TABLE casework_roster ENABLE ALWAYS TRIGGER casework_recusal;
ALTER TABLE casework_rosterbatch ENABLE ALWAYS TRIGGER casework_recusal;
ALTER TABLE funds_paymentbatch ENABLE ALWAYS TRIGGER casework_recusal;
"""

UNDO = """
DROP FUNCTION casework_recusal_guard() CASCADE; DROP FUNCTION casework_close_line(bigint, text[]);
DROP FUNCTION casework_close_households(text[]);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0006_storekeeper"),
        ("casework", "0015_what_is_signed_of_a_line"),
    ]

    operations = [migrations.RunSQL(LAWS, UNDO)]
