"""Migration operations that put a table under audit.

    TrackHistory("casework", "case", stream="'case:' || r.id")        a model with `history = tracked()`
    TrackRows("funds", "transfer", stream="r.subject")                 a table that is itself append-only

Both chain every new row into audit_entry, one link for each row in the stream of its subject, and forbid UPDATE, DELETE
and TRUNCATE of what was written. Where many subjects are new at once (an import), their first versions share links, with
the fingerprint of each row in them. TrackHistory also makes history complete: whatever a statement changes in the live
table is noted in audit_due and compared at commit with its newest history row; where they differ, a history row is
written, marked as having bypassed the application.

`stream` is an SQL expression over the row `r`; `ignore` names live columns that history does not keep (a password).

The functions name no columns, so adding a column needs no new operation. A row's fingerprint is that of its text as
PostgreSQL writes it, `(17,"a b",…)`, less what stands for nulls at its end: a new nullable column, which comes last, does
not change old fingerprints. The functions fix the settings that the text depends on.
"""

import contextlib
import json
import re
from typing import Any

from django.db.migrations.exceptions import IrreversibleError
from django.db.migrations.operations.base import Operation

from audit.history import HISTORY_COLUMNS

BYPASS_REASON = "bypassed the application"
DIGEST = "sha256(convert_to(rtrim(r::text, ',)'), 'UTF8'))"


class _Track(Operation):
    reversible = True
    reduces_to_sql = True

    def __init__(self, app_label: str, model_name: str, stream: str, ignore: tuple[str, ...] = ()) -> None:
        self.app_label, self.model_name, self.stream, self.ignore = app_label, model_name, stream, ignore

    def deconstruct(self) -> tuple[str, list, dict[str, Any]]:
        return self.__class__.__name__, [self.app_label, self.model_name, self.stream, self.ignore], {}

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Triggers are not part of Django's model state."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        for statement in self._statements(to_state):
            schema_editor.execute(statement, params=None)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = from_state.apps.get_model(self.app_label, self.model_name)
        schema_editor.execute(f"SELECT audit_untrack('{model._meta.db_table}')", params=None)

    def describe(self) -> str:
        return f"Put {self.app_label}.{self.model_name} under audit"


class TrackHistory(_Track):
    def _statements(self, state: Any) -> list[str]:
        live = state.apps.get_model(self.app_label, self.model_name)._meta.db_table
        past = state.apps.get_model(self.app_label, f"historical{self.model_name}")._meta.db_table
        return [
            f"INSERT INTO audit_tracked (live, past, key, subject)"
            f" VALUES ('{live}', '{past}', 'history_id', {_quoted(self._subject())})",
            f"CREATE INDEX {past}_of_row ON {past} (id, history_id DESC)",
            *_chain(past, key="history_id", stream=self.stream, are_subjects=bool(self._subject())),
            *_append_only(past),
            *_completeness(live, past, self.ignore),
            f"CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON {live} EXECUTE FUNCTION audit_refuse()",
            f"ALTER TABLE {live} ENABLE ALWAYS TRIGGER audit_no_truncate",
        ]

    def _subject(self) -> str | None:
        """ "person" when the stream is 'person:' and the row's own number."""
        own = re.fullmatch(r"'(\w+):' \|\| r\.id", self.stream)
        return own and own[1]


class AllowErasure(_Track):
    """Personal values of an audited table may be erased, by an order of two persons alone (audit.erasure, ADR 0035).

        AllowErasure("families", "person", {"name": "已清除", "phone": ""})

    `blanks` names what may be erased and what then stands there. Rows written from now on carry a random salt as their last
    value: with it gone, nobody can try out against the old fingerprint what an erased row may have said.
    """

    reversible = False

    def __init__(self, app_label: str, model_name: str, blanks: dict[str, Any]) -> None:
        super().__init__(app_label, model_name, "")
        self.blanks = blanks

    def deconstruct(self) -> tuple[str, list, dict[str, Any]]:
        return self.__class__.__name__, [self.app_label, self.model_name, self.blanks], {}

    def _statements(self, state: Any) -> list[str]:
        live = past = state.apps.get_model(self.app_label, self.model_name)._meta.db_table
        with contextlib.suppress(LookupError):
            past = state.apps.get_model(self.app_label, f"historical{self.model_name}")._meta.db_table
        blanks = json.dumps(self.blanks | {"history_salt": None}, ensure_ascii=False).replace("'", "''")
        return [
            f"ALTER TABLE {past} ADD COLUMN history_salt bytea",  # last and null in old rows: their fingerprints stay
            f"ALTER TABLE {past} ALTER COLUMN history_salt SET DEFAULT uuid_send(gen_random_uuid())",
            f"INSERT INTO audit_erasable (past, live, blanks) VALUES ('{past}', '{live}', '{blanks}')",
            f"DROP TRIGGER audit_append_only ON {past}",
            f"CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON {past} "
            f"FOR EACH ROW EXECUTE FUNCTION audit_refuse_but_erase()",
            f"ALTER TABLE {past} ENABLE ALWAYS TRIGGER audit_append_only",
            *([_complete(live, past, ())] if live != past else []),
        ]

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        raise IrreversibleError("The salts are part of what was sealed: no migration takes them away again.")

    def describe(self) -> str:
        return f"Let {self.app_label}.{self.model_name} be erased by an order"


