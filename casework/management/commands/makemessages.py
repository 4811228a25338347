"""Django's command, which also knows `_l`: modules that use gettext and gettext_lazy side by side call the lazy one so."""

from django.core.management.commands import makemessages


class Command(makemessages.Command):
    xgettext_options = [*makemessages.Command.xgettext_options, "--keyword=_l", "--keyword=_now"]
