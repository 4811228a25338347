from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

import audit.models

TRAIL = """
-- subject: of a table whose rows are subjects themselves, 'person' for the stream person:17 of the row 17
CREATE TABLE audit_tracked (live text PRIMARY KEY, past text NOT NULL, key text NOT NULL, subject text UNIQUE);

CREATE TABLE audit_entry (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  stream text NOT NULL, n int NOT NULL CHECK (n > 0), tbl text NOT NULL, row_id bigint NOT NULL,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(), recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  digest bytea NOT NULL, prev bytea, hash bytea NOT NULL,
  keys bigint[], last_row_id bigint, digests bytea[],  -- of a set of rows, from row_id to last_row_id
  CONSTRAINT audit_entry_one_place UNIQUE (stream, n),
  CONSTRAINT audit_entry_one_row UNIQUE (tbl, row_id),
  CONSTRAINT audit_entry_first_has_no_previous CHECK ((n = 1) = (prev IS NULL)),
  CONSTRAINT audit_entry_set_is_whole CHECK (num_nulls(keys, last_row_id, digests) IN (0, 3) AND (keys IS NULL OR (
    cardinality(keys) > 0 AND cardinality(keys) = cardinality(digests)
    AND row_id = keys[1] AND last_row_id = keys[cardinality(keys)]))));
CREATE INDEX audit_entry_xid ON audit_entry (xid);
CREATE INDEX audit_entry_sets ON audit_entry (tbl, row_id, last_row_id) WHERE keys IS NOT NULL;
ALTER TABLE audit_entry ALTER COLUMN digests SET STORAGE EXTERNAL;  -- digests do not compress

CREATE TABLE audit_checkpoint (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  first_xid xid8 NOT NULL, horizon_xid xid8 NOT NULL, entries bigint NOT NULL CHECK (entries > 0), total bigint NOT NULL,
  root bytea NOT NULL, previous bytea, hash bytea NOT NULL UNIQUE, signature bytea NOT NULL,
  made_at timestamptz NOT NULL DEFAULT clock_timestamp());

CREATE FUNCTION audit_link(stream text, n int, tbl text, row_id bigint, digest bytea, prev bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT sha256(convert_to(concat_ws('|', length(stream), stream, n, tbl, row_id, encode(digest, 'hex'),
                                     coalesce(encode(prev, 'hex'), '')), 'UTF8')) $$;

-- One link for a set of first versions, in a chain of its own for each table.
CREATE FUNCTION audit_link_set(v_tbl text, v_keys bigint[], v_digests bytea[]) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp SET bytea_output = 'hex' AS $$
DECLARE head record; v_stream text := 'set:' || v_tbl; v_n int;
        v_digest bytea := sha256(convert_to(v_keys::text || v_digests::text, 'UTF8'));
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(v_stream, 20260415));
  SELECT e.n, e.hash INTO head FROM audit_entry e WHERE e.stream = v_stream ORDER BY e.n DESC LIMIT 1;
  v_n := coalesce(head.n, 0) + 1;
  INSERT INTO audit_entry (stream, n, tbl, row_id, digest, prev, hash, keys, last_row_id, digests)
  VALUES (v_stream, v_n, v_tbl, v_keys[1], v_digest, head.hash,
          audit_link(v_stream, v_n, v_tbl, v_keys[1], v_digest, head.hash),
          v_keys, v_keys[cardinality(v_keys)], v_digests);
END $$;

CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

-- Rows whose history is still to be looked at before the commit; empty between transactions, so it needs no log.
CREATE UNLOGGED TABLE audit_due (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, live text NOT NULL, ids bigint[] NOT NULL, gone jsonb);

CREATE FUNCTION audit_settle() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  EXECUTE format('SELECT %I($1, $2)', NEW.live || '_audit_complete') USING NEW.ids, NEW.gone;
  DELETE FROM audit_due WHERE id = NEW.id;
  RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER audit_settle AFTER INSERT ON audit_due
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_settle();
ALTER TABLE audit_due ENABLE ALWAYS TRIGGER audit_settle;

CREATE FUNCTION audit_untrack(live_table text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE t record; name text;
BEGIN
  SELECT * INTO t FROM audit_tracked WHERE live = live_table;
  FOREACH name IN ARRAY ARRAY[t.live, t.past] LOOP
    EXECUTE format('DROP TRIGGER IF EXISTS audit_chain ON %I; DROP TRIGGER IF EXISTS audit_append_only ON %I;
      DROP TRIGGER IF EXISTS audit_no_truncate ON %I; DROP TRIGGER IF EXISTS audit_complete ON %I;
      DROP TRIGGER IF EXISTS audit_complete_update ON %I; DROP TRIGGER IF EXISTS audit_complete_delete ON %I',
      name, name, name, name, name, name);
  END LOOP;
  EXECUTE format('DROP FUNCTION IF EXISTS %I()', t.past || '_audit_chain');
  EXECUTE format('DROP FUNCTION IF EXISTS %I()', t.live || '_audit_note');
  EXECUTE format('DROP FUNCTION IF EXISTS %I(bigint[], jsonb)', t.live || '_audit_complete');
  DELETE FROM audit_tracked WHERE live = live_table;
END $$;

CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit_entry FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_entry EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit_checkpoint FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_checkpoint EXECUTE FUNCTION audit_refuse();
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_append_only;
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_no_truncate;
ALTER TABLE audit_checkpoint ENABLE ALWAYS TRIGGER audit_append_only;
ALTER TABLE audit_checkpoint ENABLE ALWAYS TRIGGER audit_no_truncate;
"""

UNDO = """
DROP TABLE audit_checkpoint; DROP TABLE audit_entry; DROP TABLE audit_tracked; DROP TABLE audit_due;
DROP FUNCTION audit_untrack(text); DROP FUNCTION audit_refuse(); DROP FUNCTION audit_settle();
DROP FUNCTION audit_link_set(text, bigint[], bytea[]); DROP FUNCTION audit_link(text, int, text, bigint, bytea, bytea);
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.RunSQL(TRAIL, UNDO),
        migrations.CreateModel(
            name="Entry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("stream", models.TextField()),
                ("n", models.IntegerField()),
                ("table", models.TextField(db_column="tbl")),
                ("row_id", models.BigIntegerField()),
                ("xid", audit.models.XidField()),
                ("recorded_at", models.DateTimeField()),
                ("digest", models.BinaryField()),
                ("previous", models.BinaryField(null=True, db_column="prev")),
                ("hash", models.BinaryField()),
                ("keys", ArrayField(models.BigIntegerField(), null=True)),
                ("last_row_id", models.BigIntegerField(null=True)),
                ("digests", ArrayField(models.BinaryField(), null=True)),
            ],
            options={"db_table": "audit_entry", "managed": False},
        ),
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("first_xid", audit.models.XidField()),
                ("horizon_xid", audit.models.XidField()),
                ("entries", models.BigIntegerField(help_text="number of entries sealed by this checkpoint alone")),
                ("total", models.BigIntegerField(help_text="number of entries sealed so far")),
                ("root", models.BinaryField()),
                ("previous", models.BinaryField(null=True)),
                ("hash", models.BinaryField()),
                ("signature", models.BinaryField(help_text="Ed25519 over the hash, key outside the database")),
                ("made_at", models.DateTimeField()),
            ],
            options={"db_table": "audit_checkpoint", "managed": False},
        ),
    ]
