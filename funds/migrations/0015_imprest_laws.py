"""The laws of a township's money in hand: never above its limit, every yuan handed out by two persons for one decision,
every count beside the books, every refill the sum of what was settled. And the two accounts for allocations that are older."""

from django.db import migrations

from audit.operations import TrackHistory

ACCOUNTS = """
INSERT INTO funds_account (fund_id, allocation_id, kind, debit_fen, credit_fen)
SELECT l.fund_id, l.id, k.kind, 0, 0 FROM funds_allocation l CROSS JOIN (VALUES ('imprest'), ('imprest_spent')) AS k (kind)
WHERE NOT EXISTS (SELECT 1 FROM funds_account a WHERE a.allocation_id = l.id AND a.kind = k.kind);
"""

LAWS = """
-- What stands on the account `imprest` of an allocation, in fen, from the transfers: all of it, or what was advanced alone.
CREATE FUNCTION funds_imprest_book(allocation bigint, advanced_only boolean) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT sum(t.amount_fen) FROM funds_transfer t WHERE t.credit_id = a.id
                   AND (NOT advanced_only OR t.kind IN ('imprest_advance', 'imprest_return'))), 0)::bigint
       - coalesce((SELECT sum(t.amount_fen) FROM funds_transfer t WHERE t.debit_id = a.id
                   AND (NOT advanced_only OR t.kind IN ('imprest_advance', 'imprest_return'))), 0)::bigint
  FROM funds_account a WHERE a.allocation_id = allocation AND a.kind = 'imprest'
$$;

-- What the books have made whole again and the bank has not refilled yet.
CREATE FUNCTION funds_imprest_awaited(box bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT coalesce(sum(s.settled_fen), 0)::bigint FROM funds_imprestspend s LEFT JOIN funds_imprestrefill r ON r.id = s.refill_id
  WHERE s.float_id = box AND r.paid_on IS NULL
$$;

-- A float is a township's; its limit and its custodian are what two persons decided.
CREATE FUNCTION funds_imprestfloat_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE p funds_proposal;
BEGIN
  IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND (OLD.ended_on IS NOT NULL
      OR (OLD.allocation_id, OLD.opened_on) IS DISTINCT FROM (NEW.allocation_id, NEW.opened_on)) THEN
    RAISE EXCEPTION 'a float stays what it was opened for' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM funds_allocation l JOIN access_orgunit u ON u.id = l.unit_id
                 WHERE l.id = NEW.allocation_id AND u.level = 'township') THEN
    RAISE EXCEPTION 'allocation % is not a township''s', NEW.allocation_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'float_of_a_township';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM access_staff s WHERE s.id = NEW.custodian_id AND s.person_key = NEW.custodian_person_key) THEN
    RAISE EXCEPTION 'the float names somebody else''s account'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'float_names_its_custodian';
  END IF;
  SELECT * INTO p FROM funds_proposal WHERE id = NEW.proposal_id;
  IF p.kind <> 'imprest_limit' OR p.state <> 'confirmed' OR p.amount_fen <> NEW.limit_fen
     OR (p.details->>'allocation')::bigint IS DISTINCT FROM NEW.allocation_id
     OR (p.details->>'custodian')::bigint IS DISTINCT FROM NEW.custodian_id
     OR TG_OP = 'UPDATE' AND NEW.proposal_id <= OLD.proposal_id
        AND (OLD.limit_fen, OLD.custodian_id, OLD.ended_on) IS DISTINCT FROM (NEW.limit_fen, NEW.custodian_id, NEW.ended_on) THEN
    RAISE EXCEPTION 'two persons did not decide this limit of allocation %', NEW.allocation_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'float_by_two_persons';
  END IF;
  RETURN NEW;
END $$;

-- Asked at the commit, of the float and of every advance: the township never holds more than its limit.
CREATE FUNCTION funds_imprest_limited() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE place bigint; most bigint;
BEGIN
  IF TG_TABLE_NAME = 'funds_imprestfloat' THEN
    place := NEW.allocation_id;
  ELSE
    SELECT allocation_id INTO place FROM funds_account WHERE id = NEW.credit_id;
  END IF;
  SELECT limit_fen INTO most FROM funds_imprestfloat WHERE allocation_id = place AND ended_on IS NULL FOR NO KEY UPDATE;
  IF funds_imprest_book(place, true) > coalesce(most, 0) THEN
    RAISE EXCEPTION 'allocation % would have more in hand than its limit', place
      USING ERRCODE = 'check_violation', CONSTRAINT = 'imprest_within_its_limit';
  END IF;
  RETURN NULL;
END $$;

-- Two persons hand out what lies there, once, for one decision of the same fund, programme and place.
CREATE FUNCTION funds_imprestspend_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE b funds_imprestfloat; l funds_allocation; r funds_reservation;
BEGIN
  IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND (
      (OLD.float_id, OLD.subject, OLD.reservation_id, OLD.amount_fen, OLD.payee_name, OLD.payer_one_id, OLD.payer_one_key,
       OLD.payer_two_id, OLD.payer_two_key, OLD.paid_on, OLD.place, OLD.signed_how, OLD.received_by, OLD.receipt_sha256, OLD.due_on)
      IS DISTINCT FROM
      (NEW.float_id, NEW.subject, NEW.reservation_id, NEW.amount_fen, NEW.payee_name, NEW.payer_one_id, NEW.payer_one_key,
       NEW.payer_two_id, NEW.payer_two_key, NEW.paid_on, NEW.place, NEW.signed_how, NEW.received_by, NEW.receipt_sha256, NEW.due_on)
      OR NEW.settled_fen < OLD.settled_fen OR NEW.back_fen < OLD.back_fen
      OR OLD.ended_on IS NOT NULL AND NEW.ended_on IS DISTINCT FROM OLD.ended_on
      OR OLD.refill_id IS NOT NULL AND NEW.refill_id IS DISTINCT FROM OLD.refill_id) THEN
    RAISE EXCEPTION 'what was handed out is not changed' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF EXISTS (SELECT 1 FROM (VALUES (NEW.payer_one_id, NEW.payer_one_key), (NEW.payer_two_id, NEW.payer_two_key)) AS acted (staff, person)
             LEFT JOIN access_staff s ON s.id = acted.staff WHERE s.person_key IS DISTINCT FROM acted.person) THEN
    RAISE EXCEPTION 'a payment from the float names somebody else''s account'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'imprest_spend_names_its_persons';
  END IF;
  IF TG_OP = 'UPDATE' THEN RETURN NEW; END IF;
  SELECT * INTO b FROM funds_imprestfloat WHERE id = NEW.float_id FOR NO KEY UPDATE;  -- one after the other
  SELECT * INTO l FROM funds_allocation WHERE id = b.allocation_id;
  SELECT * INTO r FROM funds_reservation WHERE id = NEW.reservation_id;
  IF b.ended_on IS NOT NULL OR NEW.settled_fen <> 0 OR NEW.back_fen <> 0
     OR r.subject <> NEW.subject OR r.programme <> l.programme OR NEW.amount_fen <> r.amount_fen - r.released_fen
     OR l.fund_id <> (SELECT x.fund_id FROM funds_allocation x WHERE x.id = r.allocation_id)
     OR NOT funds_unit_within(r.village_id, l.unit_id) THEN
    RAISE EXCEPTION 'the float of allocation % is not for %', l.id, NEW.subject
      USING ERRCODE = 'check_violation', CONSTRAINT = 'imprest_pays_its_own_decision';
  END IF;
  IF EXISTS (SELECT 1 FROM funds_payment p WHERE p.reservation_id = NEW.reservation_id
             AND p.state IN ('listed', 'sent', 'credited', 'unknown')) THEN
    RAISE EXCEPTION '% is being paid already', NEW.subject USING ERRCODE = 'check_violation', CONSTRAINT = 'paid_by_one_way_only';
  END IF;
  IF NEW.amount_fen > funds_imprest_book(b.allocation_id, false) - funds_imprest_awaited(b.id) THEN
    RAISE EXCEPTION 'the float of allocation % has not that much', l.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'imprest_spend_within_the_float';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION funds_payment_beside_imprest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM funds_imprestspend s WHERE s.reservation_id = NEW.reservation_id AND s.back_fen < s.amount_fen) THEN
    RAISE EXCEPTION '% was paid from a float', NEW.subject USING ERRCODE = 'check_violation', CONSTRAINT = 'paid_by_one_way_only';
  END IF;
  RETURN NULL;
END $$;

-- What was handed out, settled and given back of a subject has moved, at the float that it came from; asked at the commit.
CREATE FUNCTION funds_imprest_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE spent bigint; whole bigint; settled bigint; m_spent bigint; m_whole bigint; m_settled bigint; strange bool;
BEGIN
  SELECT coalesce(sum(s.amount_fen), 0), coalesce(sum(s.settled_fen + s.back_fen), 0), coalesce(sum(s.settled_fen), 0)
    INTO spent, whole, settled FROM funds_imprestspend s WHERE s.subject = NEW.subject;
  SELECT coalesce(sum(t.fen) FILTER (WHERE t.kind = 'imprest_spend'), 0),
         coalesce(sum(t.fen) FILTER (WHERE t.kind = 'imprest_replenish'), 0),
         coalesce(sum(t.fen) FILTER (WHERE t.kind = 'imprest_settle'), 0),
         coalesce(bool_or(t.kind <> 'imprest_settle' AND NOT t.own), false)
    INTO m_spent, m_whole, m_settled, strange
    FROM (SELECT x.kind, CASE WHEN x.reverses_id IS NULL THEN x.amount_fen ELSE -x.amount_fen END AS fen,
                 EXISTS (SELECT 1 FROM funds_account a JOIN funds_imprestfloat b ON b.allocation_id = a.allocation_id
                         JOIN funds_imprestspend s ON s.float_id = b.id WHERE a.id = x.debit_id AND s.subject = x.subject) AS own
          FROM funds_transfer x WHERE x.subject = NEW.subject AND x.kind IN ('imprest_spend', 'imprest_replenish', 'imprest_settle')) t;
  IF strange OR (spent, whole, settled) IS DISTINCT FROM (m_spent, m_whole, m_settled) THEN
    RAISE EXCEPTION 'what was handed out for % and its money differ', NEW.subject
      USING ERRCODE = 'check_violation', CONSTRAINT = 'imprest_spend_moves_its_money';
  END IF;
  RETURN NULL;
END $$;

-- A count stands beside what the books say at that moment, and once reviewed it stays.
CREATE FUNCTION funds_imprestcount_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE b funds_imprestfloat;
BEGIN
  IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND (OLD.reviewed_on IS NOT NULL
      OR (OLD.key, OLD.float_id, OLD.counted_on, OLD.cash_fen, OLD.bank_fen, OLD.book_fen, OLD.awaited_fen, OLD.counter_id, OLD.counter_person_key)
         IS DISTINCT FROM
         (NEW.key, NEW.float_id, NEW.counted_on, NEW.cash_fen, NEW.bank_fen, NEW.book_fen, NEW.awaited_fen, NEW.counter_id, NEW.counter_person_key)) THEN
    RAISE EXCEPTION 'what was counted is not changed, it is counted again' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF EXISTS (SELECT 1 FROM (VALUES (NEW.counter_id, NEW.counter_person_key), (NEW.reviewer_id, NEW.reviewer_person_key)) AS acted (staff, person)
             LEFT JOIN access_staff s ON s.id = acted.staff WHERE s.person_key IS DISTINCT FROM acted.person) THEN
    RAISE EXCEPTION 'the count names somebody else''s account'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'imprest_count_names_its_persons';
  END IF;
  IF TG_OP = 'INSERT' THEN
    SELECT * INTO b FROM funds_imprestfloat WHERE id = NEW.float_id FOR NO KEY UPDATE;
    IF (NEW.book_fen, NEW.awaited_fen) IS DISTINCT FROM (funds_imprest_book(b.allocation_id, false), funds_imprest_awaited(b.id)) THEN
      RAISE EXCEPTION 'the count does not stand beside the books'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'imprest_count_beside_the_books';
    END IF;
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION funds_imprestrefill_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND (OLD.paid_on IS NOT NULL
      OR (OLD.key, OLD.float_id, OLD.amount_fen, OLD.asked_on, OLD.asked_by_id, OLD.asker_person_key)
         IS DISTINCT FROM (NEW.key, NEW.float_id, NEW.amount_fen, NEW.asked_on, NEW.asked_by_id, NEW.asker_person_key)) THEN
    RAISE EXCEPTION 'a refill is not changed' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF EXISTS (SELECT 1 FROM (VALUES (NEW.asked_by_id, NEW.asker_person_key), (NEW.paid_by_id, NEW.payer_person_key)) AS acted (staff, person)
             LEFT JOIN access_staff s ON s.id = acted.staff WHERE s.person_key IS DISTINCT FROM acted.person) THEN
    RAISE EXCEPTION 'the refill names somebody else''s account'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'refill_names_its_persons';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION funds_imprestrefill_sums() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE one bigint; f funds_imprestrefill;
BEGIN
  IF TG_TABLE_NAME = 'funds_imprestrefill' THEN one := NEW.id; ELSE one := NEW.refill_id; END IF;
  SELECT * INTO f FROM funds_imprestrefill WHERE id = one;
  IF f.amount_fen <> (SELECT coalesce(sum(settled_fen), 0) FROM funds_imprestspend WHERE refill_id = one AND float_id = f.float_id)
     OR EXISTS (SELECT 1 FROM funds_imprestspend WHERE refill_id = one AND float_id <> f.float_id) THEN
    RAISE EXCEPTION 'refill % is not the sum of what was settled', one
      USING ERRCODE = 'check_violation', CONSTRAINT = 'refill_is_the_sum_of_its_spends';
  END IF;
  RETURN NULL;
END $$;

-- What came back counts whether the bank had paid it or the township had handed it out.
CREATE OR REPLACE FUNCTION funds_recovery_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT recovered_fen FROM funds_recovery WHERE id = NEW.id) <>
     (SELECT coalesce(sum(amount_fen), 0) FROM funds_transfer WHERE reservation_id = NEW.reservation_id AND kind = 'recover')
     + (SELECT coalesce(sum(back_fen), 0) FROM funds_imprestspend WHERE reservation_id = NEW.reservation_id) THEN
    RAISE EXCEPTION 'what came back of reservation % and its money differ', NEW.reservation_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'recovery_moves_its_money';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER funds_guard BEFORE INSERT OR UPDATE OR DELETE ON funds_imprestfloat FOR EACH ROW EXECUTE FUNCTION funds_imprestfloat_guard();
CREATE TRIGGER funds_guard BEFORE INSERT OR UPDATE OR DELETE ON funds_imprestspend FOR EACH ROW EXECUTE FUNCTION funds_imprestspend_guard();
CREATE TRIGGER funds_guard BEFORE INSERT OR UPDATE OR DELETE ON funds_imprestcount FOR EACH ROW EXECUTE FUNCTION funds_imprestcount_guard();
CREATE TRIGGER funds_guard BEFORE INSERT OR UPDATE OR DELETE ON funds_imprestrefill FOR EACH ROW EXECUTE FUNCTION funds_imprestrefill_guard();
CREATE TRIGGER funds_beside_imprest AFTER INSERT ON funds_payment FOR EACH ROW EXECUTE FUNCTION funds_payment_beside_imprest();
CREATE CONSTRAINT TRIGGER funds_limited AFTER INSERT OR UPDATE ON funds_imprestfloat DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION funds_imprest_limited();
CREATE CONSTRAINT TRIGGER funds_limited AFTER INSERT ON funds_transfer DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.kind IN ('imprest_advance', 'imprest_return')) EXECUTE FUNCTION funds_imprest_limited();
CREATE CONSTRAINT TRIGGER funds_imprest_moves AFTER INSERT OR UPDATE ON funds_imprestspend DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION funds_imprest_moves();
CREATE CONSTRAINT TRIGGER funds_imprest_moves AFTER INSERT ON funds_transfer DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.kind IN ('imprest_spend', 'imprest_replenish', 'imprest_settle')) EXECUTE FUNCTION funds_imprest_moves();
CREATE CONSTRAINT TRIGGER funds_sums AFTER INSERT OR UPDATE ON funds_imprestrefill DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION funds_imprestrefill_sums();
CREATE CONSTRAINT TRIGGER funds_sums AFTER UPDATE ON funds_imprestspend DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.refill_id IS NOT NULL) EXECUTE FUNCTION funds_imprestrefill_sums();
ALTER TABLE funds_imprestfloat ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_imprestfloat ENABLE ALWAYS TRIGGER funds_limited;
ALTER TABLE funds_imprestspend ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_imprestspend ENABLE ALWAYS TRIGGER funds_imprest_moves;
ALTER TABLE funds_imprestspend ENABLE ALWAYS TRIGGER funds_sums;
ALTER TABLE funds_imprestcount ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_imprestrefill ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_imprestrefill ENABLE ALWAYS TRIGGER funds_sums;
ALTER TABLE funds_payment ENABLE ALWAYS TRIGGER funds_beside_imprest;
ALTER TABLE funds_transfer ENABLE ALWAYS TRIGGER funds_limited;
ALTER TABLE funds_transfer ENABLE ALWAYS TRIGGER funds_imprest_moves;
"""

