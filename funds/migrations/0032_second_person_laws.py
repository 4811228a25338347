"""The laws of the second person: whoever is named is asked, answers for herself and once; until then no cash has arrived and
no money of a float is settled. And a signed receipt proves one handing-over.

What was handed out before had its second person named by the first alone; it counts as confirmed, and its words say so.
"""

from django.db import migrations

from audit.operations import TrackHistory

_COLUMNS = (
    "id, handover_id, spend_id, slip_id, subject, asked_id, asked_person_key, asked_on, answer, answered_by_id,"
    " answered_person_key, answered_on, words"
)
BEFORE_ALL_THIS = f"""
INSERT INTO funds_countersign (handover_id, spend_id, slip_id, subject, asked_id, asked_person_key, asked_on, answer,
  answered_by_id, answered_person_key, answered_on, words)
SELECT x.handover, x.spend, x.slip, x.subject, x.staff, x.person, x.day, 'confirmed', x.staff, x.person, x.day,
       'recorded before second persons answered themselves'
FROM (SELECT h.id AS handover, NULL::bigint AS spend, NULL::bigint AS slip, p.subject, h.payer_two_id AS staff,
             h.payer_two_key AS person, h.handed_on AS day
      FROM funds_cashhandover h JOIN funds_payment p ON p.id = h.payment_id
      UNION ALL SELECT NULL, s.id, NULL, s.subject, s.payer_two_id, s.payer_two_key, s.paid_on FROM funds_imprestspend s
      UNION ALL SELECT NULL, NULL, g.id, g.subject, g.witness_id, g.witness_person_key, g.made_on FROM funds_stockslip g
                WHERE g.kind IN ('issue', 'loss') AND g.witness_id IS NOT NULL) x
ORDER BY x.handover, x.spend, x.slip;
INSERT INTO funds_historicalcountersign ({_COLUMNS}, history_date, history_type, history_change_reason)
SELECT {_COLUMNS}, now(), '+', 'recorded before second persons answered themselves' FROM funds_countersign ORDER BY id;
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
"""

