"""Names and the ends of accounts, as an auditor looks for them among a million people.

A name is found by any part of it and by the start of its pinyin or initials: each of those is a key of its own in one
inverted index, so that the pattern of families.folding needs no walk through the table.
"""

from django.conf import settings
from django.db import migrations, models


NAME_KEYS = """
CREATE FUNCTION families_name_keys(search text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog AS $$
  SELECT array_to_tsvector(ARRAY(
    SELECT substr(key, s) FROM unnest(string_to_array(btrim(search), ' ')) WITH ORDINALITY k(key, n),
      generate_series(1, CASE WHEN n = 1 THEN greatest(length(key), 1) ELSE 1 END) s
    WHERE key <> ''))
$$;
CREATE INDEX persons_by_name ON families_person USING gin (families_name_keys(name || name_search));
"""
UNDO = "DROP INDEX persons_by_name; DROP FUNCTION families_name_keys(text);"


class Migration(migrations.Migration):

    dependencies = [
        ('families', '0008_how_a_photo_looks'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name='bankaccount',
            index=models.Index(fields=['number_last4'], name='accounts_by_their_end'),
        ),
        migrations.RunSQL(NAME_KEYS, UNDO),
    ]
