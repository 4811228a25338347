"""A view asked without the machinery around it: no session is looked up, no page of an error is drawn.

What stands before the views (signing in, one-time passwords) and the pages of 403 and 404 are asked through Django's client.
"""

from typing import Any

from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpResponse, HttpResponseBase
from django.test import RequestFactory
from django.urls import resolve

from audit.middleware import ActorMiddleware

_factory = RequestFactory()


def directly(user: Any, path: str, method: str, data: dict[str, Any]) -> HttpResponseBase:
    """The view's answer, or a bare 403, 404, 400 with its words, or 500 where it raised something else."""
    request = _factory.post(path, data) if method == "POST" else _factory.get(path, data)
    request.user, request.session = user, SessionStore()
    request._messages = CookieStorage(request)
    match = request.resolver_match = resolve(request.path_info)
    try:
        answer = ActorMiddleware(lambda asked: match.func(asked, *match.args, **match.kwargs))(request)
        return answer.render() if hasattr(answer, "render") else answer
    except Http404 as absent:
        return HttpResponse(str(absent), status=404)
    except PermissionDenied as refusal:
        return HttpResponse(str(refusal), status=403)
    except (BadRequest, SuspiciousOperation) as bad:
        return HttpResponse(str(bad), status=400)
    except Exception as crash:  # noqa: BLE001 - told as what Django would make of it
        return HttpResponse(f"{type(crash).__name__}: {crash}", status=500)
