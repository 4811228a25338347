"""The laws of goods in PostgreSQL: on hand is moved by moves alone, never below nothing; a slip is numbered and never changed."""

from django.db import migrations

from audit.operations import TrackHistory, TrackRows

LAWS = """
-- A lot begins empty and keeps its facts; its figures are moved by moves alone.
CREATE FUNCTION funds_stocklot_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE o funds_stocklot;
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'a lot is never deleted' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF NEW.on_hand <> 0 OR NEW.lent <> 0 THEN
      RAISE EXCEPTION 'a lot begins empty' USING ERRCODE = 'check_violation', CONSTRAINT = 'lot_begins_empty';
    END IF;
    IF NEW.origin_id IS NOT NULL THEN
      SELECT * INTO o FROM funds_stocklot WHERE id = NEW.origin_id;
      IF (o.item_id, o.source, o.source_name, o.document_no, o.unit_value_fen, o.expires_on) IS DISTINCT FROM
         (NEW.item_id, NEW.source, NEW.source_name, NEW.document_no, NEW.unit_value_fen, NEW.expires_on) THEN
        RAISE EXCEPTION 'lot % is not what it was sent from', NEW.id
          USING ERRCODE = 'check_violation', CONSTRAINT = 'lot_keeps_its_origin';
      END IF;
    END IF;
  ELSIF pg_trigger_depth() < 2 OR
        (NEW.item_id, NEW.store_id, NEW.origin_id, NEW.source, NEW.source_name, NEW.document_no, NEW.unit_value_fen, NEW.received_on, NEW.expires_on)
        IS DISTINCT FROM
        (OLD.item_id, OLD.store_id, OLD.origin_id, OLD.source, OLD.source_name, OLD.document_no, OLD.unit_value_fen, OLD.received_on, OLD.expires_on) THEN
    RAISE EXCEPTION 'lots are moved by moves alone' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;

-- How an item is counted, and where a store stands, does not change under the goods.
CREATE FUNCTION funds_stock_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% keeps what its goods were counted by', TG_TABLE_NAME
    USING ERRCODE = 'check_violation', CONSTRAINT = 'goods_keep_their_measure';
END $$;

-- Numbers without gaps: one more than the last of this store, kind and year, and no slip is ever taken away.
CREATE FUNCTION funds_stockslip_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE last int; o funds_stockslip; s funds_stockstore; v access_orgunit;
BEGIN
  SELECT * INTO s FROM funds_stockstore WHERE id = NEW.store_id FOR NO KEY UPDATE;
  SELECT coalesce(max(serial), 0) INTO last FROM funds_stockslip
    WHERE store_id = NEW.store_id AND kind = NEW.kind AND year = NEW.year;
  IF NEW.serial > last + 1 OR NEW.serial < 1 OR NEW.year <> extract(year FROM NEW.made_on) THEN
    RAISE EXCEPTION 'slip % leaves a gap after %', NEW.number, last
      USING ERRCODE = 'check_violation', CONSTRAINT = 'slip_numbers_have_no_gap';
  END IF;
  IF EXISTS (SELECT 1 FROM (VALUES (NEW.maker_id, NEW.maker_person_key), (NEW.witness_id, NEW.witness_person_key)) AS acted (staff, person)
             LEFT JOIN access_staff a ON a.id = acted.staff WHERE a.person_key IS DISTINCT FROM acted.person) THEN
    RAISE EXCEPTION 'slip % names somebody else''s account', NEW.number
      USING ERRCODE = 'check_violation', CONSTRAINT = 'slip_names_its_persons';
  END IF;
  IF NEW.kind = 'issue' AND s.needs_witness AND NEW.witness_id IS NULL THEN
    RAISE EXCEPTION 'slip % was handed out by one person', NEW.number
      USING ERRCODE = 'check_violation', CONSTRAINT = 'two_hand_out';
  END IF;
  IF NEW.village_id IS NOT NULL THEN
    SELECT * INTO v FROM access_orgunit WHERE id = NEW.village_id;
    IF s.unit_id <> ALL (array_remove(ARRAY[v.id, v.village_id, v.township_id, v.county_id, v.prefecture_id, v.province_id], NULL)) THEN
      RAISE EXCEPTION 'the goods of % are not for unit %', s.code, NEW.village_id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'goods_for_their_own_place';
    END IF;
  END IF;
  IF NEW.answers_id IS NOT NULL THEN
    SELECT * INTO o FROM funds_stockslip WHERE id = NEW.answers_id FOR UPDATE;
    IF (NEW.kind, o.kind) NOT IN (('back', 'issue'), ('loss', 'issue'), ('acceptance', 'transfer'), ('reversal', 'receipt'),
        ('reversal', 'issue'), ('reversal', 'back'), ('reversal', 'loss'), ('reversal', 'transfer'))
       OR NEW.store_id <> (CASE NEW.kind WHEN 'acceptance' THEN o.to_store_id ELSE o.store_id END)
       OR NEW.kind <> 'acceptance' AND NEW.subject <> o.subject THEN
      RAISE EXCEPTION 'slip % does not answer slip %', NEW.number, o.number
        USING ERRCODE = 'check_violation', CONSTRAINT = 'slip_answers_its_own_kind';
    END IF;
    IF NEW.kind = 'acceptance' AND NEW.maker_person_key = o.maker_person_key THEN
      RAISE EXCEPTION 'who sent % does not accept it', o.number
        USING ERRCODE = 'check_violation', CONSTRAINT = 'sender_is_not_acceptor';
    END IF;
  END IF;
  IF NEW.count_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM funds_stockcount c
      WHERE c.id = NEW.count_id AND c.state = 'confirmed' AND c.store_id = NEW.store_id AND c.confirmer_id = NEW.maker_id) THEN
    RAISE EXCEPTION 'slip % enters a count that nobody confirmed', NEW.number
      USING ERRCODE = 'check_violation', CONSTRAINT = 'count_is_confirmed_first';
  END IF;
  RETURN NEW;
END $$;

-- Each kind of move stands on its own kind of slip, in the store of its lot, and answers what it says.
CREATE FUNCTION funds_stockmove_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE s funds_stockslip; l funds_stocklot; i funds_stockitem; o funds_stockmove; a funds_stockmove; l_out funds_stocklot;
BEGIN
  SELECT * INTO s FROM funds_stockslip WHERE id = NEW.slip_id;
  SELECT * INTO l FROM funds_stocklot WHERE id = NEW.lot_id;
  SELECT * INTO i FROM funds_stockitem WHERE id = l.item_id;
  IF l.store_id <> s.store_id OR NEW.subject <> s.subject THEN
    RAISE EXCEPTION 'move % is not of the store and subject of its slip', NEW.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'move_stands_on_its_slip';
  END IF;
  IF NEW.reverses_id IS NOT NULL THEN
    SELECT * INTO o FROM funds_stockmove WHERE id = NEW.reverses_id;
    IF s.kind <> 'reversal' OR o.slip_id <> s.answers_id OR o.reverses_id IS NOT NULL
       OR (o.kind, o.lot_id, o.quantity, o.answers_id) IS DISTINCT FROM (NEW.kind, NEW.lot_id, NEW.quantity, NEW.answers_id) THEN
      RAISE EXCEPTION 'move % does not mirror what it reverses', NEW.key
        USING ERRCODE = 'check_violation', CONSTRAINT = 'stock_reversal_mirrors';
    END IF;
    RETURN NEW;
  END IF;
  IF (s.kind, NEW.kind) NOT IN (('receipt', 'receive'), ('issue', 'give'), ('issue', 'lend'), ('back', 'undelivered'), ('back', 'returned'),
      ('loss', 'lost'), ('transfer', 'send'), ('acceptance', 'accept'), ('count', 'found'), ('count', 'missing'))
     OR i.is_loaned AND NEW.kind IN ('give', 'undelivered') OR NOT i.is_loaned AND NEW.kind IN ('lend', 'returned', 'lost') THEN
    RAISE EXCEPTION 'no % of % on a slip of kind %', NEW.kind, i.name, s.kind
      USING ERRCODE = 'check_violation', CONSTRAINT = 'move_fits_its_slip';
  END IF;
  IF NEW.kind IN ('give', 'lend') AND l.expires_on < s.made_on THEN
    RAISE EXCEPTION 'lot % has expired', l.id USING ERRCODE = 'check_violation', CONSTRAINT = 'expired_goods_stay';
  END IF;
  IF NEW.answers_id IS NOT NULL THEN
    SELECT * INTO a FROM funds_stockmove WHERE id = NEW.answers_id;
    SELECT * INTO l_out FROM funds_stocklot WHERE id = a.lot_id;
    IF a.slip_id <> s.answers_id OR a.reverses_id IS NOT NULL
       OR (NEW.kind, a.kind) NOT IN (('undelivered', 'give'), ('returned', 'lend'), ('lost', 'lend'), ('accept', 'send'))
       OR NEW.kind = 'accept' AND (l.origin_id IS DISTINCT FROM a.lot_id OR NEW.quantity <> a.quantity)
       OR NEW.kind <> 'accept' AND NEW.lot_id <> a.lot_id THEN
      RAISE EXCEPTION 'move % does not answer move %', NEW.key, a.key
        USING ERRCODE = 'check_violation', CONSTRAINT = 'move_answers_its_own_kind';
    END IF;
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION funds_stockmove_moves() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE first_move funds_stockmove; gone bigint; wanted bigint; entered bigint;
BEGIN
  UPDATE funds_stocklot SET on_hand = on_hand + NEW.change, lent = lent + NEW.lent_change WHERE id = NEW.lot_id;
  -- What came back, was lost or was taken back of one handing-out is never more than was handed out: the lot is locked by now.
  IF NEW.answers_id IS NOT NULL OR NEW.reverses_id IS NOT NULL THEN
    SELECT * INTO first_move FROM funds_stockmove WHERE id = coalesce(NEW.answers_id, NEW.reverses_id);
    SELECT coalesce(sum(CASE WHEN m.answers_id IS NULL OR m.reverses_id IS NULL THEN m.quantity ELSE -m.quantity END), 0) INTO gone
      FROM funds_stockmove m WHERE m.answers_id = first_move.id OR m.reverses_id = first_move.id;
    IF gone > first_move.quantity THEN
      RAISE EXCEPTION 'more of % comes back than went out', first_move.key
        USING ERRCODE = 'check_violation', CONSTRAINT = 'no_more_back_than_out';
    END IF;
  END IF;
  IF NEW.kind IN ('found', 'missing') THEN
    SELECT l.counted - l.expected INTO wanted FROM funds_stockcountline l JOIN funds_stockslip s ON s.count_id = l.count_id
      JOIN funds_stocklot lot ON lot.item_id = l.item_id WHERE s.id = NEW.slip_id AND lot.id = NEW.lot_id;
    SELECT sum(m.change) INTO entered FROM funds_stockmove m JOIN funds_stocklot lot ON lot.id = m.lot_id
      WHERE m.slip_id = NEW.slip_id AND lot.item_id = (SELECT item_id FROM funds_stocklot WHERE id = NEW.lot_id);
    IF wanted IS NULL OR abs(entered) > abs(wanted) OR sign(entered) <> sign(wanted) THEN
      RAISE EXCEPTION 'move % is not what was counted', NEW.key
        USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_is_what_was_counted';
    END IF;
  END IF;
  RETURN NULL;
END $$;

-- A stock-take goes forward; what was counted stays once it is handed on.
CREATE FUNCTION funds_stockcount_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' AND NEW.state <> 'open' OR TG_OP = 'UPDATE' AND ((OLD.state, NEW.state) NOT IN
      (('open', 'open'), ('open', 'counted'), ('open', 'dropped'), ('counted', 'open'), ('counted', 'confirmed'), ('counted', 'dropped'))
      OR (OLD.key, OLD.store_id, OLD.opened_on, OLD.counter_id, OLD.counter_person_key)
         IS DISTINCT FROM (NEW.key, NEW.store_id, NEW.opened_on, NEW.counter_id, NEW.counter_person_key)) THEN
    RAISE EXCEPTION 'a stock-take goes forward' USING ERRCODE = 'check_violation', CONSTRAINT = 'count_goes_forward';
  END IF;
  IF NEW.state IN ('counted', 'confirmed') AND EXISTS (SELECT 1 FROM funds_stockcountline WHERE count_id = NEW.id AND counted IS NULL) THEN
    RAISE EXCEPTION 'something of the stock-take is not counted' USING ERRCODE = 'check_violation', CONSTRAINT = 'everything_is_counted';
  END IF;
  IF EXISTS (SELECT 1 FROM (VALUES (NEW.counter_id, NEW.counter_person_key), (NEW.confirmer_id, NEW.confirmer_person_key)) AS acted (staff, person)
             LEFT JOIN access_staff a ON a.id = acted.staff WHERE a.person_key IS DISTINCT FROM acted.person) THEN
    RAISE EXCEPTION 'the stock-take names somebody else''s account'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'count_names_its_persons';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION funds_stockcountline_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM funds_stockcount c WHERE c.id = NEW.count_id AND c.state = 'open' FOR SHARE)
     OR TG_OP = 'UPDATE' AND (OLD.count_id, OLD.item_id) IS DISTINCT FROM (NEW.count_id, NEW.item_id) THEN
    RAISE EXCEPTION 'what was counted stays' USING ERRCODE = 'check_violation', CONSTRAINT = 'what_was_counted_stays';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION funds_stocksignature_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM funds_stockslip s WHERE s.id = NEW.slip_id AND s.kind = 'issue' AND s.subject = NEW.subject) THEN
    RAISE EXCEPTION 'only an issue slip is signed' USING ERRCODE = 'check_violation', CONSTRAINT = 'an_issue_is_signed';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER funds_guard BEFORE INSERT OR UPDATE OR DELETE ON funds_stocklot FOR EACH ROW EXECUTE FUNCTION funds_stocklot_guard();
CREATE TRIGGER funds_guard BEFORE INSERT ON funds_stockslip FOR EACH ROW EXECUTE FUNCTION funds_stockslip_guard();
CREATE TRIGGER funds_guard BEFORE INSERT ON funds_stockmove FOR EACH ROW EXECUTE FUNCTION funds_stockmove_guard();
CREATE TRIGGER funds_moves AFTER INSERT ON funds_stockmove FOR EACH ROW EXECUTE FUNCTION funds_stockmove_moves();
CREATE TRIGGER funds_guard BEFORE INSERT OR UPDATE ON funds_stockcount FOR EACH ROW EXECUTE FUNCTION funds_stockcount_guard();
CREATE TRIGGER funds_guard BEFORE INSERT OR UPDATE ON funds_stockcountline FOR EACH ROW EXECUTE FUNCTION funds_stockcountline_guard();
CREATE TRIGGER funds_guard BEFORE INSERT ON funds_stocksignature FOR EACH ROW EXECUTE FUNCTION funds_stocksignature_guard();
CREATE TRIGGER funds_stays BEFORE UPDATE ON funds_stockitem FOR EACH ROW
  WHEN ((OLD.unit, OLD.is_loaned) IS DISTINCT FROM (NEW.unit, NEW.is_loaned)) EXECUTE FUNCTION funds_stock_stays();
CREATE TRIGGER funds_stays BEFORE UPDATE ON funds_stockstore FOR EACH ROW
  WHEN ((OLD.code, OLD.unit_id) IS DISTINCT FROM (NEW.code, NEW.unit_id)) EXECUTE FUNCTION funds_stock_stays();
ALTER TABLE funds_stocklot ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_stockslip ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_stockmove ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_stockmove ENABLE ALWAYS TRIGGER funds_moves;
ALTER TABLE funds_stockcount ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_stockcountline ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_stocksignature ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_stockitem ENABLE ALWAYS TRIGGER funds_stays;
ALTER TABLE funds_stockstore ENABLE ALWAYS TRIGGER funds_stays;
"""

