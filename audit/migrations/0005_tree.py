"""One Merkle tree over the whole trail (RFC 6962): a leaf for each entry, tiles of 256, and seals that name its root.

Old seals stay as they are and are still checked; the first seal of the new kind follows the last old one.
"""

from django.db import migrations, models


FORWARD = """
CREATE TABLE audit_leaf (
  position bigint PRIMARY KEY CONSTRAINT audit_leaf_position_counts CHECK (position >= 0),
  entry_id bigint NOT NULL CONSTRAINT audit_leaf_once UNIQUE,
  salt bytea NOT NULL CONSTRAINT audit_leaf_salt_is_whole CHECK (octet_length(salt) = 16),
  hash bytea NOT NULL CONSTRAINT audit_leaf_hash_is_whole CHECK (octet_length(hash) = 32));

-- level 0: the hashes of 256 leaves; level n: the roots of 256 tiles below. Complete tiles alone, so none ever changes.
CREATE TABLE audit_tile (
  level int NOT NULL CONSTRAINT audit_tile_level_counts CHECK (level BETWEEN 0 AND 7), index bigint NOT NULL CONSTRAINT audit_tile_index_counts CHECK (index >= 0),
  hashes bytea NOT NULL CONSTRAINT audit_tile_is_full CHECK (octet_length(hashes) = 8192),
  root bytea NOT NULL CONSTRAINT audit_tile_root_is_whole CHECK (octet_length(root) = 32),
  PRIMARY KEY (level, index));
ALTER TABLE audit_tile ALTER COLUMN hashes SET STORAGE EXTERNAL;  -- hashes do not compress

ALTER TABLE audit_checkpoint ADD COLUMN log_id bytea;
ALTER TABLE audit_checkpoint ALTER COLUMN first_xid DROP NOT NULL, ALTER COLUMN horizon_xid DROP NOT NULL,
  ALTER COLUMN after_id DROP NOT NULL, ALTER COLUMN through_id DROP NOT NULL,
  ADD CONSTRAINT audit_checkpoint_is_of_one_kind CHECK (CASE WHEN log_id IS NULL
    THEN num_nulls(first_xid, horizon_xid, after_id, through_id) = 0
    ELSE num_nulls(first_xid, after_id, through_id) = 3 AND NOT is_takeover
         AND octet_length(log_id) = 32 AND octet_length(root) = 32 END);

CREATE FUNCTION audit_leaf_in_order() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE v record; v_before bigint;
BEGIN
  SELECT min(position) AS first, max(position) AS last, count(*) AS rows INTO v FROM fresh;
  IF v.rows = 0 THEN RETURN NULL; END IF;
  SELECT max(position) INTO v_before FROM audit_leaf WHERE position < v.first;
  IF v.first <> coalesce(v_before + 1, 0) OR v.last - v.first + 1 <> v.rows THEN
    RAISE EXCEPTION 'leaves follow one another without a gap: % to % after %', v.first, v.last, v_before
      USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_leaf_in_order';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER audit_leaf_in_order AFTER INSERT ON audit_leaf REFERENCING NEW TABLE AS fresh
FOR EACH STATEMENT EXECUTE FUNCTION audit_leaf_in_order();
ALTER TABLE audit_leaf ENABLE ALWAYS TRIGGER audit_leaf_in_order;

CREATE FUNCTION audit_tile_of_leaves() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE v record;
BEGIN
  SELECT f.level, f.index INTO v FROM fresh f
  WHERE f.hashes IS DISTINCT FROM CASE WHEN f.level = 0
    THEN (SELECT string_agg(l.hash, '' ORDER BY l.position) FROM audit_leaf l
          WHERE l.position >= f.index * 256 AND l.position < (f.index + 1) * 256)
    ELSE (SELECT string_agg(t.root, '' ORDER BY t.index) FROM audit_tile t
          WHERE t.level = f.level - 1 AND t.index >= f.index * 256 AND t.index < (f.index + 1) * 256) END
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'tile %/% is not what is below it', v.level, v.index
      USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_tile_of_leaves';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER audit_tile_of_leaves AFTER INSERT ON audit_tile REFERENCING NEW TABLE AS fresh
FOR EACH STATEMENT EXECUTE FUNCTION audit_tile_of_leaves();
ALTER TABLE audit_tile ENABLE ALWAYS TRIGGER audit_tile_of_leaves;

CREATE FUNCTION audit_checkpoint_of_tree() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE v_size bigint; v_last record;
BEGIN
  IF NEW.log_id IS NULL THEN
    RAISE EXCEPTION 'a seal names the tree that it is over' USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_checkpoint_of_tree';
  END IF;
  SELECT coalesce(max(position) + 1, 0) INTO v_size FROM audit_leaf;
  SELECT c.hash, c.total, c.log_id INTO v_last FROM audit_checkpoint c ORDER BY c.id DESC LIMIT 1;
  IF NEW.total <> v_size OR NEW.previous IS DISTINCT FROM v_last.hash
     OR NEW.entries <> NEW.total - (CASE WHEN v_last.log_id IS NULL THEN 0 ELSE v_last.total END) THEN
    RAISE EXCEPTION 'a seal covers the whole tree and follows the one before' USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_checkpoint_of_tree';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER audit_checkpoint_of_tree BEFORE INSERT ON audit_checkpoint FOR EACH ROW EXECUTE FUNCTION audit_checkpoint_of_tree();
ALTER TABLE audit_checkpoint ENABLE ALWAYS TRIGGER audit_checkpoint_of_tree;

CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit_leaf FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_leaf EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit_tile FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_tile EXECUTE FUNCTION audit_refuse();
ALTER TABLE audit_leaf ENABLE ALWAYS TRIGGER audit_append_only;
ALTER TABLE audit_leaf ENABLE ALWAYS TRIGGER audit_no_truncate;
ALTER TABLE audit_tile ENABLE ALWAYS TRIGGER audit_append_only;
ALTER TABLE audit_tile ENABLE ALWAYS TRIGGER audit_no_truncate;
"""

BACKWARD = """
DROP TRIGGER audit_checkpoint_of_tree ON audit_checkpoint;
DROP TABLE audit_leaf; DROP TABLE audit_tile;
DROP FUNCTION audit_leaf_in_order(); DROP FUNCTION audit_tile_of_leaves(); DROP FUNCTION audit_checkpoint_of_tree();
ALTER TABLE audit_checkpoint DISABLE TRIGGER audit_append_only;
DELETE FROM audit_checkpoint WHERE log_id IS NOT NULL;
ALTER TABLE audit_checkpoint ENABLE ALWAYS TRIGGER audit_append_only;
ALTER TABLE audit_checkpoint DROP CONSTRAINT audit_checkpoint_is_of_one_kind, DROP COLUMN log_id,
  ALTER COLUMN first_xid SET NOT NULL, ALTER COLUMN horizon_xid SET NOT NULL,
  ALTER COLUMN after_id SET NOT NULL, ALTER COLUMN through_id SET NOT NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0004_checkpoints_outlive_a_restore")]
    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.CreateModel(
            name="Leaf",
            fields=[
                ("position", models.BigIntegerField(primary_key=True, serialize=False)),
                ("entry_id", models.BigIntegerField(unique=True)),
                ("salt", models.BinaryField()),
                ("hash", models.BinaryField()),
            ],
            options={"db_table": "audit_leaf", "managed": False},
        ),
    ]
