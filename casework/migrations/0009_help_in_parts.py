"""Help that is paid in parts, to a provider where the rules say so, and what the provider did for it."""

import django.db.models.deletion
import django_fsm
import simple_history.models
from django.conf import settings
from django.db import migrations, models

from audit.operations import TrackHistory


class Migration(migrations.Migration):

    dependencies = [
        ('casework', '0008_rosters'),
        ('funds', '0007_laws_of_a_county'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='case',
            name='provider',
            field=models.ForeignKey(db_index=False, help_text='is paid for the family', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='funds.provider'),
        ),
        migrations.AddField(
            model_name='historicalcase',
            name='provider',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, help_text='is paid for the family', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='funds.provider'),
        ),
        migrations.AlterField(
            model_name='case',
            name='programme',
            field=models.CharField(choices=[('family_care', 'family_care'), ('disaster_relief', 'disaster_relief'), ('education_grant', 'education_grant'), ('elderly_support', 'elderly_support'), ('housing_aid', 'housing_aid')], max_length=30),
        ),
        migrations.AlterField(
            model_name='case',
            name='state',
            field=django_fsm.FSMField(choices=[('lead', 'lead'), ('triaged', 'triaged'), ('draft', 'draft'), ('registered', 'registered'), ('village_review', 'village_review'), ('village_notice', 'village_notice'), ('objection', 'objection'), ('returned', 'returned'), ('township_review', 'township_review'), ('township_decision', 'township_decision'), ('county_review', 'county_review'), ('county_decision', 'county_decision'), ('county_countersign', 'county_countersign'), ('fund_reserved', 'fund_reserved'), ('in_payment', 'in_payment'), ('payment_returned', 'payment_returned'), ('between_payments', 'between_payments'), ('suspended', 'suspended'), ('paid', 'paid'), ('follow_up', 'follow_up'), ('exit_review', 'exit_review'), ('exit_notice', 'exit_notice'), ('closed', 'closed'), ('refused', 'refused'), ('appeal', 'appeal'), ('withdrawn', 'withdrawn'), ('cancelled', 'cancelled'), ('emergency_released', 'emergency_released'), ('makeup', 'makeup'), ('recovery', 'recovery')], default='lead', max_length=24, protected=True),
        ),
        migrations.AlterField(
            model_name='historicalcase',
            name='programme',
            field=models.CharField(choices=[('family_care', 'family_care'), ('disaster_relief', 'disaster_relief'), ('education_grant', 'education_grant'), ('elderly_support', 'elderly_support'), ('housing_aid', 'housing_aid')], max_length=30),
        ),
        migrations.AlterField(
            model_name='historicalcase',
            name='state',
            field=django_fsm.FSMField(choices=[('lead', 'lead'), ('triaged', 'triaged'), ('draft', 'draft'), ('registered', 'registered'), ('village_review', 'village_review'), ('village_notice', 'village_notice'), ('objection', 'objection'), ('returned', 'returned'), ('township_review', 'township_review'), ('township_decision', 'township_decision'), ('county_review', 'county_review'), ('county_decision', 'county_decision'), ('county_countersign', 'county_countersign'), ('fund_reserved', 'fund_reserved'), ('in_payment', 'in_payment'), ('payment_returned', 'payment_returned'), ('between_payments', 'between_payments'), ('suspended', 'suspended'), ('paid', 'paid'), ('follow_up', 'follow_up'), ('exit_review', 'exit_review'), ('exit_notice', 'exit_notice'), ('closed', 'closed'), ('refused', 'refused'), ('appeal', 'appeal'), ('withdrawn', 'withdrawn'), ('cancelled', 'cancelled'), ('emergency_released', 'emergency_released'), ('makeup', 'makeup'), ('recovery', 'recovery')], default='lead', max_length=24, protected=True),
        ),
        migrations.CreateModel(
            name='HistoricalServiceEntry',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, verbose_name='ID')),
                ('history_behalf_id', models.BigIntegerField(null=True)),
                ('history_business_date', models.DateField(null=True)),
                ('served_on', models.DateField()),
                ('what', models.CharField(max_length=60)),
                ('minutes', models.IntegerField()),
                ('amount_fen', models.BigIntegerField()),
                ('signed_by', models.CharField(help_text='who signed for it: the person herself, or who for her', max_length=60)),
                ('recorder_person_key', models.CharField(max_length=32)),
                ('instalment', models.SmallIntegerField(help_text='the part that it was billed with', null=True)),
                ('history_user_id', models.BigIntegerField(null=True)),
                ('history_change_reason', models.TextField(null=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField()),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('case', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='casework.case')),
                ('recorded_by', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical service entry',
                'verbose_name_plural': 'historical service entrys',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='ServiceEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('served_on', models.DateField()),
                ('what', models.CharField(max_length=60)),
                ('minutes', models.IntegerField()),
                ('amount_fen', models.BigIntegerField()),
                ('signed_by', models.CharField(help_text='who signed for it: the person herself, or who for her', max_length=60)),
                ('recorder_person_key', models.CharField(max_length=32)),
                ('instalment', models.SmallIntegerField(help_text='the part that it was billed with', null=True)),
                ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='services', to='casework.case')),
                ('recorded_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['case_id', 'served_on', 'id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('amount_fen__gt', 0), ('minutes__gt', 0)), name='service_is_positive'), models.CheckConstraint(condition=models.Q(('signed_by', ''), _negated=True), name='service_is_signed_for')],
            },
        ),
        TrackHistory("casework", "serviceentry", "'case:' || r.case_id"),
    ]