LAWS = """
-- The question is about the second person of what it names, and is not answered as it is asked. It is answered once, by her;
-- an objection also by somebody who is not the one that she was named by. Then nothing of it changes.
CREATE FUNCTION funds_countersign_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE one text; two text; about text;
BEGIN
  IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND (OLD.answer <> ''
      OR (OLD.id, OLD.handover_id, OLD.spend_id, OLD.slip_id, OLD.subject, OLD.asked_id, OLD.asked_person_key, OLD.asked_on)
         IS DISTINCT FROM
         (NEW.id, NEW.handover_id, NEW.spend_id, NEW.slip_id, NEW.subject, NEW.asked_id, NEW.asked_person_key, NEW.asked_on)) THEN
    RAISE EXCEPTION 'what a second person answered stays' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF EXISTS (SELECT 1 FROM (VALUES (NEW.asked_id, NEW.asked_person_key), (NEW.answered_by_id, NEW.answered_person_key)) AS acted (staff, person)
             LEFT JOIN access_staff s ON s.id = acted.staff WHERE s.person_key IS DISTINCT FROM acted.person) THEN
    RAISE EXCEPTION 'a countersign names somebody else''s account'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'countersign_names_its_persons';
  END IF;
  SELECT x.one, x.two, x.about INTO one, two, about FROM (
    SELECT h.payer_one_key, h.payer_two_key, p.subject FROM funds_cashhandover h JOIN funds_payment p ON p.id = h.payment_id
      WHERE h.id = NEW.handover_id
    UNION ALL SELECT s.payer_one_key, s.payer_two_key, s.subject FROM funds_imprestspend s WHERE s.id = NEW.spend_id
    UNION ALL SELECT g.maker_person_key, g.witness_person_key, g.subject FROM funds_stockslip g
      WHERE g.id = NEW.slip_id AND g.kind IN ('issue', 'loss')) AS x (one, two, about);
  IF (two, about) IS DISTINCT FROM (NEW.asked_person_key, NEW.subject) OR one = NEW.asked_person_key THEN
    RAISE EXCEPTION 'somebody else was the second person'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'the_second_person_is_asked';
  END IF;
  IF TG_OP = 'INSERT' AND NEW.answer <> '' OR TG_OP = 'UPDATE' AND NEW.answered_person_key = one THEN
    RAISE EXCEPTION 'nobody answers for the second person whom she named'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'second_person_answers_herself';
  END IF;
  RETURN NEW;
END $$;

-- Asked at the commit of what two persons did: the second has been asked.
CREATE FUNCTION funds_second_person_asked() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM funds_countersign c WHERE NEW.id = CASE TG_TABLE_NAME WHEN 'funds_cashhandover' THEN c.handover_id
                 WHEN 'funds_imprestspend' THEN c.spend_id ELSE c.slip_id END) THEN
    RAISE EXCEPTION 'the second person of % % was not asked', TG_TABLE_NAME, NEW.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'second_person_was_asked';
  END IF;
  RETURN NULL;
END $$;

-- The papers of what a float gave are accepted once the second person has confirmed it. What she objected to is written off
-- by two others, or comes back.
CREATE FUNCTION funds_spend_countersigned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM funds_countersign c WHERE c.spend_id = NEW.id AND c.answer = 'confirmed')
     AND NEW.settled_fen > (SELECT coalesce(sum(y.written_off_fen), 0) FROM funds_recovery y WHERE y.reservation_id = NEW.reservation_id) THEN
    RAISE EXCEPTION 'the second person has not confirmed what was handed out for %', NEW.subject
      USING ERRCODE = 'check_violation', CONSTRAINT = 'settled_once_it_is_confirmed';
  END IF;
  RETURN NULL;
END $$;

-- Asked at the commit of her word about cash: with it the money has moved.
CREATE FUNCTION funds_confirmed_arrives() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM funds_cashhandover h JOIN funds_payment p ON p.id = h.payment_id
             WHERE h.id = NEW.handover_id AND p.state NOT IN ('credited', 'returned')) THEN
    RAISE EXCEPTION 'cash was confirmed and has not arrived' USING ERRCODE = 'check_violation', CONSTRAINT = 'confirmed_cash_has_arrived';
  END IF;
  RETURN NULL;
END $$;

-- One handing-over a payment, other than those that were objected to; a receipt proves one, or several of one batch and day
-- whose families signed the same sheet. Whoever writes the same receipt at the same time waits.
CREATE FUNCTION funds_receipt_free(receipt text) RETURNS void LANGUAGE sql AS $$
  SELECT pg_advisory_xact_lock(hashtextextended('receipt:' || receipt, 20260415))
$$;
CREATE FUNCTION funds_handover_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM funds_payment WHERE id = NEW.payment_id FOR NO KEY UPDATE;
  IF EXISTS (SELECT 1 FROM funds_cashhandover h LEFT JOIN funds_countersign c ON c.handover_id = h.id
             WHERE h.payment_id = NEW.payment_id AND h.id <> NEW.id AND c.answer IS DISTINCT FROM 'objected') THEN
    RAISE EXCEPTION 'payment % was handed over already', NEW.payment_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'handed_over_once';
  END IF;
  PERFORM funds_receipt_free(NEW.receipt_sha256);
  IF EXISTS (SELECT 1 FROM funds_cashhandover h JOIN funds_payment p ON p.id = h.payment_id LEFT JOIN funds_countersign c ON c.handover_id = h.id
             WHERE h.receipt_sha256 = NEW.receipt_sha256 AND h.id <> NEW.id AND c.answer IS DISTINCT FROM 'objected'
               AND NOT (h.shares_receipt IS TRUE AND NEW.shares_receipt IS TRUE AND h.handed_on = NEW.handed_on
                        AND p.batch_id = (SELECT n.batch_id FROM funds_payment n WHERE n.id = NEW.payment_id)))
     OR EXISTS (SELECT 1 FROM funds_imprestspend s WHERE s.receipt_sha256 = NEW.receipt_sha256 AND NOT EXISTS (
                  SELECT 1 FROM funds_countersign c WHERE c.spend_id = s.id HAVING bool_and(c.answer = 'objected'))) THEN
    RAISE EXCEPTION 'a receipt proves one handing-over' USING ERRCODE = 'check_violation', CONSTRAINT = 'receipt_serves_one_handover';
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION funds_spend_receipt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM funds_receipt_free(NEW.receipt_sha256);
  IF EXISTS (SELECT 1 FROM funds_cashhandover h LEFT JOIN funds_countersign c ON c.handover_id = h.id
             WHERE h.receipt_sha256 = NEW.receipt_sha256 AND c.answer IS DISTINCT FROM 'objected')
     OR EXISTS (SELECT 1 FROM funds_imprestspend s WHERE s.receipt_sha256 = NEW.receipt_sha256 AND s.id <> NEW.id AND NOT EXISTS (
                  SELECT 1 FROM funds_countersign c WHERE c.spend_id = s.id HAVING bool_and(c.answer = 'objected'))) THEN
    RAISE EXCEPTION 'a receipt proves one handing-over' USING ERRCODE = 'check_violation', CONSTRAINT = 'receipt_serves_one_handover';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER funds_guard BEFORE INSERT OR UPDATE OR DELETE ON funds_countersign FOR EACH ROW EXECUTE FUNCTION funds_countersign_guard();
CREATE CONSTRAINT TRIGGER funds_asked AFTER INSERT ON funds_cashhandover DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION funds_second_person_asked();
CREATE CONSTRAINT TRIGGER funds_asked AFTER INSERT ON funds_imprestspend DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION funds_second_person_asked();
CREATE CONSTRAINT TRIGGER funds_asked AFTER INSERT ON funds_stockslip DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.kind IN ('issue', 'loss') AND NEW.witness_id IS NOT NULL) EXECUTE FUNCTION funds_second_person_asked();
CREATE CONSTRAINT TRIGGER funds_arrives AFTER UPDATE ON funds_countersign DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.answer = 'confirmed' AND NEW.handover_id IS NOT NULL) EXECUTE FUNCTION funds_confirmed_arrives();
CREATE TRIGGER funds_countersigned AFTER UPDATE ON funds_imprestspend FOR EACH ROW
  WHEN (NEW.settled_fen > OLD.settled_fen) EXECUTE FUNCTION funds_spend_countersigned();
CREATE TRIGGER funds_once AFTER INSERT ON funds_cashhandover FOR EACH ROW EXECUTE FUNCTION funds_handover_once();
CREATE TRIGGER funds_receipt AFTER INSERT ON funds_imprestspend FOR EACH ROW EXECUTE FUNCTION funds_spend_receipt();
ALTER TABLE funds_countersign ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_countersign ENABLE ALWAYS TRIGGER funds_arrives;
ALTER TABLE funds_cashhandover ENABLE ALWAYS TRIGGER funds_asked;
ALTER TABLE funds_cashhandover ENABLE ALWAYS TRIGGER funds_once;
ALTER TABLE funds_imprestspend ENABLE ALWAYS TRIGGER funds_asked;
ALTER TABLE funds_imprestspend ENABLE ALWAYS TRIGGER funds_countersigned;
ALTER TABLE funds_imprestspend ENABLE ALWAYS TRIGGER funds_receipt;
ALTER TABLE funds_stockslip ENABLE ALWAYS TRIGGER funds_asked;
"""