def _quoted(text: str | None) -> str:
    return "NULL" if text is None else f"'{text}'"


class TrackRows(_Track):
    def _statements(self, state: Any) -> list[str]:
        table = state.apps.get_model(self.app_label, self.model_name)._meta.db_table
        return [
            f"INSERT INTO audit_tracked (live, past, key) VALUES ('{table}', '{table}', 'id')",
            *_chain(table, key="id", stream=self.stream),
            *_append_only(table),
        ]


def _chain(table: str, *, key: str, stream: str, are_subjects: bool = False) -> list[str]:
    """Statement-level, so that a COPY of 100,000 rows pays per set and not per row."""
    sets = _chain_sets(table, key) if are_subjects else ""
    return [
        f"""
CREATE FUNCTION {table}_audit_chain() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' SET bytea_output = 'hex' AS $body$
DECLARE fresh_rows int; fresh_streams int; chained int := 0;
BEGIN
  SELECT count(*) INTO fresh_rows FROM fresh;{sets}
  IF fresh_rows > 100 THEN
    SELECT count(DISTINCT {stream}) INTO fresh_streams FROM fresh r;
    IF fresh_streams = fresh_rows THEN
      INSERT INTO audit_entry (stream, n, tbl, row_id, digest, prev, hash)
      SELECT x.stream, x.n, '{table}', x.row_id, x.digest, x.prev,
             audit_link(x.stream, x.n, '{table}', x.row_id, x.digest, x.prev)
      FROM (SELECT {stream} AS stream, coalesce(h.n, 0) + 1 AS n, r.{key} AS row_id,
                   {DIGEST} AS digest, h.hash AS prev
            FROM fresh r LEFT JOIN LATERAL
              (SELECT e.n, e.hash FROM audit_entry e WHERE e.stream = {stream} ORDER BY e.n DESC LIMIT 1) h ON true
            OFFSET 0) x  -- else each digest is computed twice
      ON CONFLICT ON CONSTRAINT audit_entry_one_place DO NOTHING;
      GET DIAGNOSTICS chained = ROW_COUNT;
      IF chained = fresh_rows THEN
        RETURN NULL;
      END IF;
    END IF;
  END IF;
  DECLARE r record; s text; head record;
  BEGIN
  FOR r IN SELECT * FROM fresh ORDER BY {key} LOOP
    CONTINUE WHEN chained > 0 AND EXISTS (SELECT FROM audit_entry e WHERE e.tbl = '{table}' AND e.row_id = r.{key});
    s := {stream};
    IF fresh_rows <= 100 THEN  -- a lock for each stream; a bulk load would fill the lock table
      PERFORM pg_advisory_xact_lock(hashtextextended(s, 20260415));
    END IF;
    LOOP  -- a set holds no lock of the stream: whoever has taken the same place is waited for, and the next one taken
      SELECT e.n, e.hash INTO head FROM audit_entry e WHERE e.stream = s ORDER BY e.n DESC LIMIT 1;
      INSERT INTO audit_entry (stream, n, tbl, row_id, digest, prev, hash)
      SELECT s, coalesce(head.n, 0) + 1, '{table}', r.{key}, d.digest, head.hash,
             audit_link(s, coalesce(head.n, 0) + 1, '{table}', r.{key}, d.digest, head.hash)
      FROM (SELECT {DIGEST} AS digest) d
      ON CONFLICT ON CONSTRAINT audit_entry_one_place DO NOTHING;
      EXIT WHEN FOUND;
    END LOOP;
  END LOOP;
  END;
  RETURN NULL;
END $body$""",
        f"CREATE TRIGGER audit_chain AFTER INSERT ON {table} REFERENCING NEW TABLE AS fresh "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_audit_chain()",
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER audit_chain",
    ]


SET_SIZE = 5_000  # rows in one link


def _chain_sets(table: str, key: str) -> str:
    """First versions of many subjects: nobody's chain goes on, so one link may stand for a set of them."""
    return f"""
  IF fresh_rows > 100 AND NOT EXISTS (SELECT FROM fresh WHERE history_type <> '+') THEN
    PERFORM audit_link_set('{table}', part.keys, part.digests)
    FROM (SELECT array_agg(row_key ORDER BY row_key) AS keys, array_agg(digest ORDER BY row_key) AS digests
          FROM (SELECT r.{key} AS row_key, {DIGEST} AS digest,
                       (row_number() OVER (ORDER BY r.{key}) - 1) / {SET_SIZE} AS block FROM fresh r) d
          GROUP BY block ORDER BY block) part;
    RETURN NULL;
  END IF;"""


