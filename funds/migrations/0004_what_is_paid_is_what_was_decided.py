"""More of the ledger's laws: purposes stay, a payment is what its reservation and its batch say, money moves with it."""

from django.db import migrations, models

LAWS = """
-- What a fund is for, and what was set aside for whom, does not change under the money.
CREATE FUNCTION funds_purpose_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% keeps its purpose', TG_TABLE_NAME USING ERRCODE = 'check_violation', CONSTRAINT = 'money_keeps_its_purpose';
END $$;
CREATE TRIGGER funds_purpose BEFORE UPDATE ON funds_fund FOR EACH ROW
  WHEN ((OLD.code, OLD.source, OLD.unit_id, OLD.programmes) IS DISTINCT FROM (NEW.code, NEW.source, NEW.unit_id, NEW.programmes))
  EXECUTE FUNCTION funds_purpose_guard();
CREATE TRIGGER funds_purpose BEFORE UPDATE ON funds_allocation FOR EACH ROW
  WHEN ((OLD.fund_id, OLD.programme, OLD.unit_id, OLD.year) IS DISTINCT FROM (NEW.fund_id, NEW.programme, NEW.unit_id, NEW.year))
  EXECUTE FUNCTION funds_purpose_guard();

-- What was given back is not held again.
CREATE FUNCTION funds_release_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'what reservation % gave back is not held again', NEW.key
    USING ERRCODE = 'check_violation', CONSTRAINT = 'released_for_good';
END $$;
CREATE TRIGGER funds_release BEFORE UPDATE ON funds_reservation FOR EACH ROW
  WHEN (NEW.released_fen < OLD.released_fen) EXECUTE FUNCTION funds_release_guard();

-- A payment begins on a list that nobody has checked yet, for no more than was decided; after one that came back, if any.
CREATE FUNCTION funds_payment_begins() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE r funds_reservation; before funds_payment; living bigint;
BEGIN
  IF NEW.state <> 'listed' OR (SELECT state FROM funds_paymentbatch WHERE id = NEW.batch_id) <> 'draft' THEN
    RAISE EXCEPTION 'payment % does not begin on the list of a draft', NEW.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_begins_on_a_list';
  END IF;
  SELECT * INTO r FROM funds_reservation WHERE id = NEW.reservation_id;
  SELECT sum(amount_fen) INTO living FROM funds_payment
    WHERE reservation_id = NEW.reservation_id AND state NOT IN ('returned', 'cancelled');
  IF r.subject <> NEW.subject OR living > r.amount_fen - r.released_fen THEN
    RAISE EXCEPTION 'payment % is not what was reserved', NEW.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_within_its_reservation';
  END IF;
  IF NEW.replaces_id IS NOT NULL THEN
    SELECT * INTO before FROM funds_payment WHERE id = NEW.replaces_id;
    IF before.state <> 'returned' OR before.subject <> NEW.subject THEN
      RAISE EXCEPTION 'payment % replaces one that did not come back', NEW.key
        USING ERRCODE = 'check_violation', CONSTRAINT = 'only_a_returned_one_is_replaced';
    END IF;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER funds_begins AFTER INSERT ON funds_payment FOR EACH ROW EXECUTE FUNCTION funds_payment_begins();

-- The account that was listed, sealed number and all, and what the bank answered are not changed either.
CREATE FUNCTION funds_payment_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'payment % is not changed: what was listed and what the bank answered stay', NEW.key
    USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER funds_stays BEFORE UPDATE ON funds_payment FOR EACH ROW
  WHEN ((OLD.uid, OLD.account_sealed, OLD.account_last4, OLD.account_kind, OLD.bank, OLD.account_recorded_by_key, OLD.instalment,
         OLD.replaces_id, OLD.listed_on) IS DISTINCT FROM
        (NEW.uid, NEW.account_sealed, NEW.account_last4, NEW.account_kind, NEW.bank, NEW.account_recorded_by_key, NEW.instalment,
         NEW.replaces_id, NEW.listed_on)
        OR OLD.state IN ('credited', 'returned') AND (OLD.bank_reference, OLD.answered_on, OLD.returned_reason) IS DISTINCT FROM
        (NEW.bank_reference, NEW.answered_on, NEW.returned_reason))
  EXECUTE FUNCTION funds_payment_stays();

-- Payments and money move together: asked at the commit, because one is written after the other.
CREATE FUNCTION funds_transfer_pays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM funds_payment p WHERE p.id = NEW.payment_id AND p.reservation_id = NEW.reservation_id
                 AND p.amount_fen = NEW.amount_fen) THEN
    RAISE EXCEPTION 'transfer % moves money to no payment', NEW.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'transfer_names_its_payment';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER funds_pays AFTER INSERT ON funds_transfer DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.kind IN ('send', 'settle', 'bounce')) EXECUTE FUNCTION funds_transfer_pays();

CREATE FUNCTION funds_payment_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM funds_transfer t WHERE t.payment_id = NEW.id AND t.kind =
                 CASE NEW.state WHEN 'sent' THEN 'send' WHEN 'credited' THEN 'settle' ELSE 'bounce' END) THEN
    RAISE EXCEPTION 'payment % is % and no money moved', NEW.key, NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_moves_its_money';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER funds_moves_money AFTER UPDATE OF state ON funds_payment DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (OLD.state <> NEW.state AND NEW.state IN ('sent', 'credited', 'returned')) EXECUTE FUNCTION funds_payment_moves();

-- Who made, checked and released a batch is written down once, each by her own name.
CREATE FUNCTION funds_batch_persons() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' AND NEW.state <> 'draft' THEN
    RAISE EXCEPTION 'batch % does not begin as a draft', NEW.number
      USING ERRCODE = 'check_violation', CONSTRAINT = 'batch_begins_as_a_draft';
  END IF;
  IF TG_OP = 'UPDATE' AND ((OLD.number, OLD.made_on, OLD.maker_id, OLD.maker_person_key)
        IS DISTINCT FROM (NEW.number, NEW.made_on, NEW.maker_id, NEW.maker_person_key)
      OR OLD.state <> 'draft' AND NEW.state <> 'draft' AND (OLD.checker_id, OLD.checker_person_key, OLD.checked_on)
        IS DISTINCT FROM (NEW.checker_id, NEW.checker_person_key, NEW.checked_on)
      OR OLD.state = 'released' AND (OLD.releaser_id, OLD.releaser_person_key, OLD.released_on)
        IS DISTINCT FROM (NEW.releaser_id, NEW.releaser_person_key, NEW.released_on)) THEN
    RAISE EXCEPTION 'who acted on batch % is not changed', NEW.number USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF EXISTS (SELECT 1 FROM (VALUES (NEW.maker_id, NEW.maker_person_key), (NEW.checker_id, NEW.checker_person_key),
                                   (NEW.releaser_id, NEW.releaser_person_key)) AS acted (staff, person)
             LEFT JOIN access_staff s ON s.id = acted.staff WHERE s.person_key IS DISTINCT FROM acted.person) THEN
    RAISE EXCEPTION 'batch % names somebody else''s account', NEW.number
      USING ERRCODE = 'check_violation', CONSTRAINT = 'batch_names_its_persons';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER funds_persons AFTER INSERT OR UPDATE ON funds_paymentbatch FOR EACH ROW EXECUTE FUNCTION funds_batch_persons();

ALTER TABLE funds_fund ENABLE ALWAYS TRIGGER funds_purpose;
ALTER TABLE funds_allocation ENABLE ALWAYS TRIGGER funds_purpose;
ALTER TABLE funds_reservation ENABLE ALWAYS TRIGGER funds_release;
ALTER TABLE funds_payment ENABLE ALWAYS TRIGGER funds_begins;
ALTER TABLE funds_payment ENABLE ALWAYS TRIGGER funds_stays;
ALTER TABLE funds_payment ENABLE ALWAYS TRIGGER funds_moves_money;
ALTER TABLE funds_transfer ENABLE ALWAYS TRIGGER funds_pays;
ALTER TABLE funds_paymentbatch ENABLE ALWAYS TRIGGER funds_persons;
"""

UNDO = """
DROP FUNCTION funds_purpose_guard() CASCADE; DROP FUNCTION funds_release_guard() CASCADE;
DROP FUNCTION funds_payment_begins() CASCADE; DROP FUNCTION funds_payment_stays() CASCADE;
DROP FUNCTION funds_transfer_pays() CASCADE; DROP FUNCTION funds_payment_moves() CASCADE;
DROP FUNCTION funds_batch_persons() CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("funds", "0003_words_kept_whole"), ("access", "0003_posts_function")]
    operations = [
        migrations.AddConstraint(
            model_name="transfer",
            constraint=models.UniqueConstraint(
                condition=models.Q(("payment__isnull", False), ("reverses__isnull", True)),
                fields=("payment", "kind"),
                name="a_payment_moves_once",
            ),
        ),
        migrations.RunSQL(LAWS, UNDO),
    ]
