from django.apps import AppConfig


class FundsConfig(AppConfig):
    name = "funds"

    def ready(self) -> None:
        from access.resealing import SealedColumn, register_sealed  # noqa: PLC0415
        from audit.bundle import register_accounts, register_selector  # noqa: PLC0415
        from audit.leaves import register_facts  # noqa: PLC0415
        from audit.replay import register_derived  # noqa: PLC0415
        from audit.verify import register_check  # noqa: PLC0415
        from funds import rebuilding  # noqa: PLC0415
        from funds.laws import wrong_laws  # noqa: PLC0415
        from funds.models import DepositAccount, Payment, Provider  # noqa: PLC0415
        from funds.proof import FACTS, of_fund, sealed_balances, wrong_balances, wrong_months  # noqa: PLC0415

        register_sealed(
            *(
                SealedColumn(model, "account_sealed", "account_row", stays=True)
                for model in (Payment, Provider, DepositAccount)
            )
        )
        register_check("balances", wrong_balances)
        register_check("periods", wrong_months)
        register_check("laws", wrong_laws)
        register_derived("funds_account", rebuilding.balances)
        register_derived("funds_stocklot", rebuilding.shelves)
        register_facts("funds_transfer", "id", FACTS)
        register_accounts(sealed_balances)
        register_selector("fund", of_fund)
        from funds import budget, periods, recoveries  # noqa: F401, PLC0415 - what proposals carry out registers itself
