# SPDX-License-Identifier: Apache-2.0
"""The Java client 4.3.1 and Apache Kafka's command-line tools that need no group."""
import json
import re

import pytest
from servers import CODECS, TOP, kafka_tool, run

SOURCE = TOP / 'tests' / 'integration' / 'java' / 'Client.java'


@pytest.fixture(scope='session')
def java(tmp_path_factory):
    """Runs a verb of Client.java, compiled once."""
    jars = run(TOP / 'tools' / 'fetch-jars', 'kafka').stdout.strip()
    classes = tmp_path_factory.mktemp('classes')
    run('javac', '-proc:none', '-cp', f'{jars}/*', '-d', classes, SOURCE, timeout=120)
    return lambda *arguments: run('java', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m', '-cp', f'{classes}:{jars}/*',
                                  'Client', *arguments, timeout=120).stdout


@pytest.mark.parametrize('codec', CODECS)
def test_records_come_back_as_they_went(broker, java, topic, codec):
    """With Java's defaults: idempotent, acks=all."""
    assert java('produce', broker.address, topic, '300', f'compression.type={codec}', 'linger.ms=20') == 'acknowledged 300\n'
    lines = java('consume', broker.address, topic, '300').splitlines()
    for i, line in enumerate(lines):
        offset, stamp, key, value, headers = line.split('|')
        assert (int(offset), int(stamp)) == (i, 1_700_000_000_000 + i)
        assert key == ('null' if i % 5 == 0 else f'key {i}')
        assert value == ('null' if i % 7 == 0 else f'value {i} ' + 'v' * (i % 100))
        assert headers == f'n={i};null=null;n=;'
    stored = broker.batches(topic)
    assert {b['codec'] for b in stored} == {CODECS[codec]}
    assert all(b['producer_id'] >= 0 for b in stored)


@pytest.mark.parametrize('acks', ['0', '1'])
def test_without_idempotence(broker, java, topic, acks):
    java('produce', broker.address, topic, '1', f'acks={acks}', 'enable.idempotence=false') if acks == '1' else \
        kafka_tool('org.apache.kafka.tools.ConsoleProducer', '--bootstrap-server', broker.address, '--topic', topic,
                   '--producer-property', 'acks=0', '--producer-property', 'enable.idempotence=false', input='x\n')
    assert len(java('consume', broker.address, topic, '1').splitlines()) == 1


def test_a_megabyte_record(broker, java, topic):
    assert java('big', broker.address, topic, '1000000') == 'same\n'


def test_admin_calls(broker, java, topic):
    assert java('admin', broker.address, topic).splitlines() == [
        'created 3 1 1048576', 'again TopicExistsException', 'partitions 3', 'grown 4',
        'config 60000 delete,compact DYNAMIC_TOPIC_CONFIG DEFAULT_CONFIG', 'bad InvalidConfigurationException',
        'earliest 0', 'latest 10', 'max 9', 'at 5', 'local 0', 'deleted 3', 'earliest 3', 'beyond OffsetOutOfRangeException',
        'nodes 1', 'replicas 4', 'feature false', 'gone UnknownTopicOrPartitionException']


def test_console_producer_and_consumer(broker, topic):
    kafka_tool('org.apache.kafka.tools.ConsoleProducer', '--bootstrap-server', broker.address, '--topic', topic,
               '--reader-property', 'parse.key=true', '--reader-property', 'key.separator=:', input='a:1\nb:2\nc:3\n')
    out = kafka_tool('org.apache.kafka.tools.consumer.ConsoleConsumer', '--bootstrap-server', broker.address, '--topic', topic,
                     '--partition', '0', '--offset', 'earliest', '--max-messages', '3', '--formatter-property', 'print.key=true').stdout
    assert out == 'a\t1\nb\t2\nc\t3\n'


def test_topics_and_configs(broker, topic):
    def topics(*arguments, **options):
        return kafka_tool('org.apache.kafka.tools.TopicCommand', '--bootstrap-server', broker.address, *arguments, **options).stdout

    def configs(*arguments):
        return kafka_tool('kafka.admin.ConfigCommand', '--bootstrap-server', broker.address, '--entity-type', 'topics',
                          '--entity-name', topic, *arguments).stdout

    assert f'Created topic {topic}' in topics('--create', '--topic', topic, '--partitions', '2', '--config', 'segment.bytes=1048576')
    assert topic in topics('--list').split()
    described = topics('--describe', '--topic', topic)
    assert re.search(r'PartitionCount: 2\s+ReplicationFactor: 1\s+Configs: (\S*,)?segment.bytes=1048576', described)
    assert len(re.findall(r'Leader: \d+\s+Replicas: \d+\s+Isr: \d+', described)) == 2
    topics('--alter', '--topic', topic, '--partitions', '3')
    assert 'PartitionCount: 3' in topics('--describe', '--topic', topic)
    configs('--alter', '--add-config', 'retention.ms=12345')
    assert 'retention.ms=12345' in configs('--describe')
    configs('--alter', '--delete-config', 'retention.ms')
    assert 'retention.ms=12345' not in configs('--describe')
    topics('--delete', '--topic', topic)
    assert topic not in topics('--list').split()


def test_get_offsets_and_delete_records(broker, topic, tmp_path):
    run('kcat', '-b', broker.address, '-P', '-t', topic, '-p', '0', input=''.join(f'{i}\n' for i in range(20)))

    def offsets(time):
        return kafka_tool('org.apache.kafka.tools.GetOffsetShell', '--bootstrap-server', broker.address, '--topic', topic,
                          '--time', time).stdout.split()

    assert offsets('latest') == [f'{topic}:0:20']
    assert offsets('earliest') == [f'{topic}:0:0']
    plan = tmp_path / 'plan.json'
    plan.write_text(json.dumps({'version': 1, 'partitions': [{'topic': topic, 'partition': 0, 'offset': 7}]}))
    out = kafka_tool('org.apache.kafka.tools.DeleteRecordsCommand', '--bootstrap-server', broker.address, '--offset-json-file', plan)
    assert 'low_watermark: 7' in out.stdout
    assert offsets('earliest') == [f'{topic}:0:7']


def test_log_dirs(broker, topic):
    run('kcat', '-b', broker.address, '-P', '-t', topic, input='x\n')
    out = kafka_tool('org.apache.kafka.tools.LogDirsCommand', '--bootstrap-server', broker.address, '--describe', '--topic-list', topic)
    answer = json.loads(next(line for line in out.stdout.splitlines() if line.startswith('{')))
    (partition,) = answer['brokers'][0]['logDirs'][0]['partitions']
    assert partition['partition'] == f'{topic}-0' and partition['size'] > 60


def test_broker_api_versions(broker):
    out = kafka_tool('org.apache.kafka.tools.BrokerApiVersionsCommand', '--bootstrap-server', broker.address).stdout
    assert re.search(r'Produce\(0\): 0 to 13 \[usable: 13\]', out)
    assert re.search(r'Fetch\(1\): 4 to 18 \[usable: 18\]', out)
    assert 'ERROR' not in out


def test_producer_performance(broker, topic):
    out = kafka_tool('org.apache.kafka.tools.ProducerPerformance', '--topic', topic, '--num-records', '20000', '--record-size', '100',
                     '--throughput', '-1', '--producer-props', f'bootstrap.servers={broker.address}').stdout
    assert '20000 records sent' in out
    assert sum(b['count'] for b in broker.batches(topic)) == 20_000
