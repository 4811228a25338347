"""The ledger's laws in PostgreSQL: allowed movements, earmarks, balances moved at commit, nothing ever changed."""

from django.db import migrations

from audit.operations import TrackHistory, TrackRows

LAWS = """
CREATE TABLE funds_transferrule (kind text, debit_kind text, credit_kind text, PRIMARY KEY (kind, debit_kind, credit_kind));
INSERT INTO funds_transferrule VALUES
  ('receive', 'source', 'available'), ('allocate', 'available', 'allocated'), ('deallocate', 'allocated', 'available'),
  ('reserve', 'allocated', 'committed'), ('release', 'committed', 'allocated'), ('send', 'committed', 'in_payment'),
  ('settle', 'in_payment', 'paid'), ('bounce', 'in_payment', 'committed'), ('clawback', 'paid', 'committed'),
  ('recover', 'paid', 'allocated');

CREATE FUNCTION funds_transfer_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE d funds_account; c funds_account; o funds_transfer; f funds_fund; a funds_allocation; r funds_reservation;
BEGIN
  SELECT * INTO d FROM funds_account WHERE id = NEW.debit_id;
  SELECT * INTO c FROM funds_account WHERE id = NEW.credit_id;
  IF d.fund_id <> c.fund_id THEN
    RAISE EXCEPTION 'transfer % crosses funds', NEW.key USING ERRCODE = 'check_violation', CONSTRAINT = 'transfer_within_a_fund';
  END IF;
  IF d.allocation_id IS NOT NULL AND c.allocation_id IS NOT NULL AND d.allocation_id <> c.allocation_id THEN
    RAISE EXCEPTION 'transfer % crosses allocations', NEW.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'transfer_within_an_allocation';
  END IF;
  IF NEW.reverses_id IS NOT NULL THEN
    SELECT * INTO o FROM funds_transfer WHERE id = NEW.reverses_id;
    IF (o.debit_id, o.credit_id, o.amount_fen, o.kind) IS DISTINCT FROM (NEW.credit_id, NEW.debit_id, NEW.amount_fen, NEW.kind) THEN
      RAISE EXCEPTION 'transfer % does not mirror what it reverses', NEW.key
        USING ERRCODE = 'check_violation', CONSTRAINT = 'reversal_mirrors_its_original';
    END IF;
  ELSIF NOT EXISTS (SELECT 1 FROM funds_transferrule x
                    WHERE x.kind = NEW.kind AND x.debit_kind = d.kind AND x.credit_kind = c.kind) THEN
    RAISE EXCEPTION 'no % from % to %', NEW.kind, d.kind, c.kind
      USING ERRCODE = 'check_violation', CONSTRAINT = 'transfer_is_allowed';
  END IF;
  IF NEW.kind = 'allocate' THEN
    SELECT * INTO f FROM funds_fund WHERE id = c.fund_id;
    SELECT * INTO a FROM funds_allocation WHERE id = c.allocation_id;
    IF cardinality(f.programmes) > 0 AND NOT a.programme = ANY (f.programmes) THEN
      RAISE EXCEPTION 'fund % is not for %', f.code, a.programme USING ERRCODE = 'check_violation', CONSTRAINT = 'earmark_programme';
    END IF;
  END IF;
  IF NEW.kind IN ('reserve', 'release', 'send', 'settle', 'bounce', 'clawback', 'recover') THEN
    SELECT * INTO r FROM funds_reservation WHERE id = NEW.reservation_id;
    IF r.id IS NULL OR r.allocation_id <> coalesce(d.allocation_id, c.allocation_id) OR r.subject <> NEW.subject THEN
      RAISE EXCEPTION 'transfer % names no reservation of this allocation', NEW.key
        USING ERRCODE = 'check_violation', CONSTRAINT = 'transfer_names_its_reservation';
    END IF;
  END IF;
  RETURN NEW;
END $$;

-- One reservation never pays out, holds or releases more than was reserved for it.
CREATE FUNCTION funds_transfer_moves() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE held bigint; flying bigint; paid bigint;
BEGIN
  PERFORM 1 FROM funds_account WHERE id IN (NEW.debit_id, NEW.credit_id) ORDER BY id FOR NO KEY UPDATE;
  UPDATE funds_account SET debit_fen = debit_fen + NEW.amount_fen WHERE id = NEW.debit_id;
  UPDATE funds_account SET credit_fen = credit_fen + NEW.amount_fen WHERE id = NEW.credit_id;
  IF NEW.reservation_id IS NOT NULL THEN
    SELECT coalesce(sum(CASE WHEN c.kind = 'committed' THEN t.amount_fen WHEN d.kind = 'committed' THEN -t.amount_fen ELSE 0 END), 0),
           coalesce(sum(CASE WHEN c.kind = 'in_payment' THEN t.amount_fen WHEN d.kind = 'in_payment' THEN -t.amount_fen ELSE 0 END), 0),
           coalesce(sum(CASE WHEN c.kind = 'paid' THEN t.amount_fen WHEN d.kind = 'paid' THEN -t.amount_fen ELSE 0 END), 0)
      INTO held, flying, paid
      FROM funds_transfer t JOIN funds_account d ON d.id = t.debit_id JOIN funds_account c ON c.id = t.credit_id
      WHERE t.reservation_id = NEW.reservation_id;
    IF held < 0 OR flying < 0 OR paid < 0 THEN
      RAISE EXCEPTION 'reservation % would be overdrawn by %', NEW.reservation_id, NEW.key
        USING ERRCODE = 'check_violation', CONSTRAINT = 'reservation_never_overdrawn';
    END IF;
    IF held + flying + paid > (SELECT amount_fen FROM funds_reservation WHERE id = NEW.reservation_id) THEN
      RAISE EXCEPTION 'reservation % would hold more than was decided', NEW.reservation_id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'reservation_never_exceeded';
    END IF;
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION funds_account_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'an account is never deleted' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF NEW.debit_fen <> 0 OR NEW.credit_fen <> 0 THEN
      RAISE EXCEPTION 'an account begins empty' USING ERRCODE = 'check_violation', CONSTRAINT = 'account_begins_empty';
    END IF;
  ELSIF pg_trigger_depth() < 2 OR (NEW.fund_id, NEW.kind, NEW.allocation_id) IS DISTINCT FROM (OLD.fund_id, OLD.kind, OLD.allocation_id) THEN
    RAISE EXCEPTION 'balances are moved by transfers alone' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION funds_reservation_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE a funds_allocation; v access_orgunit;
BEGIN
  SELECT * INTO a FROM funds_allocation WHERE id = NEW.allocation_id;
  SELECT * INTO v FROM access_orgunit WHERE id = NEW.village_id;
  IF a.programme <> NEW.programme THEN
    RAISE EXCEPTION 'this money is for %, not for %', a.programme, NEW.programme
      USING ERRCODE = 'check_violation', CONSTRAINT = 'earmark_programme';
  END IF;
  IF a.unit_id <> ALL (array_remove(ARRAY[v.id, v.village_id, v.township_id, v.county_id, v.prefecture_id, v.province_id], NULL)) THEN
    RAISE EXCEPTION 'this money is not for unit %', NEW.village_id USING ERRCODE = 'check_violation', CONSTRAINT = 'earmark_unit';
  END IF;
  IF a.year <> extract(year FROM NEW.reserved_on) THEN
    RAISE EXCEPTION 'this money is for %', a.year USING ERRCODE = 'check_violation', CONSTRAINT = 'earmark_year';
  END IF;
  IF TG_OP = 'UPDATE' AND (NEW.amount_fen, NEW.allocation_id, NEW.subject, NEW.key, NEW.programme, NEW.village_id) IS DISTINCT FROM
     (OLD.amount_fen, OLD.allocation_id, OLD.subject, OLD.key, OLD.programme, OLD.village_id) THEN
    RAISE EXCEPTION 'a reservation is not changed' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;

-- What was listed is what is paid; who wrote down the account does not release the money.
CREATE FUNCTION funds_payment_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.amount_fen, NEW.payee_name, NEW.payee_person_key, NEW.account_index, NEW.reservation_id, NEW.key, NEW.subject, NEW.batch_id) IS DISTINCT FROM
     (OLD.amount_fen, OLD.payee_name, OLD.payee_person_key, OLD.account_index, OLD.reservation_id, OLD.key, OLD.subject, OLD.batch_id) THEN
    RAISE EXCEPTION 'a listed payment is not changed, it is cancelled and listed anew' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF NEW.state = 'sent' AND OLD.state = 'listed' AND NOT EXISTS (
      SELECT 1 FROM funds_paymentbatch b WHERE b.id = NEW.batch_id AND b.state = 'released') THEN
    RAISE EXCEPTION 'payment % is not in a released batch', NEW.key USING ERRCODE = 'check_violation', CONSTRAINT = 'sent_by_a_released_batch';
  END IF;
  IF (OLD.state, NEW.state) NOT IN (('listed', 'listed'), ('listed', 'sent'), ('listed', 'cancelled'), ('sent', 'sent'), ('sent', 'credited'),
      ('sent', 'returned'), ('sent', 'unknown'), ('unknown', 'unknown'), ('unknown', 'credited'), ('unknown', 'returned'),
      ('credited', 'credited'), ('returned', 'returned'), ('cancelled', 'cancelled')) THEN
    RAISE EXCEPTION 'a payment does not go from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_goes_forward';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION funds_batch_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state = 'released' AND OLD.state <> 'released' AND EXISTS (
      SELECT 1 FROM funds_payment p WHERE p.batch_id = NEW.id AND p.state <> 'cancelled' AND p.account_recorded_by_key = NEW.releaser_person_key) THEN
    RAISE EXCEPTION 'the releaser wrote down an account of this batch' USING ERRCODE = 'check_violation', CONSTRAINT = 'recorder_is_not_releaser';
  END IF;
  IF (OLD.state, NEW.state) NOT IN (('draft', 'draft'), ('draft', 'checked'), ('checked', 'checked'), ('checked', 'draft'), ('checked', 'released'), ('released', 'released')) THEN
    RAISE EXCEPTION 'a batch does not go from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation', CONSTRAINT = 'batch_goes_forward';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER funds_guard BEFORE INSERT ON funds_transfer FOR EACH ROW EXECUTE FUNCTION funds_transfer_guard();
CREATE CONSTRAINT TRIGGER funds_moves AFTER INSERT ON funds_transfer DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION funds_transfer_moves();
CREATE TRIGGER funds_guard BEFORE INSERT OR UPDATE OR DELETE ON funds_account FOR EACH ROW EXECUTE FUNCTION funds_account_guard();
CREATE TRIGGER funds_no_truncate BEFORE TRUNCATE ON funds_account EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER funds_guard BEFORE INSERT OR UPDATE ON funds_reservation FOR EACH ROW EXECUTE FUNCTION funds_reservation_guard();
CREATE TRIGGER funds_guard BEFORE UPDATE ON funds_payment FOR EACH ROW EXECUTE FUNCTION funds_payment_guard();
CREATE TRIGGER funds_guard BEFORE UPDATE ON funds_paymentbatch FOR EACH ROW EXECUTE FUNCTION funds_batch_guard();
ALTER TABLE funds_transfer ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_transfer ENABLE ALWAYS TRIGGER funds_moves;
ALTER TABLE funds_account ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_account ENABLE ALWAYS TRIGGER funds_no_truncate;
ALTER TABLE funds_reservation ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_payment ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_paymentbatch ENABLE ALWAYS TRIGGER funds_guard;
"""

