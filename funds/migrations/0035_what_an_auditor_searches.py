"""What an auditor searches by: account ends, payees, references, documents, amounts, days."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0013_break_glass_laws'),
        ('funds', '0034_last_movement_by_its_payment'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name='bankline',
            index=models.Index(condition=models.Q(('bank_reference', ''), _negated=True), fields=['bank_reference'], name='bank_lines_by_reference'),
        ),
        migrations.AddIndex(
            model_name='bankline',
            index=models.Index(fields=['serial'], name='bank_lines_by_serial'),
        ),
        migrations.AddIndex(
            model_name='bankline',
            index=models.Index(condition=models.Q(('account_index', ''), _negated=True), fields=['account_index'], name='bank_lines_by_account'),
        ),
        migrations.AddIndex(
            model_name='bankline',
            index=models.Index(fields=['account_last4', '-id'], name='bank_lines_by_account_end'),
        ),
        migrations.AddIndex(
            model_name='bankline',
            index=models.Index(fields=['name'], name='bank_lines_by_name'),
        ),
        migrations.AddIndex(
            model_name='bankline',
            index=models.Index(fields=['amount_fen'], name='bank_lines_by_amount'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(fields=['account_last4', '-id'], name='payments_by_account_end'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(condition=models.Q(('payee_person_key__isnull', False)), fields=['payee_person_key'], name='payments_of_a_person'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(fields=['payee_name'], name='payments_by_payee'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(fields=['amount_fen'], name='payments_by_amount'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(condition=models.Q(('sent_on__isnull', False)), fields=['sent_on'], name='payments_by_day'),
        ),
        migrations.AddIndex(
            model_name='receipt',
            index=models.Index(condition=models.Q(('receipt_no__isnull', False)), fields=['receipt_no'], name='receipts_by_number'),
        ),
        migrations.AddIndex(
            model_name='receipt',
            index=models.Index(condition=models.Q(('document_no', ''), _negated=True), fields=['document_no'], name='receipts_by_document'),
        ),
        migrations.AddIndex(
            model_name='receipt',
            index=models.Index(condition=models.Q(('bank_reference', ''), _negated=True), fields=['bank_reference'], name='receipts_by_reference'),
        ),
        migrations.AddIndex(
            model_name='transfer',
            index=models.Index(condition=models.Q(('document_no', ''), _negated=True), fields=['document_no'], name='transfers_by_document'),
        ),
    ]
