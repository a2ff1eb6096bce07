from pallets_mock.fixtures import dev_chain, start_chain  # noqa: F401
