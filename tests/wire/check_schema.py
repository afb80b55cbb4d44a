# SPDX-License-Identifier: Apache-2.0
"""Holds klog's message declarations against Kafka's own definitions inside published jars.

Usage: check_schema.py SCHEMA_DUMP JARS...    e.g. kafka-clients-4.3.1.jar,kafka-group-coordinator-4.3.1.jar kafka-clients-3.9.2.jar

JARS is one jar, or several of one release with commas between them, looked into in that order. The first is the one that klog follows: its newest versions have to be klog's, and the versions that klog serves
have to be its versions. The others hold versions and messages that the first has dropped. In each jar every field of
every version that the jar knows has to be the same: type, versions, nullability, tag, default, and whether it may be
dropped by versions that cannot carry it. Exits with 1 when something differs.
"""
import json, re, subprocess, sys, zipfile

BIG = 32767
# What a jar says otherwise, knowingly: (path, attribute). 3.9 became ignorable in 4.x.
KNOWN = {('3.9', 'ProduceRequest.topic_data.name', 'ignorable'), ('3.9', 'ProduceResponse.responses.name', 'ignorable')}
NUMBERS = {'true': '1', 'false': '0', '0x7fffffff': str(2**31 - 1)}


def snake(name):
    return re.sub(r'(?<!^)(?=[A-Z])', '_', name.replace('KRaft', 'Kraft')).lower()


def span(text):
    if text.endswith('+'): return int(text[:-1]), BIG
    first, _, last = text.partition('-')
    return int(first), int(last or first)


def default(field, kind):
    """What a field that is not on the wire reads as, in the words of the dump."""
    given = field.get('default')  # null as text is a default; null of JSON is none.
    if kind == 'struct': return 'null' if given == 'null' else 'struct'
    if given is None or given == '':
        return 'empty' if kind.startswith('[]') or kind in ('string', 'bytes', 'records') else '0'
    return NUMBERS.get(str(given).lower(), str(given))


class Definitions:
    """The message definitions of one release."""

    def __init__(self, jars):
        self.version = re.search(r'(\d+\.\d+)[.\d]*\.jar$', jars)[1]
        self.zips = [zipfile.ZipFile(jar) for jar in jars.split(',')]

    def read(self, path):
        for each in self.zips:
            if path in each.namelist(): return each.read(path).decode()
        raise KeyError(path)

    def message(self, name):
        """(key, valid versions, flexible since, unstable, {path: attributes}), or None: the jar has no version of it."""
        try:
            text = self.read(f'common/message/{name}.json')
        except KeyError:
            return None
        definition = json.loads(re.sub(r'^\s*//.*$', '', text, flags=re.M))
        if definition['validVersions'] == 'none': return None
        valid = span(definition['validVersions'])
        common = {c['name']: c['fields'] for c in definition.get('commonStructs', [])}
        flexible = definition['flexibleVersions']
        fields = {}
        self.walk(definition['fields'], name, valid, common, fields)
        flexible_since = BIG if flexible == 'none' else span(flexible)[0]
        return definition.get('apiKey', -1), valid, flexible_since, definition.get('latestVersionUnstable'), fields

    def walk(self, listed, path, valid, common, out):
        for field in listed:
            here = f'{path}.{snake(field["name"])}'
            base = field['type'].removeprefix('[]')
            inner = field.get('fields') or common.get(base)
            kind = field['type'][:-len(base)] + ('struct' if inner else base)
            since, until = span(field.get('versions', field.get('taggedVersions')))
            out[here] = clip({
                'type': kind, 'since': since, 'until': until,
                'null': span(field['nullableVersions'])[0] if 'nullableVersions' in field else -1,
                'tag': int(field.get('tag', -1)), 'ignorable': int(field.get('ignorable', False) in (True, 'true')),
                'default': default(field, kind), 'default given': field.get('default') is not None}, valid)
            if inner: self.walk(inner, here, valid, common, out)


