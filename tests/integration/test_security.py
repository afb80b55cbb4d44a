# SPDX-License-Identifier: Apache-2.0
"""klog's client against a real Apache Kafka 4.3.1 over TLS and with logins."""
import os
import re
import subprocess
import time

import pytest
import servers
from servers import klog, run

SECRET = 'alice=secret, "quoted"; \\ and ü'
PLAIN_SECRET = 'plain-secret-of-alice'
STORE_SECRET = 'store-secret'
# Listeners and where their ports lie behind the plain one (which is 0; the controller's is 1).
PORTS = {'ssl': 2, 'login': 3, 'both': 4, 'mutual': 5, 'expired': 6, 'other': 7, 'brief': 8}


def openssl(*arguments, **options):
    return run('openssl', *arguments, **options)


class Certificates:
    """An authority and what it has signed, as files of a folder."""

    def __init__(self, folder):
        self.folder = folder
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', folder / 'ca.key',
                '-out', folder / 'ca.pem', '-subj', '/CN=an authority', '-days', '2')
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', folder / 'stranger.key',
                '-out', folder / 'stranger.pem', '-subj', '/CN=somebody else', '-days', '2')
        for name, names, start, end in (('server', 'DNS:localhost,IP:127.0.0.1', -1, 24), ('expired', 'DNS:localhost,IP:127.0.0.1', -48, -24),
                                        ('other', 'DNS:kafka.example', -1, 24), ('client', 'DNS:client', -1, 24)):
            self.issue(name, names, start, end)
        openssl('pkcs12', '-export', '-in', folder / 'client.pem', '-inkey', folder / 'client.key', '-out', folder / 'client.p12',
                '-passout', f'pass:{STORE_SECRET}')
        openssl('pkcs8', '-topk8', '-v2', 'aes256', '-in', folder / 'client.key', '-out', folder / 'client.locked.key',
                '-passout', f'pass:{STORE_SECRET}')
        run('keytool', '-importcert', '-noprompt', '-alias', 'ca', '-file', folder / 'ca.pem', '-keystore', folder / 'trust.p12',
            '-storetype', 'PKCS12', '-storepass', STORE_SECRET)
        run('keytool', '-importcert', '-noprompt', '-alias', 'ca', '-file', folder / 'ca.pem', '-keystore', folder / 'trust.jks',
            '-storetype', 'JKS', '-storepass', STORE_SECRET)

    def issue(self, name, names, start_h, end_h):
        folder, when = self.folder, lambda hours: time.strftime('%Y%m%d%H%M%SZ', time.gmtime(time.time() + 3600 * hours))
        openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', folder / f'{name}.key',
                '-out', folder / f'{name}.csr', '-subj', f'/CN={name}')
        (folder / 'ca.cnf').write_text(f'[ca]\ndefault_ca=c\n[c]\nnew_certs_dir={folder}\ndatabase={folder}/index\nserial={folder}/serial\n'
                                       f'default_md=sha256\npolicy=p\nunique_subject=no\nx509_extensions=x\n[p]\ncommonName=supplied\n'
                                       f'[x]\nsubjectAltName={names}\n')
        (folder / 'index').touch()
        openssl('ca', '-batch', '-config', folder / 'ca.cnf', '-cert', folder / 'ca.pem', '-keyfile', folder / 'ca.key', '-rand_serial',
                '-notext', '-startdate', when(start_h), '-enddate', when(end_h), '-in', folder / f'{name}.csr', '-out', folder / f'{name}.pem')
        (folder / f'{name}.store.pem').write_text((folder / f'{name}.key').read_text() + (folder / f'{name}.pem').read_text())


