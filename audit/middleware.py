from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from audit.context import Acting, request_of


class ActorMiddleware:
    """Lets history know who sent the request and from which address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        def resolve() -> Acting:
            user = request.user if request.user.is_authenticated else None
            return Acting(
                by_id=user.pk if user else None,
                by_name=str(user) if user else "",
                address=request.META.get("REMOTE_ADDR"),
            )

        with request_of(resolve):
            return self.get_response(request)
