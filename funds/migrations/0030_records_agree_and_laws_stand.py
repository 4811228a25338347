"""Money that moved says the same as the record it moved for; the tables of the laws are not edited; every law holds always.

Until here a transfer could be written past its record in raw SQL: money taken back of a payment that stayed credited, or
recovered without a debt. And the two tables that say which ways of money there are could be rewritten by the application.
"""

from django.db import migrations

LAWS = """
-- Asked at the commit of all transfers of a transaction: what a payment is, and what came back of a debt, is what moved last.
CREATE FUNCTION funds_records_agree() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE wrong record; xact xid8 := pg_current_xact_id();
BEGIN
  SELECT p.key, p.state, last.kind INTO wrong
    FROM (SELECT DISTINCT payment_id FROM funds_transfer
          WHERE id BETWEEN NEW.first_id AND NEW.last_id AND made_in = xact AND payment_id IS NOT NULL) n
      JOIN funds_payment p ON p.id = n.payment_id
      CROSS JOIN LATERAL (SELECT t.kind FROM funds_transfer t WHERE t.payment_id = p.id ORDER BY t.id DESC LIMIT 1) last
    WHERE (last.kind, p.state) NOT IN (('send', 'sent'), ('send', 'unknown'), ('settle', 'credited'), ('bounce', 'returned'),
                                       ('clawback', 'returned')) LIMIT 1;
  IF wrong.key IS NOT NULL THEN
    RAISE EXCEPTION 'payment % is %, and its money says %', wrong.key, wrong.state, wrong.kind
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_is_what_its_money_says';
  END IF;
  SELECT n.reservation_id INTO wrong
    FROM (SELECT DISTINCT reservation_id FROM funds_transfer
          WHERE id BETWEEN NEW.first_id AND NEW.last_id AND made_in = xact AND kind = 'recover') n
    WHERE coalesce((SELECT sum(y.recovered_fen) FROM funds_recovery y WHERE y.reservation_id = n.reservation_id), 0)
      < (SELECT sum(t.amount_fen) FROM funds_transfer t WHERE t.reservation_id = n.reservation_id AND t.kind = 'recover') LIMIT 1;
  IF wrong.reservation_id IS NOT NULL THEN
    RAISE EXCEPTION 'money of reservation % came back that nobody owed', wrong.reservation_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'recovered_of_a_debt';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER funds_records_agree AFTER INSERT ON funds_due DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION funds_records_agree();

-- A migration that adds a way of money takes the guard off and puts it back, where everybody can read it.
CREATE FUNCTION funds_law_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is a law: it changes with the program alone', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER funds_stands BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON funds_transferrule EXECUTE FUNCTION funds_law_stands();
CREATE TRIGGER funds_stands BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON funds_twopersons EXECUTE FUNCTION funds_law_stands();

CREATE FUNCTION funds_instalment_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'an instalment is cancelled, not deleted' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER funds_stays BEFORE DELETE ON funds_instalment FOR EACH ROW EXECUTE FUNCTION funds_instalment_stays();

-- Also for a replica's session, which switches ordinary triggers off.
DO $$ DECLARE t record; BEGIN
  FOR t IN SELECT c.relname, g.tgname FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
           WHERE NOT g.tgisinternal AND c.relnamespace = current_schema()::regnamespace AND c.relname LIKE 'funds\\_%' LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER %I', t.relname, t.tgname);
  END LOOP;
END $$;
"""

UNDO = """
DROP TRIGGER funds_records_agree ON funds_due; DROP TRIGGER funds_stands ON funds_transferrule;
DROP TRIGGER funds_stands ON funds_twopersons; DROP TRIGGER funds_stays ON funds_instalment;
DROP FUNCTION funds_records_agree(); DROP FUNCTION funds_law_stands(); DROP FUNCTION funds_instalment_stays();
"""


class Migration(migrations.Migration):
    dependencies = [("funds", "0025_answers_after_sending")]
    operations = [migrations.RunSQL(LAWS, UNDO)]