class SecureKafka(servers.Kafka):
    def __init__(self):
        super().__init__()
        self.certificates = Certificates(self.folder)
        self.port = servers.free_ports(2 + len(PORTS))
        protocols = {'ssl': 'SSL', 'login': 'SASL_PLAINTEXT', 'both': 'SASL_SSL', 'mutual': 'SSL', 'expired': 'SSL', 'other': 'SSL',
                     'brief': 'SASL_PLAINTEXT'}
        listeners = {'PLAINTEXT': 0, 'CONTROLLER': 1, **{name.upper(): offset for name, offset in PORTS.items()}}
        addresses = [f'{name}://127.0.0.1:{self.port + offset}' for name, offset in listeners.items()]
        self.config = {
            'listeners': ','.join(addresses),
            'advertised.listeners': ','.join(a for a in addresses if not a.startswith('CONTROLLER')),
            'listener.security.protocol.map': ','.join(['PLAINTEXT:PLAINTEXT', 'CONTROLLER:PLAINTEXT',
                                                        *(f'{name.upper()}:{protocol}' for name, protocol in protocols.items())]),
            'ssl.truststore.type': 'PEM', 'ssl.truststore.location': self.folder / 'ca.pem',
            'ssl.keystore.type': 'PEM', 'ssl.keystore.location': self.folder / 'server.store.pem',
            'listener.name.mutual.ssl.client.auth': 'required',
            'listener.name.expired.ssl.keystore.location': self.folder / 'expired.store.pem',
            'listener.name.other.ssl.keystore.location': self.folder / 'other.store.pem',
            'message.max.bytes': 20_000_000,
        }
        for name in ('login', 'both', 'brief'):
            start = f'listener.name.{name}'
            self.config[f'{start}.sasl.enabled.mechanisms'] = 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512'
            self.config[f'{start}.plain.sasl.jaas.config'] = (
                f'org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="{PLAIN_SECRET}";')
            for scram in ('scram-sha-256', 'scram-sha-512'):
                self.config[f'{start}.{scram}.sasl.jaas.config'] = 'org.apache.kafka.common.security.scram.ScramLoginModule required;'
        for mechanism in ('plain', 'scram-sha-256'):
            self.config[f'listener.name.brief.{mechanism}.connections.max.reauth.ms'] = 2000
        os.environ['KAFKA_SCRAM'] = 'SCRAM-SHA-256=[name=bob,password=bob-secret] SCRAM-SHA-512=[name=bob,password=bob-secret]'

    def start(self):
        try: return super().start()
        finally: del os.environ['KAFKA_SCRAM']

    def at(self, listener): return f'127.0.0.1:{self.port + PORTS[listener]}'


@pytest.fixture(scope='module')
def secure():
    with SecureKafka() as server: yield server.start()


def options(server, listener, **properties):
    """-b and -X for a listener; names with _ for dots, secrets in a file as one should."""
    chosen = ['-b', server.at(listener)]
    for name, value in properties.items(): chosen += ['-X', f'{name.replace("_", ".")}={value}']
    return chosen


def ca(server): return {'ssl_ca_location': server.folder / 'ca.pem'}


LOGIN = {'sasl_username': 'bob', 'sasl_password': 'bob-secret'}
WAYS = {
    'ssl': {'security_protocol': 'SSL'},
    'plain': {'security_protocol': 'SASL_PLAINTEXT', 'sasl_mechanism': 'PLAIN', 'sasl_username': 'alice', 'sasl_password': PLAIN_SECRET},
    'scram-256': {'security_protocol': 'sasl_plaintext', 'sasl_mechanisms': 'SCRAM-SHA-256', **LOGIN},
    'scram-512': {'security_protocol': 'SASL_PLAINTEXT', 'sasl_mechanism': 'SCRAM-SHA-512', **LOGIN},
    'plain-ssl': {'security_protocol': 'SASL_SSL', 'sasl_mechanism': 'PLAIN', 'sasl_username': 'alice', 'sasl_password': PLAIN_SECRET},
    'scram-ssl': {'security_protocol': 'SASL_SSL', 'sasl_mechanism': 'SCRAM-SHA-512', **LOGIN},
}


def way_to(server, way):
    """What reaches the listener for it, with our trust in its authority."""
    properties = dict(WAYS[way])
    protocol = properties['security_protocol'].upper()
    listener = {'SSL': 'ssl', 'SASL_PLAINTEXT': 'login', 'SASL_SSL': 'both'}[protocol]
    return options(server, listener, **properties, **(ca(server) if protocol.endswith('SSL') else {}))


@pytest.mark.parametrize('way', WAYS)
def test_records_go_in_and_come_out(secure, topic, way):
    lines = ''.join(f'{i} some words\n' for i in range(5000))
    reach = way_to(secure, way)
    klog('topic', 'create', topic, '-p', '3', *reach)
    klog('produce', topic, *reach, input=lines)
    assert sorted(klog('consume', topic, '-e', *reach).stdout.splitlines()) == sorted(lines.splitlines())
    assert topic in klog('topic', 'list', '-o', 'name', *reach).stdout.split()


