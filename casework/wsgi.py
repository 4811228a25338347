import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from casework.charset import ReadableCharset
from casework.watching.metrics import share_between_processes

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "casework.settings")
os.environ.setdefault("CASEWORK_PROCESS", "web")  # which role it logs in as: casework.database.logins
share_between_processes(settings.DATA_DIR)
application = ReadableCharset(get_wsgi_application())
