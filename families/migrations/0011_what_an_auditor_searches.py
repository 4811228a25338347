"""Names and the ends of accounts, as an auditor looks for them among a million people.

A name is found from any of its first four characters on, and by the start of its pinyin or initials: each of those is a
key of its own in one inverted index. The function is one expression of PostgreSQL's own functions, so that it is put into
the index's own expression: called row by row it would cost an import a tenth of its time.
"""

from django.conf import settings
from django.db import migrations, models


NAME_KEYS = """
CREATE FUNCTION families_name_keys(name text, search text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN array_to_tsvector(array_remove(
  string_to_array(btrim(name || search), ' ')
  || ARRAY[substr(coalesce(nullif(split_part(btrim(search), ' ', 1), ''), name), 2),
           substr(coalesce(nullif(split_part(btrim(search), ' ', 1), ''), name), 3),
           substr(coalesce(nullif(split_part(btrim(search), ' ', 1), ''), name), 4)], ''));
CREATE INDEX persons_by_name ON families_person USING gin (families_name_keys(name, name_search));
"""
UNDO = "DROP INDEX persons_by_name; DROP FUNCTION families_name_keys(text, text);"


class Migration(migrations.Migration):

    dependencies = [
        ('families', '0010_close_relatives_laws'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name='bankaccount',
            index=models.Index(fields=['number_last4'], name='accounts_by_their_end'),
        ),
        migrations.RunSQL(NAME_KEYS, UNDO),
    ]