UNDO = """
DROP FUNCTION funds_stocklot_guard() CASCADE; DROP FUNCTION funds_stock_stays() CASCADE;
DROP FUNCTION funds_stockslip_guard() CASCADE; DROP FUNCTION funds_stockmove_guard() CASCADE;
DROP FUNCTION funds_stockmove_moves() CASCADE; DROP FUNCTION funds_stockcount_guard() CASCADE;
DROP FUNCTION funds_stockcountline_guard() CASCADE; DROP FUNCTION funds_stocksignature_guard() CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("funds", "0010_stock"), ("audit", "0001_initial"), ("access", "0001_initial")]
    operations = [
        migrations.RunSQL(LAWS, UNDO),
        TrackHistory("funds", "stockitem", "'item:' || r.id"),
        TrackHistory("funds", "stockstore", "'store:' || r.id"),
        TrackHistory("funds", "stocklot", "'store:' || r.store_id", ("on_hand", "lent")),
        TrackHistory("funds", "stockcount", "'count:' || r.id"),
        TrackHistory("funds", "stockcountline", "'count:' || r.count_id"),
        TrackRows("funds", "stockslip", "r.subject"),
        TrackRows("funds", "stockmove", "r.subject"),
        TrackRows("funds", "stocksignature", "r.subject"),
    ]