UNDO = """
CREATE OR REPLACE FUNCTION funds_recovery_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT recovered_fen FROM funds_recovery WHERE id = NEW.id) <>
     (SELECT coalesce(sum(amount_fen), 0) FROM funds_transfer WHERE reservation_id = NEW.reservation_id AND kind = 'recover') THEN
    RAISE EXCEPTION 'what came back of reservation % and its money differ', NEW.reservation_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'recovery_moves_its_money';
  END IF;
  RETURN NULL;
END $$;
DROP FUNCTION funds_imprestfloat_guard() CASCADE; DROP FUNCTION funds_imprest_limited() CASCADE;
DROP FUNCTION funds_imprestspend_guard() CASCADE; DROP FUNCTION funds_payment_beside_imprest() CASCADE;
DROP FUNCTION funds_imprest_moves() CASCADE; DROP FUNCTION funds_imprestcount_guard() CASCADE;
DROP FUNCTION funds_imprestrefill_guard() CASCADE; DROP FUNCTION funds_imprestrefill_sums() CASCADE;
DROP FUNCTION funds_imprest_awaited(bigint); DROP FUNCTION funds_imprest_book(bigint, boolean);
"""


class Migration(migrations.Migration):
    dependencies = [("funds", "0014_imprest"), ("audit", "0001_initial"), ("access", "0001_initial")]
    operations = [
        # Empty accounts do no harm under the older laws, so they stay when this is undone.
        migrations.RunSQL(ACCOUNTS, migrations.RunSQL.noop),
        migrations.RunSQL(LAWS, UNDO),
        TrackHistory("funds", "imprestfloat", "'float:' || r.id"),
        TrackHistory("funds", "imprestcount", "'float:' || r.float_id"),
        TrackHistory("funds", "imprestrefill", "'float:' || r.float_id"),
        TrackHistory("funds", "imprestspend", "r.subject"),
    ]
