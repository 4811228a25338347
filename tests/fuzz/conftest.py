from tests.authorisation.conftest import business_day, matrix, refusals_are_no_news  # noqa: F401
