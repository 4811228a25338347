"""What an auditor searches by: account ends, payees, references, documents, amounts, days."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0013_break_glass_laws'),
        ('casework', '0021_inspection_packs'),
        ('families', '0011_what_an_auditor_searches'),
        ('flows', '0003_calendar_history'),
        ('funds', '0034_last_movement_by_its_payment'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name='case',
            index=models.Index(fields=['amount_fen'], name='cases_by_amount'),
        ),
        migrations.AddIndex(
            model_name='case',
            index=models.Index(fields=['opened_on'], name='cases_by_day'),
        ),
    ]
