# SPDX-License-Identifier: Apache-2.0
"""Kafka's own classes read the batches that core/records builds, and still write what its unit tests read."""
import re

import pytest
from servers import TOP, run

SOURCE = TOP / 'tests' / 'records' / 'java' / 'Records.java'
# Built with the tests, not with the release.
EMIT = max(TOP.glob('build*/tests/records/records_emit'), key=lambda path: path.stat().st_mtime, default=None)


@pytest.fixture(scope='module')
def java(tmp_path_factory):
    """Runs a verb of Records.java, compiled once."""
    jars = run(TOP / 'tools' / 'fetch-jars', 'kafka', timeout=300).stdout.strip()
    classes = tmp_path_factory.mktemp('classes')
    run('javac', '-proc:none', '-cp', f'{jars}/*', '-d', classes, SOURCE, timeout=120)
    return lambda *arguments: run('java', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx512m', '-cp',
                                  f'{classes}:{jars}/*', 'Records', *arguments, timeout=120).stdout


def test_kafka_reads_what_klog_builds(java, tmp_path):
    run(EMIT, tmp_path)
    logs = len(list(tmp_path.glob('*.log')))
    assert logs > 80
    assert java('check', tmp_path).splitlines()[-1] == f'{logs} same, 0 different'


def test_the_fixtures_are_what_kafka_writes(java):
    """Compressed bytes may change with the versions of the codecs; what is in them may not."""
    kept = (TOP / 'tests' / 'records' / 'data' / 'java.txt').read_text()
    facts = lambda text: [line for line in text.splitlines() if not re.match('bytes ', line)]
    assert facts(java('write')) == facts(kept)
