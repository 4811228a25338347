"""A grant waits for whoever is said to have approved it; so does a delegation of a post that money does not pass."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0014_data_keys'),
        ('contenttypes', '0002_remove_content_type_name'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='appointment',
            name='appointment_confirmed_whole',
        ),
        migrations.RemoveConstraint(
            model_name='delegation',
            name='delegation_confirmed_whole',
        ),
        migrations.AddField(
            model_name='grant',
            name='confirmed_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='grant',
            name='confirmed_how',
            field=models.CharField(choices=[('second', 'Second'), ('approved', 'Approved'), ('alone', 'Alone'), ('set_up', 'Set Up'), ('first', 'First'), ('before', 'Before')], max_length=10, null=True),
        ),
        migrations.AddField(
            model_name='grant',
            name='confirmed_on',
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name='grant',
            name='confirmer_person_key',
            field=models.CharField(max_length=32, null=True),
        ),
        migrations.AddField(
            model_name='grant',
            name='dropped_on',
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name='grant',
            name='made_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='grant',
            name='maker_person_key',
            field=models.CharField(max_length=32, null=True),
        ),
        migrations.AddField(
            model_name='historicalgrant',
            name='confirmed_by',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='historicalgrant',
            name='confirmed_how',
            field=models.CharField(choices=[('second', 'Second'), ('approved', 'Approved'), ('alone', 'Alone'), ('set_up', 'Set Up'), ('first', 'First'), ('before', 'Before')], max_length=10, null=True),
        ),
        migrations.AddField(
            model_name='historicalgrant',
            name='confirmed_on',
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name='historicalgrant',
            name='confirmer_person_key',
            field=models.CharField(max_length=32, null=True),
        ),
        migrations.AddField(
            model_name='historicalgrant',
            name='dropped_on',
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name='historicalgrant',
            name='made_by',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='historicalgrant',
            name='maker_person_key',
            field=models.CharField(max_length=32, null=True),
        ),
        migrations.AlterField(
            model_name='appointment',
            name='confirmed_how',
            field=models.CharField(choices=[('second', 'Second'), ('approved', 'Approved'), ('alone', 'Alone'), ('set_up', 'Set Up'), ('first', 'First'), ('before', 'Before')], max_length=10, null=True),
        ),
        migrations.AlterField(
            model_name='delegation',
            name='confirmed_how',
            field=models.CharField(choices=[('second', 'Second'), ('approved', 'Approved'), ('alone', 'Alone'), ('set_up', 'Set Up'), ('first', 'First'), ('before', 'Before')], max_length=10, null=True),
        ),
        migrations.AlterField(
            model_name='historicalappointment',
            name='confirmed_how',
            field=models.CharField(choices=[('second', 'Second'), ('approved', 'Approved'), ('alone', 'Alone'), ('set_up', 'Set Up'), ('first', 'First'), ('before', 'Before')], max_length=10, null=True),
        ),
        migrations.AlterField(
            model_name='historicaldelegation',
            name='confirmed_how',
            field=models.CharField(choices=[('second', 'Second'), ('approved', 'Approved'), ('alone', 'Alone'), ('set_up', 'Set Up'), ('first', 'First'), ('before', 'Before')], max_length=10, null=True),
        ),
        migrations.AddIndex(
            model_name='grant',
            index=models.Index(condition=models.Q(('confirmed_on__isnull', True), ('dropped_on__isnull', True), ('revoked_on__isnull', True)), fields=['approved_by'], name='grants_waiting'),
        ),
        migrations.AddConstraint(
            model_name='appointment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('confirmed_by__isnull', True), ('confirmed_how__isnull', True), ('confirmed_on__isnull', True)), models.Q(('confirmed_by__isnull', False), ('confirmed_how__in', ['second', 'approved']), ('confirmed_on__isnull', False)), models.Q(('confirmed_by__isnull', True), ('confirmed_how__isnull', False), ('confirmed_on__isnull', False), models.Q(('confirmed_how__in', ['second', 'approved']), _negated=True)), _connector='OR'), name='appointment_confirmed_whole'),
        ),
        migrations.AddConstraint(
            model_name='delegation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('confirmed_by__isnull', True), ('confirmed_how__isnull', True), ('confirmed_on__isnull', True)), models.Q(('confirmed_by__isnull', False), ('confirmed_how__in', ['second', 'approved']), ('confirmed_on__isnull', False)), models.Q(('confirmed_by__isnull', True), ('confirmed_how__isnull', False), ('confirmed_on__isnull', False), models.Q(('confirmed_how__in', ['second', 'approved']), _negated=True)), _connector='OR'), name='delegation_confirmed_whole'),
        ),
        migrations.AddConstraint(
            model_name='grant',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('confirmed_by__isnull', True), ('confirmed_how__isnull', True), ('confirmed_on__isnull', True)), models.Q(('confirmed_by__isnull', False), ('confirmed_how__in', ['second', 'approved']), ('confirmed_on__isnull', False)), models.Q(('confirmed_by__isnull', True), ('confirmed_how__isnull', False), ('confirmed_on__isnull', False), models.Q(('confirmed_how__in', ['second', 'approved']), _negated=True)), _connector='OR'), name='grant_confirmed_whole'),
        ),
        migrations.AddConstraint(
            model_name='grant',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('confirmed_by__isnull', True), ('confirmer_person_key__isnull', True)), models.Q(('confirmed_by__isnull', False), ('confirmer_person_key__isnull', False), ('maker_person_key__isnull', False), models.Q(('confirmer_person_key', models.F('maker_person_key')), _negated=True)), _connector='OR'), name='grant_confirmed_by_another'),
        ),
        migrations.AddConstraint(
            model_name='grant',
            constraint=models.CheckConstraint(condition=models.Q(('confirmed_on__isnull', True), ('dropped_on__isnull', True), _connector='OR'), name='grant_confirmed_or_dropped'),
        ),
    ]
