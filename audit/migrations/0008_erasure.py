"""Personal values may be erased from written rows: as ordered by two persons, these rows, these columns, and no other (ADR 0035).

The record of each erased row holds its fingerprint before and after; it is itself chained and sealed. A row that is blank, or
otherwise changed, without such a record is as edited as ever.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
import simple_history.models
from django.db import migrations, models

from audit.models import XidField
from audit.operations import TrackHistory, TrackRows

LAW = """
-- which columns of which table may be erased, and what then stands in them; filled by migrations (audit.operations.AllowErasure)
CREATE TABLE audit_erasable (past text PRIMARY KEY, live text NOT NULL, blanks jsonb NOT NULL);

CREATE FUNCTION audit_order_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE v_open text[] := ARRAY['confirmed_by', 'confirmer_person_key', 'confirmed_at', 'dropped_at', 'done_at', 'rows'];
BEGIN
  IF TG_OP = 'DELETE' OR TG_OP = 'INSERT' AND num_nonnulls(NEW.confirmed_by, NEW.dropped_at, NEW.done_at) > 0
     OR TG_OP = 'UPDATE' AND ((to_jsonb(NEW) - v_open) <> (to_jsonb(OLD) - v_open) OR OLD.done_at IS NOT NULL OR OLD.dropped_at IS NOT NULL
       OR OLD.confirmed_by IS NOT NULL AND (NEW.confirmed_by, NEW.confirmer_person_key, NEW.confirmed_at)
          IS DISTINCT FROM (OLD.confirmed_by, OLD.confirmer_person_key, OLD.confirmed_at)) THEN
    RAISE EXCEPTION 'an order of erasure stays as it was proposed, confirmed and carried out'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'order_stays_as_it_was';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER audit_guard BEFORE INSERT OR UPDATE OR DELETE ON audit_erasureorder FOR EACH ROW EXECUTE FUNCTION audit_order_guard();
ALTER TABLE audit_erasureorder ENABLE ALWAYS TRIGGER audit_guard;

-- A record names a row that lies in one of the streams of its order, which two persons gave and which is being carried out.
CREATE FUNCTION audit_erasure_is_ordered() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE v_order audit_erasureorder; v_stream text; v_tracked record; v_id bigint;
BEGIN
  SELECT * INTO v_order FROM audit_erasureorder WHERE id = NEW.order_id;
  SELECT t.* INTO v_tracked FROM audit_tracked t JOIN audit_erasable e ON e.past = t.past WHERE t.past = NEW.tbl;
  SELECT e.stream INTO v_stream FROM audit_entry e WHERE e.tbl = NEW.tbl AND e.row_id = NEW.row_id AND e.keys IS NULL;
  IF v_stream IS NULL AND v_tracked.subject IS NOT NULL THEN
    EXECUTE format('SELECT id FROM %I WHERE %I = $1', v_tracked.past, v_tracked.key) INTO v_id USING NEW.row_id;
    v_stream := v_tracked.subject || ':' || v_id;
  END IF;
  IF v_tracked IS NULL OR v_order.confirmed_by IS NULL OR v_order.done_at IS NOT NULL OR NOT v_stream = ANY (v_order.streams) THEN
    RAISE EXCEPTION 'row % of % is in no order of erasure that two persons gave', NEW.row_id, NEW.tbl
      USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_erasure_is_ordered';
  END IF;
  NEW.xid := pg_current_xact_id();
  RETURN NEW;
END $$;
CREATE TRIGGER audit_erasure_is_ordered BEFORE INSERT ON audit_erasure FOR EACH ROW EXECUTE FUNCTION audit_erasure_is_ordered();
ALTER TABLE audit_erasure ENABLE ALWAYS TRIGGER audit_erasure_is_ordered;

