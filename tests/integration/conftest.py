# SPDX-License-Identifier: Apache-2.0
"""Every client test runs against klog; `pytest --server kafka` runs the same against Apache Kafka 4.3.1, to judge the tests."""
import itertools
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import servers


def pytest_addoption(parser):
    parser.addoption('--server', choices=['klog', 'kafka'], default='klog')


@pytest.fixture(scope='module')
def broker(request):
    """One broker for the tests of a module; each test makes topics of its own."""
    kind = servers.Klog if request.config.getoption('--server') == 'klog' else servers.Kafka
    with kind() as server: yield server.start()


@pytest.fixture(scope='session')
def kafka():
    """A real Apache Kafka for the tests of klog's own commands."""
    with servers.Kafka() as server: yield server.start()


counter = itertools.count()


@pytest.fixture
def topic(request): return f'{request.node.name.split("[")[0].replace("test_", "")}-{next(counter)}'