UNDO = """
DROP TRIGGER funds_guard ON funds_transfer; DROP TRIGGER funds_moves ON funds_transfer;
DROP TRIGGER funds_guard ON funds_account; DROP TRIGGER funds_no_truncate ON funds_account;
DROP TRIGGER funds_guard ON funds_reservation; DROP TRIGGER funds_guard ON funds_payment; DROP TRIGGER funds_guard ON funds_paymentbatch;
DROP FUNCTION funds_transfer_guard(); DROP FUNCTION funds_transfer_moves(); DROP FUNCTION funds_account_guard();
DROP FUNCTION funds_reservation_guard(); DROP FUNCTION funds_payment_guard(); DROP FUNCTION funds_batch_guard();
DROP TABLE funds_transferrule;
"""


class Migration(migrations.Migration):
    dependencies = [("funds", "0001_initial"), ("audit", "0001_initial"), ("access", "0001_initial")]
    operations = [
        migrations.RunSQL(LAWS, UNDO),
        TrackHistory("funds", "fund", "'fund:' || r.id"),
        TrackHistory("funds", "allocation", "'fund:' || r.fund_id"),
        TrackHistory("funds", "reservation", "r.subject"),
        TrackHistory("funds", "paymentbatch", "'batch:' || r.id"),
        TrackHistory("funds", "payment", "r.subject"),
        TrackRows("funds", "transfer", "r.subject"),
    ]
