"""A set of rows and a single row that are chained to one subject at the same moment: the later one takes the next place.

Sets of more than a hundred rows take no lock of each stream, which would fill the table of locks. So whoever wrote to a family
while an import or `keys rotate` had written to it and had not committed found the same place of its chain, and failed, or the
set did. Now the later one waits for the other's commit at that place and goes on behind it. Functions that were made by
TrackHistory and TrackRows since say so already.
"""

from typing import Any

from django.db import migrations

DECLARED = ("DECLARE fresh_rows int; fresh_streams int;", "DECLARE fresh_rows int; fresh_streams int; chained int := 0;")
SET = (
    """            OFFSET 0) x;  -- else each digest is computed twice
      RETURN NULL;
    END IF;
""",
    """            OFFSET 0) x  -- else each digest is computed twice
      ON CONFLICT ON CONSTRAINT audit_entry_one_place DO NOTHING;
      GET DIAGNOSTICS chained = ROW_COUNT;
      IF chained = fresh_rows THEN
        RETURN NULL;
      END IF;
    END IF;
""",
)
SKIPS = (
    "FOR r IN SELECT * FROM fresh ORDER BY {key} LOOP\n",
    "FOR r IN SELECT * FROM fresh ORDER BY {key} LOOP\n"
    "    CONTINUE WHEN chained > 0 AND EXISTS (SELECT FROM audit_entry e WHERE e.tbl = '{table}' AND e.row_id = r.{key});\n",
)
HEAD = "    SELECT e.n, e.hash INTO head FROM audit_entry e WHERE e.stream = s ORDER BY e.n DESC LIMIT 1;\n"
END = " AS digest) d;\n  END LOOP;\n"
LOOP = "    LOOP  -- a set holds no lock of the stream: whoever has taken the same place is waited for, and the next one taken\n"
TAKEN = """ AS digest) d
      ON CONFLICT ON CONSTRAINT audit_entry_one_place DO NOTHING;
      EXIT WHEN FOUND;
    END LOOP;
  END LOOP;
"""


def waiting(text: str, table: str, key: str) -> str:
    """The function's words with the places that are waited for."""
    for old, new in (DECLARED, SET, tuple(part.format(table=table, key=key) for part in SKIPS)):
        text = _once(text, old, new)
    begin = text.index(HEAD)
    end = text.index(END, begin)
    inner = text[begin:end].replace("\n    ", "\n      ")
    return text[:begin] + LOOP + "  " + inner + TAKEN + text[end + len(END) :]


def _once(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise ValueError(old)
    return text.replace(old, new)


def forwards(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.past, t.key, pg_get_functiondef(p.oid) FROM audit_tracked t JOIN pg_proc p ON p.proname = t.past || '_audit_chain'"
            " WHERE p.pronamespace = 'public'::regnamespace AND p.prosrc NOT LIKE %s",
            ["%audit_entry_one_place%"],
        )
        for table, key, definition in cursor.fetchall():
            cursor.execute(waiting(definition, table, key))


class Migration(migrations.Migration):
    dependencies = [("audit", "0010_rows_counted_again")]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