def _append_only(table: str) -> list[str]:
    return [
        f"CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER audit_append_only",
        f"CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION audit_refuse()",
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER audit_no_truncate",
    ]


COMPLETENESS_TRIGGERS = {
    "audit_complete": "INSERT ON {live} REFERENCING NEW TABLE AS changed",
    "audit_complete_update": "UPDATE ON {live} REFERENCING NEW TABLE AS changed",
    "audit_complete_delete": "DELETE ON {live} REFERENCING OLD TABLE AS changed",
}


def _completeness(live: str, past: str, ignore: tuple[str, ...]) -> list[str]:
    """Statement-level as well: a deferred trigger fires for each row, so the rows of one statement are noted as one."""
    return [
        _note(live),
        _complete(live, past, ignore),
        *(
            statement
            for name, event in COMPLETENESS_TRIGGERS.items()
            for statement in (
                f"CREATE TRIGGER {name} AFTER {event.format(live=live)} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {live}_audit_note()",
                f"ALTER TABLE {live} ENABLE ALWAYS TRIGGER {name}",
            )
        ),
    ]


def _note(live: str) -> str:
    return f"""
CREATE FUNCTION {live}_audit_note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $body$
BEGIN
  IF TG_OP = 'DELETE' THEN
    INSERT INTO audit_due (live, ids, gone)
    SELECT '{live}', array_agg(c.id), jsonb_object_agg(c.id, to_jsonb(c)) FROM changed c HAVING count(*) > 0;
  ELSE
    INSERT INTO audit_due (live, ids) SELECT '{live}', array_agg(c.id) FROM changed c HAVING count(*) > 0;
  END IF;
  RETURN NULL;
END $body$"""


def _complete(live: str, past: str, ignore: tuple[str, ...]) -> str:
    """Called at commit, by audit_due's trigger, with the rows of one statement; `gone` are those deleted, by id.

    Of many rows nearly all are in order: one comparison of columns finds the others, which are then looked at singly.
    """
    added = _text_array(HISTORY_COLUMNS)
    ignored = _text_array(ignore)
    return f"""
CREATE OR REPLACE FUNCTION {live}_audit_complete(v_ids bigint[], v_gone jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $body$
DECLARE v_subject bigint; v_now_row jsonb; v_last_row jsonb; v_kind text;
BEGIN
  IF cardinality(v_ids) > 100 AND v_gone IS NULL THEN
    EXECUTE (SELECT format(
      'SELECT array_agg(i) FROM unnest($1) i LEFT JOIN {live} l ON l.id = i LEFT JOIN '
      '(SELECT DISTINCT ON (id) * FROM {past} WHERE id = ANY ($1) ORDER BY id, history_id DESC) h ON h.id = i '
      'WHERE l.id IS NULL OR h.id IS NULL OR h.history_type = ''-'' OR ROW(%s) IS DISTINCT FROM ROW(%s)',
      string_agg(format('l.%I', attname), ', ' ORDER BY attnum), string_agg(format('h.%I', attname), ', ' ORDER BY attnum))
      FROM pg_attribute WHERE attrelid = '{live}'::regclass AND attnum > 0 AND NOT attisdropped
                          AND attname <> ALL ({ignored})) INTO v_ids USING v_ids;
  END IF;
  FOREACH v_subject IN ARRAY coalesce(v_ids, '{{}}') LOOP
    SELECT to_jsonb(t) - {ignored} INTO v_now_row FROM {live} t WHERE t.id = v_subject;
    SELECT to_jsonb(h) INTO v_last_row FROM {past} h WHERE h.id = v_subject ORDER BY h.history_id DESC LIMIT 1;
    IF v_now_row IS NULL THEN
      CONTINUE WHEN v_gone IS NULL OR v_last_row->>'history_type' IS NOT DISTINCT FROM '-';
      v_kind := '-';
      v_now_row := (v_gone->v_subject::text) - {ignored};
    ELSIF v_last_row IS NOT NULL AND v_last_row->>'history_type' <> '-' AND v_now_row = v_last_row - {added} THEN
      CONTINUE;
    ELSE
      v_kind := CASE WHEN v_last_row IS NULL OR v_last_row->>'history_type' = '-' THEN '+' ELSE '~' END;
    END IF;
    INSERT INTO {past} SELECT * FROM jsonb_populate_record(NULL::{past}, v_now_row || jsonb_build_object(
      'history_id', nextval(pg_get_serial_sequence('{past}', 'history_id')),
      'history_salt', '\\x' || replace(gen_random_uuid()::text, '-', ''),
      'history_date', clock_timestamp(), 'history_type', v_kind,
      'history_change_reason', '{BYPASS_REASON} as ' || session_user));
  END LOOP;
END $body$"""


def _text_array(names: tuple[str, ...]) -> str:
    return "ARRAY[" + ", ".join(f"'{name}'" for name in names) + "]::text[]"