# What is sent goes with a released batch; what is paid in cash was confirmed by the second of those who gave it; and while
# she is asked, the cash has not come back either.
GO = """
CREATE OR REPLACE FUNCTION funds_payments_go() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE wrong record;
BEGIN
  SELECT n.key INTO wrong FROM now_so n JOIN before_so o ON o.id = n.id JOIN funds_paymentbatch b ON b.id = n.batch_id
    WHERE n.state = 'sent' AND o.state = 'listed' AND b.state <> 'released' LIMIT 1;
  IF wrong.key IS NOT NULL THEN
    RAISE EXCEPTION 'payment % is not in a released batch', wrong.key USING ERRCODE = 'check_violation', CONSTRAINT = 'sent_by_a_released_batch';
  END IF;
  SELECT n.key INTO wrong FROM now_so n JOIN before_so o ON o.id = n.id JOIN funds_paymentbatch b ON b.id = n.batch_id
    WHERE n.state = 'credited' AND o.state <> 'credited' AND b.cash_reason IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM funds_cashhandover h{confirmed} WHERE h.payment_id = n.id) LIMIT 1;
  IF wrong.key IS NOT NULL THEN
    RAISE EXCEPTION 'cash payment % was not handed over by two persons', wrong.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'cash_is_handed_over';
  END IF;{comes_back}
  RETURN NULL;
END $$;
"""
CONFIRMED = " JOIN funds_countersign c ON c.handover_id = h.id AND c.answer = 'confirmed'"
COMES_BACK = """
  SELECT n.key INTO wrong FROM now_so n JOIN before_so o ON o.id = n.id JOIN funds_cashhandover h ON h.payment_id = n.id
      JOIN funds_countersign c ON c.handover_id = h.id
    WHERE n.state = 'returned' AND o.state <> 'returned' AND c.answer = '' LIMIT 1;
  IF wrong.key IS NOT NULL THEN
    RAISE EXCEPTION 'the second person of cash payment % has not answered', wrong.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'cash_comes_back_after_the_answer';
  END IF;"""

UNDO = """
DROP FUNCTION funds_countersign_guard() CASCADE; DROP FUNCTION funds_second_person_asked() CASCADE;
DROP FUNCTION funds_spend_countersigned() CASCADE; DROP FUNCTION funds_confirmed_arrives() CASCADE; DROP FUNCTION funds_handover_once() CASCADE;
DROP FUNCTION funds_spend_receipt() CASCADE; DROP FUNCTION funds_receipt_free(text);
"""


class Migration(migrations.Migration):
    dependencies = [("funds", "0031_second_person")]

    operations = [
        TrackHistory("funds", "countersign", "r.subject"),
        migrations.RunSQL(BEFORE_ALL_THIS, migrations.RunSQL.noop),
        migrations.RunSQL(LAWS, UNDO),
        migrations.RunSQL(
            GO.replace("{confirmed}", CONFIRMED).replace("{comes_back}", COMES_BACK),
            GO.replace("{confirmed}", "").replace("{comes_back}", ""),
        ),
    ]
