"""What the conftest of every folder with a bench begins with, whatever the world is there."""

import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    setattr(item, f"failed_in_{call.when}", outcome.get_result().failed)


def bench_of(world_type):
    """The fixture that makes such a world."""

    @pytest.fixture
    def bench(request):
        """A world without a daemon yet; what holds at the end of every test is checked here."""
        world = world_type()
        try:
            yield world
            if not getattr(request.node, "failed_in_call", True):
                world.finish()
        finally:
            print(world.log())
            world.discard()

    return bench
