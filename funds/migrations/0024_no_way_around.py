"""Three ways around the laws, closed: a float pays a decision once, money that is for later years stays so in another fund,
and what two persons wrote off once is not written off again."""

from django.db import migrations

TRANSFERS = """
CREATE OR REPLACE FUNCTION funds_transfer_law(x funds_transfer) RETURNS void LANGUAGE plpgsql AS $$
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
       {first_year}OR f.last_year IS NOT NULL AND (g.last_year IS NULL OR g.last_year > f.last_year) THEN
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
"""
FIRST_YEAR = "OR f.first_year IS NOT NULL AND (g.first_year IS NULL OR g.first_year < f.first_year)\n       "

ONCE = """
-- What was handed out for a decision has come back whole before any float pays it again.
CREATE FUNCTION funds_imprest_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM funds_imprestspend s WHERE s.reservation_id = NEW.reservation_id AND s.id <> NEW.id AND s.back_fen < s.amount_fen) THEN
    RAISE EXCEPTION '% was handed out already', NEW.subject USING ERRCODE = 'check_violation', CONSTRAINT = 'handed_out_once';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER funds_once AFTER INSERT ON funds_imprestspend FOR EACH ROW EXECUTE FUNCTION funds_imprest_once();
ALTER TABLE funds_imprestspend ENABLE ALWAYS TRIGGER funds_once;
"""

RECOVERIES = """
CREATE OR REPLACE FUNCTION funds_recovery_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (OLD.reservation_id, OLD.subject, OLD.owed_fen, OLD.begun_on) IS DISTINCT FROM (NEW.reservation_id, NEW.subject, NEW.owed_fen, NEW.begun_on)
     OR NEW.recovered_fen < OLD.recovered_fen OR NEW.written_off_fen < OLD.written_off_fen
     OR OLD.ended_on IS NOT NULL AND NEW.ended_on IS DISTINCT FROM OLD.ended_on
     OR {written_off} THEN
    RAISE EXCEPTION 'what is owed of reservation % is not changed like this', NEW.reservation_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'recovery_by_money_or_two_persons';
  END IF;
  RETURN NEW;
END $$;
"""
ONE_LIKE_IT = """NEW.written_off_fen > OLD.written_off_fen AND NOT EXISTS (
        SELECT 1 FROM funds_proposal p WHERE p.kind = 'write_off' AND p.state = 'confirmed'
          AND (p.details->>'recovery')::bigint = NEW.id AND p.amount_fen = NEW.written_off_fen - OLD.written_off_fen)"""
TOGETHER = """NEW.written_off_fen > OLD.written_off_fen AND NEW.written_off_fen > (
        SELECT coalesce(sum(p.amount_fen), 0) FROM funds_proposal p WHERE p.kind = 'write_off' AND p.state = 'confirmed'
          AND (p.details->>'recovery')::bigint = NEW.id)"""


class Migration(migrations.Migration):
    dependencies = [("funds", "0023_releaser_hands_out_no_cash")]
    operations = [
        migrations.RunSQL(TRANSFERS.replace("{first_year}", FIRST_YEAR), TRANSFERS.replace("{first_year}", "")),
        migrations.RunSQL(
            RECOVERIES.replace("{written_off}", TOGETHER), RECOVERIES.replace("{written_off}", ONE_LIKE_IT)
        ),
        migrations.RunSQL(ONCE, "DROP FUNCTION funds_imprest_once() CASCADE"),
    ]
