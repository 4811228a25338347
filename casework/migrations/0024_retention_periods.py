"""How long files are kept, dated and for good (ADR 0035)."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from audit.operations import TrackRows


class Migration(migrations.Migration):

    dependencies = [
        ('casework', '0023_what_may_be_erased'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='RetentionPeriod',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('aided_file', '得到过帮扶的家庭档案'), ('refused_file', '没有得到帮扶的家庭档案')], max_length=20)),
                ('years', models.SmallIntegerField()),
                ('valid_from', models.DateField()),
                ('basis', models.CharField(help_text='the document that sets it', max_length=120)),
                ('entered_by', models.ForeignKey(db_index=False, help_text='empty: a shell', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('kind', 'valid_from'), name='one_period_a_day'), models.CheckConstraint(condition=models.Q(('years__gte', 1), ('years__lte', 100)), name='kept_for_some_years'), models.CheckConstraint(condition=models.Q(('basis', ''), _negated=True), name='a_period_has_its_document')],
            },
        ),
        TrackRows("casework", "retentionperiod", "'retention:' || r.kind"),
    ]
