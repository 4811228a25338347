"""Months close in order and say what is written; the bank's balance is brought together with the books by two persons.

The totals of a month are written by PostgreSQL in the statement that closes it and by nothing else. Each begins with what
the month before ended with, so closing reads the entries of its own month alone, however old the books are.
"""

from django.db import migrations

from audit.operations import TrackHistory, TrackRows

LAWS = """
-- No entry in a closed month nor before it, of either fund's unit; whoever closes a month waits for entries under way.
CREATE FUNCTION funds_month_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE v record;
BEGIN
  FOR v IN SELECT f.unit_id, min(t.business_date) AS day FROM fresh t JOIN funds_account a ON a.id IN (t.debit_id, t.credit_id)
             JOIN funds_fund f ON f.id = a.fund_id GROUP BY 1 ORDER BY 1 LOOP
    PERFORM pg_advisory_xact_lock_shared(20260615, v.unit_id::int);
    IF EXISTS (SELECT 1 FROM funds_period p WHERE p.unit_id = v.unit_id
               AND (p.year, p.month) >= (extract(year FROM v.day), extract(month FROM v.day))) THEN
      RAISE EXCEPTION 'the month of % is closed', v.day USING ERRCODE = 'check_violation', CONSTRAINT = 'closed_months_stay_closed';
    END IF;
  END LOOP;
  RETURN NULL;
END $$;
CREATE TRIGGER funds_month AFTER INSERT ON funds_transfer REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION funds_month_guard();

-- What every account of a unit had at the beginning of a month, gave and received in it; what stands still at nothing is left out.
CREATE FUNCTION funds_month_totals(v_unit bigint, v_first date)
RETURNS TABLE (account_id bigint, opening_fen bigint, debit_fen bigint, credit_fen bigint) LANGUAGE sql STABLE AS $$
  WITH own AS MATERIALIZED (SELECT a.id FROM funds_account a JOIN funds_fund f ON f.id = a.fund_id WHERE f.unit_id = v_unit),
  moved AS (SELECT s.account, sum(s.debit) AS debit, sum(s.credit) AS credit
            FROM funds_transfer t CROSS JOIN LATERAL (VALUES (t.debit_id, t.amount_fen, 0), (t.credit_id, 0, t.amount_fen)) AS s (account, debit, credit)
            WHERE t.business_date >= v_first AND t.business_date < v_first + interval '1 month' GROUP BY 1),
  before AS (SELECT x.account_id AS account, x.closing_fen AS fen FROM funds_periodtotal x JOIN funds_period p ON p.id = x.period_id
             WHERE p.unit_id = v_unit AND p.year = extract(year FROM v_first - interval '1 month')
               AND p.month = extract(month FROM v_first - interval '1 month'))
  SELECT o.id, coalesce(b.fen, 0)::bigint, coalesce(m.debit, 0)::bigint, coalesce(m.credit, 0)::bigint
  FROM own o LEFT JOIN moved m ON m.account = o.id LEFT JOIN before b ON b.account = o.id
  WHERE m.account IS NOT NULL OR b.fen <> 0 ORDER BY o.id
$$;

CREATE FUNCTION funds_month_transfers(v_unit bigint, v_first date) RETURNS bigint LANGUAGE sql STABLE AS $$
  WITH own AS MATERIALIZED (SELECT a.id FROM funds_account a JOIN funds_fund f ON f.id = a.fund_id WHERE f.unit_id = v_unit)
  SELECT count(*) FROM funds_transfer t WHERE t.business_date >= v_first AND t.business_date < v_first + interval '1 month'
    AND (t.debit_id IN (SELECT id FROM own) OR t.credit_id IN (SELECT id FROM own))
$$;

CREATE FUNCTION funds_month_digest(v_period bigint) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT encode(sha256(convert_to('[' || coalesce(string_agg(format('[%s, %s, %s, %s]', account_id, opening_fen, debit_fen, credit_fen),
    ', ' ORDER BY account_id), '') || ']', 'UTF8')), 'hex') FROM funds_periodtotal WHERE period_id = v_period
$$;

CREATE FUNCTION funds_period_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE v_last int; v_out boolean;
BEGIN
  SELECT max(p.year * 12 + p.month) INTO v_last FROM funds_period p WHERE p.unit_id = NEW.unit_id;
  IF v_last IS NULL THEN
    v_out := EXISTS (SELECT 1 FROM funds_transfer t WHERE t.business_date < make_date(NEW.year, NEW.month, 1)
      AND EXISTS (SELECT 1 FROM funds_account a JOIN funds_fund f ON f.id = a.fund_id
                  WHERE f.unit_id = NEW.unit_id AND a.id IN (t.debit_id, t.credit_id)));
  ELSE
    v_out := NEW.year * 12 + NEW.month <> v_last + 1 AND NOT EXISTS (
      SELECT 1 FROM funds_period p WHERE (p.unit_id, p.year, p.month) = (NEW.unit_id, NEW.year, NEW.month));  -- a_month_is_closed_once says it
  END IF;
  IF v_out THEN
    RAISE EXCEPTION 'another month comes before %-%', NEW.year, NEW.month
      USING ERRCODE = 'check_violation', CONSTRAINT = 'months_close_in_order';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER funds_order BEFORE INSERT ON funds_period FOR EACH ROW EXECUTE FUNCTION funds_period_in_order();

CREATE FUNCTION funds_period_totals() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE v_first date := make_date(NEW.year, NEW.month, 1);
BEGIN
  INSERT INTO funds_periodtotal (period_id, account_id, opening_fen, debit_fen, credit_fen, closing_fen)
    SELECT NEW.id, m.account_id, m.opening_fen, m.debit_fen, m.credit_fen, m.opening_fen + m.credit_fen - m.debit_fen
    FROM funds_month_totals(NEW.unit_id, v_first) m;
  IF NEW.digest <> funds_month_digest(NEW.id) OR NEW.transfers <> funds_month_transfers(NEW.unit_id, v_first) THEN
    RAISE EXCEPTION 'month %-% does not say what is written', NEW.year, NEW.month
      USING ERRCODE = 'check_violation', CONSTRAINT = 'a_month_says_what_is_written';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER funds_totals AFTER INSERT ON funds_period FOR EACH ROW EXECUTE FUNCTION funds_period_totals();

CREATE FUNCTION funds_periodtotal_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF pg_trigger_depth() < 2 THEN
    RAISE EXCEPTION 'totals are written when their month is closed' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER funds_guard BEFORE INSERT ON funds_periodtotal FOR EACH ROW EXECUTE FUNCTION funds_periodtotal_guard();

-- What the books say lies in the bank at the end of a day: all that is not paid out and not in a township's hands, of the
-- funds that lie there. Money in payment is still there until the bank has credited it.
CREATE FUNCTION funds_in_the_bank(v_deposit bigint, v_day date) RETURNS bigint LANGUAGE sql STABLE AS $$
  WITH own AS MATERIALIZED (
    SELECT a.id, a.credit_fen - a.debit_fen AS fen FROM funds_account a JOIN funds_fundstanding s ON s.fund_id = a.fund_id
    WHERE s.account_id = v_deposit AND s.valid_from <= v_day AND (s.valid_to IS NULL OR s.valid_to >= v_day)
      AND a.kind IN ('available', 'allocated', 'committed', 'in_payment'))
  SELECT (coalesce((SELECT sum(fen) FROM own), 0) - coalesce((
    SELECT sum(s.fen) FROM funds_transfer t CROSS JOIN LATERAL (VALUES (t.credit_id, t.amount_fen), (t.debit_id, -t.amount_fen)) AS s (account, fen)
    WHERE t.business_date > v_day AND s.account IN (SELECT id FROM own)), 0))::bigint
$$;

CREATE FUNCTION funds_deposit_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR (OLD.uid, OLD.unit_id, OLD.name, OLD.bank, OLD.account_sealed, OLD.account_index, OLD.account_last4, OLD.opened_on, OLD.recorded_by_id)
     IS DISTINCT FROM (NEW.uid, NEW.unit_id, NEW.name, NEW.bank, NEW.account_sealed, NEW.account_index, NEW.account_last4, NEW.opened_on, NEW.recorded_by_id)
     OR OLD.ended_on IS NOT NULL AND OLD.ended_on IS DISTINCT FROM NEW.ended_on THEN
    RAISE EXCEPTION 'a bank account is not changed, it is ended and recorded anew' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER funds_guard BEFORE UPDATE OR DELETE ON funds_depositaccount FOR EACH ROW EXECUTE FUNCTION funds_deposit_guard();

CREATE FUNCTION funds_standing_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE d funds_depositaccount; f funds_fund;
BEGIN
  IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND ((OLD.account_id, OLD.fund_id, OLD.valid_from) IS DISTINCT FROM (NEW.account_id, NEW.fund_id, NEW.valid_from)
     OR OLD.valid_to IS NOT NULL AND OLD.valid_to IS DISTINCT FROM NEW.valid_to) THEN
    RAISE EXCEPTION 'where a fund lay is not changed' USING ERRCODE = 'insufficient_privilege';
  END IF;
  SELECT * INTO d FROM funds_depositaccount WHERE id = NEW.account_id;
  SELECT * INTO f FROM funds_fund WHERE id = NEW.fund_id;
  IF f.unit_id <> d.unit_id OR f.source = 'in_kind' THEN
    RAISE EXCEPTION 'fund % does not lie in this account', f.code USING ERRCODE = 'check_violation', CONSTRAINT = 'a_fund_lies_with_its_unit';
  END IF;
  IF NEW.valid_to < NEW.valid_from THEN RETURN NEW; END IF;  -- standing_dates_in_order says it
  IF EXISTS (SELECT 1 FROM funds_fundstanding s WHERE s.fund_id = NEW.fund_id AND s.id <> NEW.id
             AND daterange(s.valid_from, s.valid_to, '[]') && daterange(NEW.valid_from, NEW.valid_to, '[]')) THEN
    RAISE EXCEPTION 'fund % lies in another account on these days', f.code
      USING ERRCODE = 'unique_violation', CONSTRAINT = 'a_fund_lies_in_one_account';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER funds_guard BEFORE INSERT OR UPDATE OR DELETE ON funds_fundstanding FOR EACH ROW EXECUTE FUNCTION funds_standing_guard();

CREATE FUNCTION funds_reconciliation_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE s funds_statedbalance;
BEGIN
  IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND (OLD.state <> 'prepared' OR
     (OLD.key, OLD.account_id, OLD.on, OLD.stated_id, OLD.bank_fen, OLD.books_fen, OLD.bank_received_fen, OLD.bank_paid_fen,
      OLD.books_received_fen, OLD.books_paid_fen, OLD.prepared_by_id, OLD.preparer_person_key, OLD.prepared_on) IS DISTINCT FROM
     (NEW.key, NEW.account_id, NEW.on, NEW.stated_id, NEW.bank_fen, NEW.books_fen, NEW.bank_received_fen, NEW.bank_paid_fen,
      NEW.books_received_fen, NEW.books_paid_fen, NEW.prepared_by_id, NEW.preparer_person_key, NEW.prepared_on)) THEN
    RAISE EXCEPTION 'a reconciliation is not changed, another is prepared' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF TG_OP = 'INSERT' AND NEW.state <> 'prepared' THEN
    RAISE EXCEPTION 'a reconciliation does not begin as %', NEW.state USING ERRCODE = 'check_violation', CONSTRAINT = 'reconciliation_begins_prepared';
  END IF;
  SELECT * INTO s FROM funds_statedbalance WHERE id = NEW.stated_id;
  IF (s.account_id, s.on, s.balance_fen) IS DISTINCT FROM (NEW.account_id, NEW.on, NEW.bank_fen) THEN
    RAISE EXCEPTION 'the bank says something else' USING ERRCODE = 'check_violation', CONSTRAINT = 'reconciliation_follows_the_bank';
  END IF;
  IF NEW.state IN ('prepared', 'reviewed') AND NEW.books_fen <> funds_in_the_bank(NEW.account_id, NEW.on) THEN
    RAISE EXCEPTION 'the books say something else' USING ERRCODE = 'check_violation', CONSTRAINT = 'reconciliation_follows_the_books';
  END IF;
  IF EXISTS (SELECT 1 FROM (VALUES (NEW.prepared_by_id, NEW.preparer_person_key), (NEW.reviewed_by_id, NEW.reviewer_person_key)) AS acted (staff, person)
             LEFT JOIN access_staff x ON x.id = acted.staff WHERE x.person_key IS DISTINCT FROM acted.person) THEN
    RAISE EXCEPTION 'a reconciliation names somebody else''s account'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'reconciliation_names_its_persons';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER funds_guard BEFORE INSERT OR UPDATE OR DELETE ON funds_reconciliation FOR EACH ROW EXECUTE FUNCTION funds_reconciliation_guard();

CREATE FUNCTION funds_reconciliation_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE v_id bigint := CASE TG_TABLE_NAME WHEN 'funds_openitem' THEN (to_jsonb(NEW)->>'reconciliation_id')::bigint ELSE NEW.id END;
BEGIN
  IF EXISTS (SELECT 1 FROM funds_reconciliation r, LATERAL (
      SELECT coalesce(sum(amount_fen) FILTER (WHERE side = 'bank_received'), 0) AS br, coalesce(sum(amount_fen) FILTER (WHERE side = 'bank_paid'), 0) AS bp,
             coalesce(sum(amount_fen) FILTER (WHERE side = 'books_received'), 0) AS kr, coalesce(sum(amount_fen) FILTER (WHERE side = 'books_paid'), 0) AS kp
      FROM funds_openitem i WHERE i.reconciliation_id = r.id) x
      WHERE r.id = v_id AND (r.bank_received_fen, r.bank_paid_fen, r.books_received_fen, r.books_paid_fen) IS DISTINCT FROM (x.br, x.bp, x.kr, x.kp)) THEN
    RAISE EXCEPTION 'reconciliation % is not the sum of its items', v_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'reconciliation_adds_up';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER funds_adds_up AFTER INSERT OR UPDATE ON funds_reconciliation DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION funds_reconciliation_adds_up();
CREATE CONSTRAINT TRIGGER funds_adds_up AFTER INSERT ON funds_openitem DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION funds_reconciliation_adds_up();

ALTER TABLE funds_transfer ENABLE ALWAYS TRIGGER funds_month;
ALTER TABLE funds_period ENABLE ALWAYS TRIGGER funds_order;
ALTER TABLE funds_period ENABLE ALWAYS TRIGGER funds_totals;
ALTER TABLE funds_periodtotal ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_depositaccount ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_fundstanding ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_reconciliation ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_reconciliation ENABLE ALWAYS TRIGGER funds_adds_up;
ALTER TABLE funds_openitem ENABLE ALWAYS TRIGGER funds_adds_up;
"""