-- In place of audit_refuse where there is something to erase: the blank row of a record of this very transaction, and nothing else.
CREATE FUNCTION audit_refuse_but_erase() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp
SET timezone = 'UTC' SET datestyle = 'ISO' SET bytea_output = 'hex' AS $$
DECLARE v_blanks jsonb; v_key text;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    SELECT e.blanks, t.key INTO v_blanks, v_key FROM audit_erasable e JOIN audit_tracked t ON t.past = e.past WHERE e.past = TG_TABLE_NAME;
    IF NEW::text = (jsonb_populate_record(OLD, v_blanks))::text AND EXISTS (
         SELECT FROM audit_erasure x WHERE x.tbl = TG_TABLE_NAME AND x.row_id = (to_jsonb(OLD)->>v_key)::bigint
           AND x.xid = pg_current_xact_id() AND x.after = sha256(convert_to(rtrim(NEW::text, ',)'), 'UTF8'))) THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

-- Erases the rows of one table that tell of the live rows `v_ids`, live ones and written ones. Returns how many written ones.
CREATE FUNCTION audit_erase(v_order bigint, v_past text, v_ids bigint[]) RETURNS bigint LANGUAGE plpgsql
SET search_path = public, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' SET bytea_output = 'hex' AS $$
DECLARE v record; v_count bigint; v_set text;
BEGIN
  SELECT e.past, e.live, e.blanks, t.key INTO STRICT v FROM audit_erasable e JOIN audit_tracked t ON t.past = e.past WHERE e.past = v_past;
  EXECUTE format($q$
    INSERT INTO audit_erasure (order_id, tbl, row_id, before, after)
    SELECT $1, %L, d.key, d.before, d.after FROM (
      SELECT r.%I AS key, sha256(convert_to(rtrim(r::text, ',)'), 'UTF8')) AS before,
             sha256(convert_to(rtrim((jsonb_populate_record(r, $2))::text, ',)'), 'UTF8')) AS after
      FROM %I r WHERE r.id = ANY ($3)) d
    WHERE d.before <> d.after ORDER BY d.key$q$, v.past, v.key, v.past) USING v_order, v.blanks, v_ids;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  SELECT string_agg(format('%1$I = b.%1$I', k), ', ') INTO v_set FROM jsonb_object_keys(v.blanks) k;
  EXECUTE format('UPDATE %1$I t SET %2$s FROM (SELECT (jsonb_populate_record(NULL::%1$I, $1)).*) b WHERE t.id = ANY ($2)
    AND EXISTS (SELECT FROM audit_erasure x WHERE x.order_id = $3 AND x.tbl = %1$L AND x.row_id = t.%3$I)', v.past, v_set, v.key)
    USING v.blanks, v_ids, v_order;
  IF v.live <> v.past THEN
    SELECT string_agg(format('%1$I = b.%1$I', k), ', ') INTO v_set FROM jsonb_object_keys(v.blanks) k WHERE k <> 'history_salt';
    EXECUTE format('UPDATE %1$I t SET %2$s FROM (SELECT (jsonb_populate_record(NULL::%1$I, $1)).*) b WHERE t.id = ANY ($2)', v.live, v_set)
      USING v.blanks, v_ids;
  END IF;
  RETURN v_count;
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit_erasable FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_erasable EXECUTE FUNCTION audit_refuse();
ALTER TABLE audit_erasable ENABLE ALWAYS TRIGGER audit_append_only;
ALTER TABLE audit_erasable ENABLE ALWAYS TRIGGER audit_no_truncate;
ALTER TABLE audit_erasure ALTER COLUMN xid SET NOT NULL;
"""

UNDO = """
DROP TABLE audit_erasable; DROP FUNCTION audit_order_guard() CASCADE; DROP FUNCTION audit_erasure_is_ordered() CASCADE;
DROP FUNCTION audit_refuse_but_erase(); DROP FUNCTION audit_erase(bigint, text, bigint[]);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0007_handovers'),
    ]

    operations = [
        migrations.CreateModel(
            name='HistoricalErasureOrder',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, verbose_name='ID')),
                ('history_behalf_id', models.BigIntegerField(null=True)),
                ('history_business_date', models.DateField(null=True)),
                ('subject', models.CharField(help_text='for example household:17', max_length=40)),
                ('streams', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), size=None)),
                ('because', models.CharField(max_length=60)),
                ('due_since', models.DateField()),
                ('basis', models.CharField(help_text='the document that sets the period', max_length=120)),
                ('proposed_by', models.BigIntegerField()),
                ('proposer_person_key', models.CharField(max_length=32)),
                ('proposed_at', models.DateTimeField()),
                ('confirmed_by', models.BigIntegerField(null=True)),
                ('confirmer_person_key', models.CharField(max_length=32, null=True)),
                ('confirmed_at', models.DateTimeField(null=True)),
                ('dropped_at', models.DateTimeField(null=True)),
                ('done_at', models.DateTimeField(null=True)),
                ('rows', models.IntegerField(help_text='written rows that were erased', null=True)),
                ('history_user_id', models.BigIntegerField(null=True)),
                ('history_change_reason', models.TextField(null=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField()),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
            ],
            options={
                'verbose_name': 'historical erasure order',
                'verbose_name_plural': 'historical erasure orders',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='ErasureOrder',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('subject', models.CharField(help_text='for example household:17', max_length=40)),
                ('streams', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), size=None)),
                ('because', models.CharField(max_length=60)),
                ('due_since', models.DateField()),
                ('basis', models.CharField(help_text='the document that sets the period', max_length=120)),
                ('proposed_by', models.BigIntegerField()),
                ('proposer_person_key', models.CharField(max_length=32)),
                ('proposed_at', models.DateTimeField()),
                ('confirmed_by', models.BigIntegerField(null=True)),
                ('confirmer_person_key', models.CharField(max_length=32, null=True)),
                ('confirmed_at', models.DateTimeField(null=True)),
                ('dropped_at', models.DateTimeField(null=True)),
                ('done_at', models.DateTimeField(null=True)),
                ('rows', models.IntegerField(help_text='written rows that were erased', null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['subject', '-id'], name='erasures_of_subject')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('done_at__isnull', True), ('dropped_at__isnull', True)), fields=('subject',), name='one_open_erasure'), models.CheckConstraint(condition=models.Q(models.Q(('confirmed_at__isnull', True), ('confirmed_by__isnull', True), ('confirmer_person_key__isnull', True)), models.Q(('confirmed_at__isnull', False), ('confirmed_by__isnull', False), ('confirmer_person_key__isnull', False), models.Q(('confirmer_person_key', models.F('proposer_person_key')), _negated=True)), _connector='OR'), name='erased_by_two_persons'), models.CheckConstraint(condition=models.Q(models.Q(('done_at__isnull', True), ('rows__isnull', True)), models.Q(('confirmed_by__isnull', False), ('done_at__isnull', False), ('dropped_at__isnull', True), ('rows__isnull', False)), _connector='OR'), name='erased_once_confirmed'), models.CheckConstraint(condition=models.Q(('because', ''), _negated=True), name='erasure_says_why')],
            },
        ),
        migrations.CreateModel(
            name='Erasure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('table', models.TextField(db_column='tbl')),
                ('row_id', models.BigIntegerField()),
                ('before', models.BinaryField()),
                ('after', models.BinaryField()),
                ('xid', XidField(null=True)),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='erasures', to='audit.erasureorder')),
            ],
            options={
                'indexes': [models.Index(fields=['table', 'row_id', '-id'], name='erasures_of_row')],
            },
        ),
        TrackHistory("audit", "erasureorder", "'erasure:' || r.id"),
        TrackRows("audit", "erasure", "'erasure:' || r.order_id"),
        migrations.RunSQL(LAW, UNDO),
    ]