def test_large_records_go_through_tls(secure, topic):
    lines = ''.join(chr(97 + i) * 5_000_000 + '\n' for i in range(8))
    reach = way_to(secure, 'scram-ssl')
    klog('topic', 'create', topic, '-c', 'max.message.bytes=20000000', *reach)
    klog('produce', topic, '-X', 'max.request.size=18000000', *reach, input=lines)
    assert klog('consume', topic, '-e', *reach).stdout == lines


def refused(done, code, *words):
    """One line, with these words and without any of our secrets."""
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == 1 and done.stdout == '', done.stderr
    for word in words: assert word in done.stderr, done.stderr
    for secret in ('bob-secret', PLAIN_SECRET, STORE_SECRET, 'wrong-secret'): assert secret not in done.stderr
    return done.stderr


def try_to(server, listener, **properties):
    return klog('topic', 'list', *options(server, listener, **properties), check=False, timeout=20)


@pytest.mark.parametrize('mechanism', ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'])
def test_a_wrong_password_or_user_is_exit_6_and_says_so(secure, mechanism):
    for user in ('bob', 'nobody'):
        done = try_to(secure, 'login', security_protocol='SASL_PLAINTEXT', sasl_mechanism=mechanism, sasl_username=user,
                      sasl_password='wrong-secret')
        refused(done, 6, 'SASL_AUTHENTICATION_FAILED', mechanism, f"'{user}'", 'Authentication failed', 'sasl.username')


def test_a_mechanism_that_the_broker_does_not_have_names_those_that_it_has(secure):
    done = try_to(secure, 'login', security_protocol='SASL_PLAINTEXT', sasl_mechanism='GSSAPI', **LOGIN)
    refused(done, 2, 'PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512')
    done = try_to(secure, 'login', security_protocol='SASL_PLAINTEXT', **LOGIN)
    refused(done, 2, 'sasl.mechanism')


def test_a_certificate_by_a_stranger_of_another_host_or_out_of_date_is_refused(secure):
    stranger = try_to(secure, 'ssl', security_protocol='SSL', ssl_ca_location=secure.folder / 'stranger.pem')
    refused(stranger, 5, secure.at('ssl'), 'unable to get local issuer certificate', 'ssl.ca.location')
    refused(try_to(secure, 'ssl', security_protocol='SSL'), 5, 'unable to get local issuer certificate')
    refused(try_to(secure, 'other', security_protocol='SSL', **ca(secure)), 5, '127.0.0.1', 'kafka.example', 'mismatch',
            'ssl.endpoint.identification.algorithm')
    refused(try_to(secure, 'expired', security_protocol='SSL', **ca(secure)), 5, 'certificate has expired')
    # And taken where one insists.
    for listener, wish in (('other', {'ssl_endpoint_identification_algorithm': 'none'}), ('expired', {'enable_ssl_certificate_verification': 'false'})):
        assert try_to(secure, listener, security_protocol='SSL', **ca(secure), **wish).returncode == 0


def test_the_wrong_security_protocol_is_named(secure):
    plain_to = lambda listener, **more: try_to(secure, listener, security_protocol='PLAINTEXT', **more)
    refused(plain_to('ssl'), 5, 'SSL')
    refused(plain_to('both'), 5, 'SSL')
    refused(plain_to('login'), 5, 'SASL_PLAINTEXT')
    refused(try_to(secure, 'both', security_protocol='SSL', **ca(secure)), 5, 'SASL_SSL')
    PORTS['plain'] = 0
    refused(try_to(secure, 'plain', security_protocol='SSL', **ca(secure)), 5, 'security.protocol')
    refused(try_to(secure, 'plain', **WAYS['scram-256']), 6, 'wants no login', 'security.protocol')
    refused(try_to(secure, 'login', security_protocol='SSL', **ca(secure)), 5, 'security.protocol')


def test_our_own_certificate_is_shown_from_files_of_all_kinds(secure):
    folder = secure.folder
    ways = ({'ssl_certificate_location': folder / 'client.pem', 'ssl_key_location': folder / 'client.key'},
            {'ssl_certificate_location': folder / 'client.pem', 'ssl_key_location': folder / 'client.locked.key', 'ssl_key_password': STORE_SECRET},
            {'ssl_keystore_location': folder / 'client.store.pem', 'ssl_keystore_type': 'PEM'},
            {'ssl_keystore_location': folder / 'client.p12', 'ssl_keystore_password': STORE_SECRET})
    for own in ways: assert try_to(secure, 'mutual', security_protocol='SSL', **ca(secure), **own).returncode == 0
    refused(try_to(secure, 'mutual', security_protocol='SSL', **ca(secure)), 5, 'ssl.certificate.location')
    wrong = {**ways[3], 'ssl_keystore_password': 'wrong-secret'}
    refused(try_to(secure, 'mutual', security_protocol='SSL', **ca(secure), **wrong), 2, 'password')


def test_javas_trust_stores_are_read_as_far_as_they_are_pkcs12(secure):
    trust = {'ssl_truststore_location': secure.folder / 'trust.p12', 'ssl_truststore_password': STORE_SECRET}
    assert try_to(secure, 'ssl', security_protocol='SSL', **trust).returncode == 0
    trust['ssl_truststore_location'] = secure.folder / 'trust.jks'
    refused(try_to(secure, 'ssl', security_protocol='SSL', **trust), 2, 'keytool -importkeystore')


def test_a_properties_file_of_java_works_as_it_is(secure, tmp_path):
    pem = (secure.folder / 'ca.pem').read_text().strip().replace('\n', ' \\\n  ')
    file = tmp_path / 'client.properties'
    file.write_text('# as for kafka-topics.sh --command-config\nsecurity.protocol = SASL_SSL\nsasl.mechanism: SCRAM-SHA-512\n'
                    'sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\\n'
                    '  username="bob" \\\n  password="bob-secret";\n'
                    f'ssl.truststore.type=PEM\nssl.truststore.certificates={pem}\n')
    klog('topic', 'list', '-b', secure.at('both'), '--client-config', file)
    run(servers.TOP / 'tools' / 'kafka-server', '--tool', 'org.apache.kafka.tools.TopicCommand', '--bootstrap-server', secure.at('both'),
        '--command-config', file, '--list')
    file.write_text('sasl.password bob-secret\nsasl.password=x\nsecurity.protocol=SSH\n')
    refused(klog('topic', 'list', '-b', secure.at('both'), '--client-config', file, check=False), 2, f'{file}:3', 'SSH')


def test_passwords_of_all_kinds_of_characters_are_taken(secure):
    """Set by AlterUserScramCredentials. Of names Kafka's SCRAM takes ASCII only."""
    from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
    admin = AdminClient({'bootstrap.servers': secure.address})
    for mechanism, name in ((ScramMechanism.SCRAM_SHA_256, 'SCRAM-SHA-256'), (ScramMechanism.SCRAM_SHA_512, 'SCRAM-SHA-512')):
        wish = UserScramCredentialUpsertion('a=b,c d', ScramCredentialInfo(mechanism, 8192), SECRET.encode())
        for future in admin.alter_user_scram_credentials([wish]).values(): future.result()
        login = {'security_protocol': 'SASL_PLAINTEXT', 'sasl_mechanism': name, 'sasl_username': 'a=b,c d', 'sasl_password': SECRET}
        servers.wait_until(lambda: try_to(secure, 'login', **login).returncode == 0, 'the user')


def test_a_login_that_ends_is_renewed_on_the_same_connection(secure, topic):
    """The broker ends each login after 2 s, and the connection of who does not renew it; records flow for 7 s."""
    reach = options(secure, 'brief', security_protocol='SASL_PLAINTEXT', sasl_mechanism='SCRAM-SHA-256', **LOGIN)
    klog('topic', 'create', topic, *reach)
    producer = subprocess.Popen([str(servers.KLOG), 'produce', topic, '--linger', '0', '--rate', '20', *reach], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    consumer = subprocess.Popen([str(servers.KLOG), 'consume', topic, '-n', '140', *reach], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    producer.stdin.write(''.join(f'{i}\n' for i in range(140)))
    producer.stdin.close()
    ports, read = set(), []
    for i in range(140):
        read.append(consumer.stdout.readline())
        if i % 20 == 10: ports.add(frozenset(connections_of(producer.pid)))
    assert (producer.wait(20), producer.stderr.read()) == (0, '')
    assert read == [f'{i}\n' for i in range(140)] and consumer.communicate(timeout=20) == ('', '')
    assert len(ports) == 1 and all(ports), 'the connections are the same to the end'


def connections_of(pid):
    """Local ports of its TCP connections."""
    inodes = set()
    for entry in os.listdir(f'/proc/{pid}/fd'):
        found = re.match(r'socket:\[(\d+)\]', os.readlink(f'/proc/{pid}/fd/{entry}'))
        if found: inodes.add(found[1])
    rows = [row.split() for row in open('/proc/net/tcp').read().splitlines()[1:]]
    return {row[1].split(':')[1] for row in rows if row[9] in inodes}
