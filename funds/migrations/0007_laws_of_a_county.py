"""The laws of 0002 and 0004 for all that a county does with money: every earmark, two persons, closed months, instalments.

Balances are moved once for each account and transaction, and laws are asked of all rows of a statement together: a list of
100,000 families would else write the same row 200,000 times.
"""

from django.db import migrations

from audit.operations import TrackHistory, TrackRows

LAWS = """
INSERT INTO funds_transferrule VALUES
  ('suballocate', 'allocated', 'allocated'), ('return_up', 'allocated', 'allocated'), ('carry_over', 'allocated', 'allocated'),
  ('interfund', 'available', 'available'), ('hand_back', 'available', 'source'),
  ('imprest_advance', 'allocated', 'imprest'), ('imprest_return', 'imprest', 'allocated'),
  ('imprest_spend', 'imprest', 'imprest_spent'), ('imprest_replenish', 'imprest_spent', 'imprest'),
  ('imprest_settle', 'committed', 'paid');

-- What moves money between purposes, out of the house, or undoes what was written takes two persons.
CREATE TABLE funds_twopersons (kind text PRIMARY KEY, proposal text NOT NULL);
INSERT INTO funds_twopersons VALUES ('deallocate', 'take_back'), ('return_up', 'take_back'), ('carry_over', 'carry_over'),
  ('interfund', 'interfund'), ('hand_back', 'hand_back');

ALTER TABLE funds_transfer ADD COLUMN made_in xid8;
ALTER TABLE funds_account ADD COLUMN moved_in xid8, ADD COLUMN moved_upto bigint;

CREATE FUNCTION funds_unit_within(inner_id bigint, outer_id bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT outer_id IS NULL OR EXISTS (SELECT 1 FROM access_orgunit u WHERE u.id = inner_id
    AND outer_id IN (u.id, u.village_id, u.township_id, u.county_id, u.prefecture_id, u.province_id))
$$;

-- "" when the money of this fund may be used so, else the name of the earmark that forbids it. Null asks nothing.
CREATE FUNCTION funds_earmark(f funds_fund, programme text, unit bigint, year int) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN programme <> '' AND cardinality(f.programmes) > 0 AND NOT programme = ANY (f.programmes) THEN 'earmark_programme'
    WHEN NOT funds_unit_within(unit, f.only_unit_id) THEN 'earmark_unit'
    WHEN year < f.first_year OR year > f.last_year THEN 'earmark_year'
    ELSE '' END
$$;

CREATE OR REPLACE FUNCTION funds_transfer_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.id := nextval('funds_transfer_id_seq');  -- rising within a transaction, whatever was asked for
  NEW.made_in := pg_current_xact_id();
  RETURN NEW;
END $$;

CREATE FUNCTION funds_transfer_law(x funds_transfer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE d funds_account; c funds_account; o funds_transfer; f funds_fund; g funds_fund; a funds_allocation; b funds_allocation;
  r funds_reservation; wrong text; wanted text;
BEGIN
  SELECT * INTO d FROM funds_account WHERE id = x.debit_id;
  SELECT * INTO c FROM funds_account WHERE id = x.credit_id;
  SELECT * INTO f FROM funds_fund WHERE id = d.fund_id;
  IF d.fund_id <> c.fund_id AND x.kind <> 'interfund' THEN
    RAISE EXCEPTION 'transfer % crosses funds', x.key USING ERRCODE = 'check_violation', CONSTRAINT = 'transfer_within_a_fund';
  END IF;
  IF d.allocation_id IS NOT NULL AND c.allocation_id IS NOT NULL AND d.allocation_id <> c.allocation_id
      AND x.kind NOT IN ('suballocate', 'return_up', 'carry_over') THEN
    RAISE EXCEPTION 'transfer % crosses allocations', x.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'transfer_within_an_allocation';
  END IF;
  IF x.reverses_id IS NOT NULL THEN
    SELECT * INTO o FROM funds_transfer WHERE id = x.reverses_id;
    IF (o.debit_id, o.credit_id, o.amount_fen, o.kind) IS DISTINCT FROM (x.credit_id, x.debit_id, x.amount_fen, x.kind) THEN
      RAISE EXCEPTION 'transfer % does not mirror what it reverses', x.key
        USING ERRCODE = 'check_violation', CONSTRAINT = 'reversal_mirrors_its_original';
    END IF;
  ELSIF NOT EXISTS (SELECT 1 FROM funds_transferrule rule
                    WHERE rule.kind = x.kind AND rule.debit_kind = d.kind AND rule.credit_kind = c.kind) THEN
    RAISE EXCEPTION 'no % from % to %', x.kind, d.kind, c.kind
      USING ERRCODE = 'check_violation', CONSTRAINT = 'transfer_is_allowed';
  END IF;
  IF x.kind IN ('allocate', 'suballocate', 'carry_over') AND x.reverses_id IS NULL THEN
    SELECT * INTO a FROM funds_allocation WHERE id = c.allocation_id;
    wrong := funds_earmark(f, a.programme, a.unit_id, a.year);
    IF wrong <> '' THEN
      RAISE EXCEPTION 'fund % is not for % there and then', f.code, a.programme USING ERRCODE = 'check_violation', CONSTRAINT = wrong;
    END IF;
  END IF;
  IF x.kind IN ('suballocate', 'return_up', 'carry_over') AND x.reverses_id IS NULL THEN
    SELECT * INTO a FROM funds_allocation WHERE id = d.allocation_id;
    SELECT * INTO b FROM funds_allocation WHERE id = c.allocation_id;
    IF x.kind = 'suballocate' AND b.parent_id IS DISTINCT FROM a.id OR x.kind = 'return_up' AND a.parent_id IS DISTINCT FROM b.id
       OR x.kind = 'carry_over' AND (a.programme, a.unit_id, a.year + 1) IS DISTINCT FROM (b.programme, b.unit_id, b.year) THEN
      RAISE EXCEPTION 'transfer % crosses allocations', x.key
        USING ERRCODE = 'check_violation', CONSTRAINT = 'transfer_within_an_allocation';
    END IF;
  END IF;
  IF x.kind = 'interfund' AND x.reverses_id IS NULL THEN
    SELECT * INTO g FROM funds_fund WHERE id = c.fund_id;
    IF cardinality(f.programmes) > 0 AND (cardinality(g.programmes) = 0 OR NOT g.programmes <@ f.programmes)
       OR cardinality(f.purposes) > 0 AND (coalesce(cardinality(g.purposes), 0) = 0 OR NOT g.purposes <@ f.purposes)
       OR f.only_unit_id IS NOT NULL AND (g.only_unit_id IS NULL OR NOT funds_unit_within(g.only_unit_id, f.only_unit_id))
       OR f.last_year IS NOT NULL AND (g.last_year IS NULL OR g.last_year > f.last_year) THEN
      RAISE EXCEPTION 'fund % is not bound as fund % is', g.code, f.code
        USING ERRCODE = 'check_violation', CONSTRAINT = 'earmark_follows_the_money';
    END IF;
  END IF;
  IF x.kind IN ('reserve', 'release', 'send', 'settle', 'bounce', 'clawback', 'recover', 'imprest_settle') THEN
    SELECT * INTO r FROM funds_reservation WHERE id = x.reservation_id;
    IF r.id IS NULL OR r.allocation_id <> coalesce(d.allocation_id, c.allocation_id) OR r.subject <> x.subject THEN
      RAISE EXCEPTION 'transfer % names no reservation of this allocation', x.key
        USING ERRCODE = 'check_violation', CONSTRAINT = 'transfer_names_its_reservation';
    END IF;
  END IF;
  wanted := CASE WHEN x.reverses_id IS NOT NULL THEN 'reverse' ELSE (SELECT w.proposal FROM funds_twopersons w WHERE w.kind = x.kind) END;
  IF wanted IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM funds_proposal p WHERE p.id = x.proposal_id AND p.state = 'confirmed' AND p.kind = wanted AND p.fund_id = d.fund_id
        AND p.amount_fen >= (SELECT sum(t.amount_fen) FROM funds_transfer t WHERE t.proposal_id = p.id)
        AND (wanted <> 'reverse' OR (p.details->>'transfer')::bigint = x.reverses_id)
        AND (wanted <> 'interfund' OR (p.details->>'to')::bigint = c.fund_id)
        AND (wanted <> 'take_back' OR (p.details->>'allocation')::bigint = d.allocation_id)) THEN
    RAISE EXCEPTION 'transfer % was not confirmed by a second person', x.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'confirmed_by_a_second_person';
  END IF;
END $$;

-- Transfers of this transaction whose balances are still to be moved; empty between transactions, so it needs no log.
-- Their ids rise, so a statement's are a range, in which other transactions may have some too. A list of ids would be compared one by
-- one wherever PostgreSQL takes another index than that of the ids.
CREATE UNLOGGED TABLE funds_due (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, first_id bigint NOT NULL, last_id bigint NOT NULL);

CREATE FUNCTION funds_transfer_laws() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE x funds_transfer; many boolean;
BEGIN
  SELECT count(*) > 1 INTO many FROM fresh;
  -- In order: along a reservation, within its allocation, as a rule allows.
  FOR x IN
    SELECT t.* FROM fresh t WHERE NOT many OR t.reverses_id IS NOT NULL
      OR t.kind NOT IN ('reserve', 'release', 'send', 'settle', 'bounce', 'clawback', 'recover')
      OR NOT EXISTS (
        SELECT 1 FROM funds_account d JOIN funds_account c ON c.id = t.credit_id JOIN funds_reservation r ON r.id = t.reservation_id
          JOIN funds_transferrule rule ON rule.kind = t.kind AND rule.debit_kind = d.kind AND rule.credit_kind = c.kind
        WHERE d.id = t.debit_id AND d.allocation_id = c.allocation_id AND d.fund_id = c.fund_id
          AND r.allocation_id = d.allocation_id AND r.subject = t.subject)
    ORDER BY t.id
  LOOP
    PERFORM funds_transfer_law(x);
  END LOOP;
  INSERT INTO funds_due (first_id, last_id) SELECT min(id), max(id) FROM fresh HAVING count(*) > 0;
  RETURN NULL;
END $$;
CREATE TRIGGER funds_laws AFTER INSERT ON funds_transfer REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION funds_transfer_laws();

-- Moves all that this transaction has put on the account so far, unless it was moved already.
CREATE FUNCTION funds_move(account bigint, first bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE t xid8 := pg_current_xact_id(); since bigint; a funds_account;
BEGIN
  SELECT * INTO a FROM funds_account WHERE id = account;
  since := CASE WHEN a.moved_in = t THEN a.moved_upto ELSE first - 1 END;
  IF NOT EXISTS (SELECT 1 FROM funds_transfer WHERE debit_id = account AND id > since AND made_in = t)
     AND NOT EXISTS (SELECT 1 FROM funds_transfer WHERE credit_id = account AND id > since AND made_in = t) THEN RETURN; END IF;
  UPDATE funds_account SET
    debit_fen = debit_fen + (SELECT coalesce(sum(amount_fen), 0) FROM funds_transfer WHERE debit_id = account AND id > since AND made_in = t),
    credit_fen = credit_fen + (SELECT coalesce(sum(amount_fen), 0) FROM funds_transfer WHERE credit_id = account AND id > since AND made_in = t),
    moved_in = t,
    moved_upto = (SELECT max(id) FROM (SELECT max(id) AS id FROM funds_transfer WHERE debit_id = account AND id > since AND made_in = t
                  UNION ALL SELECT max(id) FROM funds_transfer WHERE credit_id = account AND id > since AND made_in = t) x)
    WHERE id = account;
END $$;

-- Deferred, once for each statement that wrote transfers: the balances, what each reservation holds, and whom it pays.
CREATE FUNCTION funds_settle() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE account bigint; wrong record; xact xid8 := pg_current_xact_id();
BEGIN
  FOR account IN
    SELECT a.id FROM funds_account a WHERE a.id IN (
      SELECT debit_id FROM funds_transfer WHERE id BETWEEN NEW.first_id AND NEW.last_id AND made_in = xact
      UNION SELECT credit_id FROM funds_transfer WHERE id BETWEEN NEW.first_id AND NEW.last_id AND made_in = xact)
    ORDER BY a.id FOR NO KEY UPDATE
  LOOP
    PERFORM funds_move(account, NEW.first_id);
  END LOOP;
  SELECT x.* INTO wrong FROM (
    SELECT n.reservation_id, n.key, r.amount_fen,
           coalesce(sum(CASE WHEN c.kind = 'committed' THEN t.amount_fen WHEN d.kind = 'committed' THEN -t.amount_fen ELSE 0 END), 0) AS held,
           coalesce(sum(CASE WHEN c.kind = 'in_payment' THEN t.amount_fen WHEN d.kind = 'in_payment' THEN -t.amount_fen ELSE 0 END), 0) AS flying,
           coalesce(sum(CASE WHEN c.kind = 'paid' THEN t.amount_fen WHEN d.kind = 'paid' THEN -t.amount_fen ELSE 0 END), 0) AS paid
    FROM (SELECT reservation_id, min(key) AS key FROM funds_transfer
          WHERE id BETWEEN NEW.first_id AND NEW.last_id AND made_in = xact AND reservation_id IS NOT NULL GROUP BY 1) n
      JOIN funds_reservation r ON r.id = n.reservation_id
      JOIN funds_transfer t ON t.reservation_id = n.reservation_id
      JOIN funds_account d ON d.id = t.debit_id JOIN funds_account c ON c.id = t.credit_id
    GROUP BY 1, 2, 3) x
    WHERE x.held < 0 OR x.flying < 0 OR x.paid < 0 OR x.held + x.flying + x.paid > x.amount_fen LIMIT 1;
  IF wrong.held < 0 OR wrong.flying < 0 OR wrong.paid < 0 THEN
    RAISE EXCEPTION 'reservation % would be overdrawn by %', wrong.reservation_id, wrong.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'reservation_never_overdrawn';
  ELSIF wrong.reservation_id IS NOT NULL THEN
    RAISE EXCEPTION 'reservation % would hold more than was decided', wrong.reservation_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'reservation_never_exceeded';
  END IF;
  SELECT t.key INTO wrong FROM funds_transfer t
    WHERE t.id BETWEEN NEW.first_id AND NEW.last_id AND t.made_in = xact AND t.kind IN ('send', 'settle', 'bounce', 'clawback')
      AND NOT EXISTS (SELECT 1 FROM funds_payment p WHERE p.id = t.payment_id AND p.reservation_id = t.reservation_id
                      AND p.amount_fen = t.amount_fen) LIMIT 1;
  IF wrong.key IS NOT NULL THEN
    RAISE EXCEPTION 'transfer % moves money to no payment', wrong.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'transfer_names_its_payment';
  END IF;
  DELETE FROM funds_due WHERE id = NEW.id;
  RETURN NULL;
END $$;
DROP TRIGGER funds_moves ON funds_transfer;
DROP FUNCTION funds_transfer_pays();
DROP FUNCTION funds_transfer_moves();
CREATE CONSTRAINT TRIGGER funds_moves AFTER INSERT ON funds_due DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION funds_settle();

-- An allocation that is divided from another lies within it.
CREATE FUNCTION funds_allocation_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE p funds_allocation;
BEGIN
  IF NEW.parent_id IS NULL THEN RETURN NEW; END IF;
  SELECT * INTO p FROM funds_allocation WHERE id = NEW.parent_id;
  IF p.id = NEW.id OR (p.fund_id, p.year) IS DISTINCT FROM (NEW.fund_id, NEW.year) OR p.programme NOT IN ('', NEW.programme)
     OR NOT funds_unit_within(NEW.unit_id, p.unit_id) THEN
    RAISE EXCEPTION 'allocation of % does not lie within its parent', NEW.programme
      USING ERRCODE = 'check_violation', CONSTRAINT = 'allocation_lies_within_its_parent';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER funds_guard BEFORE INSERT OR UPDATE ON funds_allocation FOR EACH ROW EXECUTE FUNCTION funds_allocation_guard();

-- The purposes of a fund bind its reservations too; what a reservation is for stays.
CREATE FUNCTION funds_reservation_purpose() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE f funds_fund;
BEGIN
  SELECT x.* INTO f FROM funds_fund x JOIN funds_allocation a ON a.fund_id = x.id WHERE a.id = NEW.allocation_id;
  IF cardinality(f.purposes) > 0 AND NOT coalesce(NEW.purpose = ANY (f.purposes), false) THEN
    RAISE EXCEPTION 'fund % is not for %', f.code, NEW.purpose USING ERRCODE = 'check_violation', CONSTRAINT = 'earmark_purpose';
  END IF;
  IF TG_OP = 'UPDATE' AND (NEW.purpose, NEW.person_key, NEW.once_key, NEW.reserved_on)
      IS DISTINCT FROM (OLD.purpose, OLD.person_key, OLD.once_key, OLD.reserved_on) THEN
    RAISE EXCEPTION 'a reservation is not changed' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER funds_purpose BEFORE INSERT OR UPDATE ON funds_reservation FOR EACH ROW EXECUTE FUNCTION funds_reservation_purpose();

DROP TRIGGER funds_purpose ON funds_fund;
CREATE TRIGGER funds_purpose BEFORE UPDATE ON funds_fund FOR EACH ROW
  WHEN ((OLD.code, OLD.source, OLD.unit_id, OLD.programmes, OLD.purposes, OLD.only_unit_id, OLD.first_year, OLD.last_year)
    IS DISTINCT FROM (NEW.code, NEW.source, NEW.unit_id, NEW.programmes, NEW.purposes, NEW.only_unit_id, NEW.first_year, NEW.last_year))
  EXECUTE FUNCTION funds_purpose_guard();
DROP TRIGGER funds_purpose ON funds_allocation;
CREATE TRIGGER funds_purpose BEFORE UPDATE ON funds_allocation FOR EACH ROW
  WHEN ((OLD.fund_id, OLD.programme, OLD.unit_id, OLD.year, OLD.parent_id) IS DISTINCT FROM (NEW.fund_id, NEW.programme, NEW.unit_id, NEW.year, NEW.parent_id))
  EXECUTE FUNCTION funds_purpose_guard();

-- What was proposed is what is confirmed; a decision is made once, each person by her own name.
CREATE FUNCTION funds_proposal_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' AND NEW.state <> 'proposed' THEN
    RAISE EXCEPTION 'proposal % does not begin as one', NEW.key USING ERRCODE = 'check_violation', CONSTRAINT = 'proposal_begins_open';
  END IF;
  IF TG_OP = 'UPDATE' AND ((OLD.key, OLD.kind, OLD.unit_id, OLD.fund_id, OLD.details, OLD.amount_fen, OLD.reason, OLD.document_no,
        OLD.proposed_by_id, OLD.proposer_person_key, OLD.proposed_on) IS DISTINCT FROM
       (NEW.key, NEW.kind, NEW.unit_id, NEW.fund_id, NEW.details, NEW.amount_fen, NEW.reason, NEW.document_no,
        NEW.proposed_by_id, NEW.proposer_person_key, NEW.proposed_on)
      OR OLD.state <> 'proposed' AND (OLD.state, OLD.decided_by_id, OLD.decider_person_key, OLD.decided_on, OLD.answer) IS DISTINCT FROM
       (NEW.state, NEW.decided_by_id, NEW.decider_person_key, NEW.decided_on, NEW.answer)) THEN
    RAISE EXCEPTION 'proposal % is not changed, another is made', NEW.key USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF EXISTS (SELECT 1 FROM (VALUES (NEW.proposed_by_id, NEW.proposer_person_key), (NEW.decided_by_id, NEW.decider_person_key)) AS acted (staff, person)
             LEFT JOIN access_staff s ON s.id = acted.staff WHERE s.person_key IS DISTINCT FROM acted.person) THEN
    RAISE EXCEPTION 'proposal % names somebody else''s account', NEW.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'proposal_names_its_persons';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER funds_guard AFTER INSERT OR UPDATE ON funds_proposal FOR EACH ROW EXECUTE FUNCTION funds_proposal_guard();

-- A month is closed after it has ended, in order, by two persons, and stays as it was closed.
CREATE FUNCTION funds_period_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    RAISE EXCEPTION 'a closed month is not changed' USING ERRCODE = 'insufficient_privilege';
  END IF;
  PERFORM pg_advisory_xact_lock(20260615, NEW.unit_id::int);  -- entries under way are finished first
  IF make_date(NEW.year, NEW.month, 1) + interval '1 month' > NEW.closed_on THEN
    RAISE EXCEPTION 'month %-% has not ended', NEW.year, NEW.month USING ERRCODE = 'check_violation', CONSTRAINT = 'month_has_ended';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM funds_proposal p WHERE p.id = NEW.proposal_id AND p.state = 'confirmed' AND p.kind = 'close_period' AND p.unit_id = NEW.unit_id) THEN
    RAISE EXCEPTION 'the closing was not confirmed by a second person'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'closed_by_two_persons';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER funds_guard AFTER INSERT OR UPDATE OR DELETE ON funds_period FOR EACH ROW EXECUTE FUNCTION funds_period_guard();

-- Instalments: together no more than was decided; what was checked or paid stays.
CREATE FUNCTION funds_instalment_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE r funds_reservation; planned bigint;
BEGIN
  IF TG_OP = 'UPDATE' AND ((OLD.reservation_id, OLD.n, OLD.needs_check) IS DISTINCT FROM (NEW.reservation_id, NEW.n, NEW.needs_check)
      OR NEW.amount_fen > OLD.amount_fen
      OR OLD.checked_on IS NOT NULL AND (OLD.amount_fen, OLD.checked_on, OLD.checked_by_id, OLD.checker_person_key, OLD.check_note)
         IS DISTINCT FROM (NEW.amount_fen, NEW.checked_on, NEW.checked_by_id, NEW.checker_person_key, NEW.check_note)
      OR OLD.cancelled_on IS NOT NULL AND (OLD.cancelled_on, OLD.cancel_reason) IS DISTINCT FROM (NEW.cancelled_on, NEW.cancel_reason)) THEN
    RAISE EXCEPTION 'instalment % of reservation % is not changed', NEW.n, NEW.reservation_id USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF (NEW.amount_fen, NEW.cancelled_on) IS DISTINCT FROM (CASE WHEN TG_OP = 'UPDATE' THEN OLD.amount_fen END, CASE WHEN TG_OP = 'UPDATE' THEN OLD.cancelled_on END)
     AND EXISTS (SELECT 1 FROM funds_payment p WHERE p.reservation_id = NEW.reservation_id AND p.instalment = NEW.n
                 AND p.state IN ('listed', 'sent', 'credited', 'unknown')) THEN
    RAISE EXCEPTION 'instalment % of reservation % is being paid', NEW.n, NEW.reservation_id USING ERRCODE = 'insufficient_privilege';
  END IF;
  SELECT * INTO r FROM funds_reservation WHERE id = NEW.reservation_id FOR KEY SHARE;
  SELECT coalesce(sum(amount_fen), 0) INTO planned FROM funds_instalment WHERE reservation_id = NEW.reservation_id AND cancelled_on IS NULL;
  IF NEW.cancelled_on IS NULL AND planned > r.amount_fen - r.released_fen THEN
    RAISE EXCEPTION 'instalments of reservation % are more than was decided', NEW.reservation_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'instalments_within_the_decision';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER funds_guard AFTER INSERT OR UPDATE ON funds_instalment FOR EACH ROW EXECUTE FUNCTION funds_instalment_guard();

-- What is kept, given back and recovered has moved; asked at the commit, because one is written after the other.
CREATE FUNCTION funds_reservation_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE kept bigint; given bigint;
BEGIN
  SELECT coalesce(sum(amount_fen) FILTER (WHERE kind = 'reserve'), 0), coalesce(sum(amount_fen) FILTER (WHERE kind = 'release'), 0)
    INTO kept, given FROM funds_transfer WHERE reservation_id = NEW.id;
  IF kept <> NEW.amount_fen OR given <> (SELECT released_fen FROM funds_reservation WHERE id = NEW.id) THEN
    RAISE EXCEPTION 'reservation % and its money differ', NEW.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'reservation_moves_its_money';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER funds_moves_money AFTER INSERT OR UPDATE OF released_fen ON funds_reservation DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION funds_reservation_moves();

CREATE FUNCTION funds_recovery_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT recovered_fen FROM funds_recovery WHERE id = NEW.id) <>
     (SELECT coalesce(sum(amount_fen), 0) FROM funds_transfer WHERE reservation_id = NEW.reservation_id AND kind = 'recover') THEN
    RAISE EXCEPTION 'what came back of reservation % and its money differ', NEW.reservation_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'recovery_moves_its_money';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER funds_moves_money AFTER INSERT OR UPDATE ON funds_recovery DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION funds_recovery_moves();
CREATE FUNCTION funds_recovery_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (OLD.reservation_id, OLD.subject, OLD.owed_fen, OLD.begun_on) IS DISTINCT FROM (NEW.reservation_id, NEW.subject, NEW.owed_fen, NEW.begun_on)
     OR NEW.recovered_fen < OLD.recovered_fen OR NEW.written_off_fen < OLD.written_off_fen
     OR OLD.ended_on IS NOT NULL AND NEW.ended_on IS DISTINCT FROM OLD.ended_on
     OR NEW.written_off_fen > OLD.written_off_fen AND NOT EXISTS (
        SELECT 1 FROM funds_proposal p WHERE p.kind = 'write_off' AND p.state = 'confirmed'
          AND (p.details->>'recovery')::bigint = NEW.id AND p.amount_fen = NEW.written_off_fen - OLD.written_off_fen) THEN
    RAISE EXCEPTION 'what is owed of reservation % is not changed like this', NEW.reservation_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'recovery_by_money_or_two_persons';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER funds_guard BEFORE UPDATE ON funds_recovery FOR EACH ROW EXECUTE FUNCTION funds_recovery_guard();

-- What is planned in parts is paid in those parts, each when it is due and was checked.
CREATE FUNCTION funds_payment_follows_plan() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE i funds_instalment;
BEGIN
  IF NOT EXISTS (SELECT 1 FROM funds_instalment WHERE reservation_id = NEW.reservation_id) THEN RETURN NULL; END IF;
  SELECT * INTO i FROM funds_instalment WHERE reservation_id = NEW.reservation_id AND n = NEW.instalment;
  IF i.id IS NULL OR i.cancelled_on IS NOT NULL OR i.amount_fen <> NEW.amount_fen OR i.due_on > NEW.listed_on
     OR i.needs_check AND i.checked_on IS NULL THEN
    RAISE EXCEPTION 'payment % is no instalment that may be paid', NEW.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_follows_its_plan';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER funds_follows_plan AFTER INSERT ON funds_payment FOR EACH ROW EXECUTE FUNCTION funds_payment_follows_plan();

-- The bank may return what it had reported as credited; and whom and how a payment was listed for stays.
DROP TRIGGER funds_guard ON funds_payment;
CREATE OR REPLACE FUNCTION funds_payment_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (OLD.state, NEW.state) IN (('listed', 'listed'), ('listed', 'sent'), ('listed', 'cancelled'), ('sent', 'sent'), ('sent', 'credited'),
      ('sent', 'returned'), ('sent', 'unknown'), ('unknown', 'unknown'), ('unknown', 'credited'), ('unknown', 'returned'),
      ('credited', 'credited'), ('credited', 'returned'), ('returned', 'returned'), ('cancelled', 'cancelled')) THEN
    RAISE EXCEPTION 'a listed payment is not changed, it is cancelled and listed anew' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RAISE EXCEPTION 'a payment does not go from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_goes_forward';
END $$;
CREATE TRIGGER funds_guard BEFORE UPDATE ON funds_payment FOR EACH ROW
  WHEN ((NEW.id, NEW.amount_fen, NEW.payee_name, NEW.payee_person_key, NEW.account_index, NEW.reservation_id, NEW.key, NEW.subject, NEW.batch_id, NEW.provider_id)
    IS DISTINCT FROM
    (OLD.id, OLD.amount_fen, OLD.payee_name, OLD.payee_person_key, OLD.account_index, OLD.reservation_id, OLD.key, OLD.subject, OLD.batch_id, OLD.provider_id)
    OR (OLD.state, NEW.state) NOT IN (('listed', 'listed'), ('listed', 'sent'), ('listed', 'cancelled'), ('sent', 'sent'), ('sent', 'credited'),
      ('sent', 'returned'), ('sent', 'unknown'), ('unknown', 'unknown'), ('unknown', 'credited'), ('unknown', 'returned'),
      ('credited', 'credited'), ('credited', 'returned'), ('returned', 'returned'), ('cancelled', 'cancelled')))
  EXECUTE FUNCTION funds_payment_guard();

-- What is sent goes with a released batch; what is paid in cash was handed over by two persons.
CREATE FUNCTION funds_payments_go() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE wrong record;
BEGIN
  SELECT n.key INTO wrong FROM now_so n JOIN before_so o ON o.id = n.id JOIN funds_paymentbatch b ON b.id = n.batch_id
    WHERE n.state = 'sent' AND o.state = 'listed' AND b.state <> 'released' LIMIT 1;
  IF wrong.key IS NOT NULL THEN
    RAISE EXCEPTION 'payment % is not in a released batch', wrong.key USING ERRCODE = 'check_violation', CONSTRAINT = 'sent_by_a_released_batch';
  END IF;
  SELECT n.key INTO wrong FROM now_so n JOIN before_so o ON o.id = n.id JOIN funds_paymentbatch b ON b.id = n.batch_id
    WHERE n.state = 'credited' AND o.state <> 'credited' AND b.cash_reason IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM funds_cashhandover h WHERE h.payment_id = n.id) LIMIT 1;
  IF wrong.key IS NOT NULL THEN
    RAISE EXCEPTION 'cash payment % was not handed over by two persons', wrong.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'cash_is_handed_over';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER funds_go AFTER UPDATE ON funds_payment REFERENCING OLD TABLE AS before_so NEW TABLE AS now_so
  FOR EACH STATEMENT EXECUTE FUNCTION funds_payments_go();

DROP TRIGGER funds_stays ON funds_payment;
CREATE TRIGGER funds_stays BEFORE UPDATE ON funds_payment FOR EACH ROW
  WHEN ((OLD.uid, OLD.account_sealed, OLD.account_last4, OLD.account_kind, OLD.bank, OLD.account_recorded_by_key, OLD.instalment,
         OLD.replaces_id, OLD.listed_on) IS DISTINCT FROM
        (NEW.uid, NEW.account_sealed, NEW.account_last4, NEW.account_kind, NEW.bank, NEW.account_recorded_by_key, NEW.instalment,
         NEW.replaces_id, NEW.listed_on)
        OR (OLD.state = 'returned' OR OLD.state = 'credited' AND NEW.state = 'credited')
         AND (OLD.bank_reference, OLD.answered_on, OLD.returned_reason) IS DISTINCT FROM
        (NEW.bank_reference, NEW.answered_on, NEW.returned_reason))
  EXECUTE FUNCTION funds_payment_stays();

CREATE OR REPLACE FUNCTION funds_payment_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM funds_transfer t WHERE t.payment_id = NEW.id AND t.kind =
                 CASE NEW.state WHEN 'sent' THEN 'send' WHEN 'credited' THEN 'settle'
                                ELSE CASE OLD.state WHEN 'credited' THEN 'clawback' ELSE 'bounce' END END) THEN
    RAISE EXCEPTION 'payment % is % and no money moved', NEW.key, NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_moves_its_money';
  END IF;
  RETURN NULL;
END $$;

-- A provider's account is compared by a second person before money goes there.
CREATE FUNCTION funds_payment_to_provider() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE v funds_provider;
BEGIN
  SELECT * INTO v FROM funds_provider WHERE id = NEW.provider_id;
  IF v.checked_on IS NULL OR v.ended_on IS NOT NULL OR v.account_index <> NEW.account_index OR v.name <> NEW.payee_name THEN
    RAISE EXCEPTION 'payment % goes to no checked account of its provider', NEW.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'provider_was_checked';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER funds_to_provider AFTER INSERT ON funds_payment FOR EACH ROW WHEN (NEW.provider_id IS NOT NULL)
  EXECUTE FUNCTION funds_payment_to_provider();

CREATE FUNCTION funds_provider_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (OLD.uid, OLD.name, OLD.kind, OLD.unit_id, OLD.bank, OLD.account_sealed, OLD.account_index, OLD.account_last4, OLD.recorded_by_id, OLD.recorder_person_key)
     IS DISTINCT FROM (NEW.uid, NEW.name, NEW.kind, NEW.unit_id, NEW.bank, NEW.account_sealed, NEW.account_index, NEW.account_last4, NEW.recorded_by_id, NEW.recorder_person_key)
     OR OLD.checked_on IS NOT NULL AND (OLD.checked_by_id, OLD.checked_on) IS DISTINCT FROM (NEW.checked_by_id, NEW.checked_on) THEN
    RAISE EXCEPTION 'provider % is not changed, it is ended and recorded anew', OLD.name USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER funds_guard BEFORE UPDATE ON funds_provider FOR EACH ROW EXECUTE FUNCTION funds_provider_guard();

CREATE FUNCTION funds_handover_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    RAISE EXCEPTION 'a handover of cash is not changed' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF EXISTS (SELECT 1 FROM (VALUES (NEW.payer_one_id, NEW.payer_one_key), (NEW.payer_two_id, NEW.payer_two_key)) AS acted (staff, person)
             LEFT JOIN access_staff s ON s.id = acted.staff WHERE s.person_key IS DISTINCT FROM acted.person) THEN
    RAISE EXCEPTION 'a handover names somebody else''s account' USING ERRCODE = 'check_violation', CONSTRAINT = 'handover_names_its_persons';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER funds_guard BEFORE INSERT OR UPDATE OR DELETE ON funds_cashhandover FOR EACH ROW EXECUTE FUNCTION funds_handover_guard();

-- How a batch goes is said when it is made.
CREATE FUNCTION funds_batch_channel() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'batch % does not change from bank to cash', NEW.number USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER funds_channel BEFORE UPDATE ON funds_paymentbatch FOR EACH ROW
  WHEN (OLD.cash_reason IS DISTINCT FROM NEW.cash_reason) EXECUTE FUNCTION funds_batch_channel();

ALTER TABLE funds_allocation ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_allocation ENABLE ALWAYS TRIGGER funds_purpose;
ALTER TABLE funds_fund ENABLE ALWAYS TRIGGER funds_purpose;
ALTER TABLE funds_reservation ENABLE ALWAYS TRIGGER funds_purpose;
ALTER TABLE funds_proposal ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_period ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_instalment ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_reservation ENABLE ALWAYS TRIGGER funds_moves_money;
ALTER TABLE funds_recovery ENABLE ALWAYS TRIGGER funds_moves_money;
ALTER TABLE funds_recovery ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_payment ENABLE ALWAYS TRIGGER funds_follows_plan;
ALTER TABLE funds_payment ENABLE ALWAYS TRIGGER funds_stays;
ALTER TABLE funds_payment ENABLE ALWAYS TRIGGER funds_to_provider;
ALTER TABLE funds_transfer ENABLE ALWAYS TRIGGER funds_laws;
ALTER TABLE funds_due ENABLE ALWAYS TRIGGER funds_moves;
ALTER TABLE funds_payment ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_payment ENABLE ALWAYS TRIGGER funds_go;
ALTER TABLE funds_provider ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_cashhandover ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_paymentbatch ENABLE ALWAYS TRIGGER funds_channel;
"""


class Migration(migrations.Migration):
    dependencies = [("funds", "0006_money_of_a_county"), ("access", "0003_posts_function"), ("audit", "0001_initial")]
    operations = [
        # Money that moved under these laws cannot be put back under the older ones.
        migrations.RunSQL(LAWS),
        TrackHistory("funds", "proposal", "'proposal:' || r.id"),
        TrackHistory("funds", "provider", "'provider:' || r.id"),
        TrackHistory("funds", "instalment", "(SELECT x.subject FROM funds_reservation x WHERE x.id = r.reservation_id)"),
        TrackHistory("funds", "recovery", "r.subject"),
        TrackHistory("funds", "cashhandover", "(SELECT x.subject FROM funds_payment x WHERE x.id = r.payment_id)"),
        TrackHistory("funds", "period", "'period:' || r.id"),
        TrackRows("funds", "periodtotal", "'period:' || r.period_id"),
    ]
