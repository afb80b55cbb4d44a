# SPDX-License-Identifier: Apache-2.0
"""A broker for the tests of a module that ask for one; KLOG_TEST_SERVER=kafka judges the commands against Apache Kafka."""
import itertools
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'integration'))
from servers import Kafka, Klog

counter = itertools.count()


@pytest.fixture(scope='module')
def broker():
    kind = Kafka if os.environ.get('KLOG_TEST_SERVER') == 'kafka' else Klog
    with kind() as server:
        server.start()
        os.environ['KLOG_BROKERS'] = server.address
        yield server
        del os.environ['KLOG_BROKERS']


@pytest.fixture
def topic(request): return f'{request.node.name.split("[")[0].replace("test_", "")}-{next(counter)}'