def clip(field, valid):
    """The field as versions `valid` show it; None when none of them has it."""
    since, until = max(field['since'], valid[0]), min(field['until'], valid[1])
    if since > until: return None
    null = -1 if field['null'] == -1 else max(field['null'], since)
    return field | {'since': since, 'until': until, 'null': null}


def ours(dump):
    heads, fields = {}, {}
    for line in subprocess.check_output([dump], text=True).splitlines():
        words = line.split()
        if words[0].endswith('!'): heads[words[0][:-1]] = tuple(map(int, words[1:]))
        else:
            since, until, null, tag, ignorable = map(int, words[2:7])
            fields[words[0]] = {'type': words[1], 'since': since, 'until': until, 'null': null, 'tag': tag,
                                'ignorable': ignorable, 'default': words[7]}
    return heads, fields


def differences(path, mine, theirs, version):
    if mine is None or theirs is None:
        yield f'{path}: only {"Kafka" if mine is None else "klog"} has it'
        return
    for attribute in ('type', 'since', 'until', 'null', 'tag', 'ignorable', 'default'):
        a, b = mine[attribute], theirs[attribute]
        if a == b or (version, path, attribute) in KNOWN: continue
        # Kafka's default of a nullable field that names none is the empty value; klog's is null, which no version
        # without the field can tell apart. For tagged fields the default is on the wire, by absence.
        if attribute == 'default' and a == 'null' and not theirs['default given'] and theirs['null'] != -1 and theirs['tag'] == -1: continue
        # A struct's default is that of its members.
        yield f'{path}: {attribute} is {a}, Kafka {version} has {b}'


def check_message(name, head, mine, definitions, newest):
    key, first, last, flexible, served_first, served_last = head
    found = definitions.message(name)
    if found is None: return [], None
    their_key, valid, flexible_since, unstable, theirs = found
    faults = []
    if key != their_key: faults.append(f'{name}: key {key}, Kafka has {their_key}')
    faults += [f'{path}: until {field["until"]} is no version before the last' for path, field in mine.items()
               if last <= field['until'] < BIG]
    if not (first <= valid[0] and valid[1] <= last): faults.append(f'{name}: versions {valid} are not all declared')
    if flexible != flexible_since: faults.append(f'{name}: flexible since {flexible}, Kafka has {flexible_since}')
    if newest:
        if last != valid[1]: faults.append(f'{name}: newest version {last}, Kafka has {valid[1]}')
        final = valid[1] - (1 if unstable else 0)
        if name.endswith('Request') and served_first != -1 and (served_first, served_last) != (valid[0], final):
            faults.append(f'{name}: serves {served_first} to {served_last}, Kafka {valid[0]} to {final}')
    for path in sorted(theirs.keys() | mine.keys()):
        a = clip(mine[path], valid) if path in mine else None
        b = theirs.get(path)
        if a is None and b is None: continue
        faults.extend(differences(path, a, b, definitions.version))
    return faults, valid


def main(dump, jars):
    heads, fields = ours(dump)
    jars = [Definitions(jar) for jar in jars]
    faults, covered = [], {}
    for number, definitions in enumerate(jars):
        for name, head in heads.items():
            mine = {path: field for path, field in fields.items() if path.split('.')[0] == name}
            found, valid = check_message(name, head, mine, definitions, newest=number == 0)
            faults += [f'{fault} [{definitions.version}]' for fault in found]
            if valid: covered.setdefault(name, set()).update(range(valid[0], valid[1] + 1))
    for name, head in heads.items():
        lacking = set(range(head[1], head[2] + 1)) - covered.get(name, set())
        if lacking: faults.append(f'{name}: no jar has versions {sorted(lacking)}')
    print(*faults, sep='\n', end='\n' if faults else '')
    print(f'{len(heads)} messages, {sum(len(c) for c in covered.values())} message versions, {len(fields)} fields, '
          f'{len(faults)} differences from Kafka {" and ".join(j.version for j in jars)}')
    return bool(faults)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1], sys.argv[2:]))