UNDO = """
DROP TRIGGER funds_month ON funds_transfer; DROP FUNCTION funds_month_guard();
DROP TRIGGER funds_order ON funds_period; DROP FUNCTION funds_period_in_order();
DROP TRIGGER funds_totals ON funds_period; DROP FUNCTION funds_period_totals();
DROP TRIGGER funds_guard ON funds_periodtotal; DROP FUNCTION funds_periodtotal_guard();
DROP FUNCTION funds_month_totals(bigint, date); DROP FUNCTION funds_month_transfers(bigint, date); DROP FUNCTION funds_month_digest(bigint);
DROP TRIGGER funds_guard ON funds_depositaccount; DROP FUNCTION funds_deposit_guard();
DROP TRIGGER funds_guard ON funds_fundstanding; DROP FUNCTION funds_standing_guard();
DROP TRIGGER funds_guard ON funds_reconciliation; DROP FUNCTION funds_reconciliation_guard();
DROP TRIGGER funds_adds_up ON funds_reconciliation; DROP TRIGGER funds_adds_up ON funds_openitem;
DROP FUNCTION funds_reconciliation_adds_up(); DROP FUNCTION funds_in_the_bank(bigint, date);
"""


class Migration(migrations.Migration):
    dependencies = [("funds", "0012_bank_balance"), ("audit", "0001_initial")]
    operations = [
        migrations.RunSQL(LAWS, UNDO),
        TrackHistory("funds", "depositaccount", "'deposit:' || r.id"),
        TrackHistory("funds", "fundstanding", "'fund:' || r.fund_id"),
        TrackHistory("funds", "reconciliation", "'reconciliation:' || r.id"),
        TrackRows("funds", "statedbalance", "'deposit:' || r.account_id"),
        TrackRows("funds", "openitem", "'reconciliation:' || r.reconciliation_id"),
    ]
