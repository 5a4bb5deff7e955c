"""Handed-out metadata stands beside models: a file of either kind has a row."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("trained", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="trainedmodel",
            name="content",
            field=models.CharField(
                choices=[("model", "Model"), ("metadata", "Metadata")], default="model", max_length=10
            ),
        ),
    ]
