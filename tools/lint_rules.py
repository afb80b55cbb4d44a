# SPDX-License-Identifier: Apache-2.0
"""The rules of tools/lint that look at text: each takes a Source and yields (line, rule, words).

A line, or the line above it, may carry `// lint allows RULE: why`; for the rule `order` also
`// order does not show: why`. No files and no processes here.
"""
import re

LINE_CHARACTERS_MAX = 120
FILE_LINES_MAX = 900
FILE_LINES_GOOD = 500
FUNCTION_LINES_MAX = 70
SPDX = 'SPDX-License-Identifier: Apache-2.0'


class Source:
    """A file: its path from the top, its text, and for C++ the same text with comments and literals blanked."""

    def __init__(self, path, text):
        self.path, self.text, self.lines = path, text, text.splitlines()
        self.is_cpp = path.endswith(('.h', '.cc'))
        self.code = blank(text) if self.is_cpp else text

    def line_of(self, index):
        return self.text.count('\n', 0, index) + 1

    def allows(self, line, rule):
        near = '\n'.join(self.lines[max(0, line - 2):line])
        return re.search(rf'// lint allows {rule}: \S', near) or (
            rule == 'order' and re.search(r'// order does not show: \S', near))

    def within(self, *folders):
        return any(self.path.startswith(folder + '/') for folder in folders)


LITERAL = re.compile(r'''//[^\n]*(?:\\\n[^\n]*)*|/\*.*?\*/|R"([^\s()\\]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"'''
                     r'''|(?<![0-9a-fA-F])'(?:\\.[^'\n]*|[^'\\\n])'|(?<=[0-9a-fA-F])'(?=[0-9a-fA-F])''', re.S)


def blank(text):
    """Comments become spaces, literals empty ones; every character keeps its place."""

    def empty(match):
        found = match[0]
        keep = '"' if found[0] in 'R"' else "'" if found[0] == "'" and len(found) > 1 else ' '
        inner = re.sub(r'[^\n]', ' ', found[1:-1]) if len(found) > 1 else ''
        return keep + inner + keep if len(found) > 1 else '0' if found == "'" else ' '

    return LITERAL.sub(empty, text)


def closing(code, opening):
    """The index of the bracket that closes the one at `opening`, or the end."""
    pairs = {'(': ')', '{': '}', '[': ']'}
    depth = 0
    for i in range(opening, len(code)):
        if code[i] in pairs: depth += 1
        elif code[i] in ')}]':
            depth -= 1
            if depth == 0: return i
    return len(code)


def template_end(code, opening):
    """The index behind the `>` that closes the `<` at `opening`."""
    depth = 0
    for i in range(opening, len(code)):
        if code[i] == '<': depth += 1
        elif code[i] == '>':
            depth -= 1
            if depth == 0: return i + 1
        elif code[i] in ';{': break
    return len(code)


# --- form

def check_header(source):
    first = source.lines[:2] if source.text.startswith('#!') else source.lines[:1]
    if not any(SPDX in line for line in first):
        yield 1, 'spdx', f'the file must open with {SPDX}'


def check_lengths(source):
    for number, line in enumerate(source.lines, 1):
        if len(line) > LINE_CHARACTERS_MAX and not re.match(r'\s*(?:u8|L)?R?"', line):  # A literal stays in one piece.
            yield number, 'line-length', f'{len(line)} characters, at most {LINE_CHARACTERS_MAX}'
    if len(source.lines) > FILE_LINES_MAX:
        words = f'{len(source.lines)} lines, at most {FILE_LINES_MAX}: part it by subject'
        yield len(source.lines), 'file-length', words


SCOPE = re.compile(r'\s*(template\s*<.*>\s*)?(inline\s+)?(namespace|class|struct|union|extern|enum)\b', re.S)


def functions(source):
    """(first line, last line, head) of each function that is not within another."""
    code = re.sub(r'^[ \t]*#(?:[^\n\\]|\\.)*', lambda m: re.sub(r'[^\n]', ' ', m[0]), source.code, flags=re.M | re.S)
    head, i = 0, 0
    while i < len(code):
        c = code[i]
        if c in ';}': head = i + 1
        elif c == ':' and re.search(r'\b(public|private|protected)\s*$', code[head:i]): head = i + 1
        elif c == '(':  # A default argument may hold braces.
            i = closing(code, i)
        elif c == '{':
            text = code[head:i]
            end = closing(code, i)
            if re.search(r'\)[^()]*[^:]:[^:].*[\w>]\s*$', text, re.S) and not re.search(r'\b(namespace|enum)\b', text):
                i = end + 1  # A member initialised with braces: the body is still to come.
                continue
            is_scope = SCOPE.match(text) and not text.rstrip().endswith((')', 'const', 'noexcept', 'override'))
            if not is_scope:
                if ')' in text and not text.rstrip().endswith(('=', ',', '(', 'return')):
                    start = head + len(text) - len(text.lstrip())
                    yield source.line_of(start), source.line_of(end), ' '.join(text.split())
                i = end
                if text.rstrip().endswith('='): continue
            head = i + 1
        i += 1


def check_functions(source):
    for first, last, head in functions(source):
        if last - first + 1 > FUNCTION_LINES_MAX:
            words = source.lines[first - 1].strip() if '" ' in head else head
            yield first, 'function-length', (f'{last - first + 1} lines, at most {FUNCTION_LINES_MAX}: let leaves '
                                             f'compute ({words[:80]})')


# --- banned calls, each with what to use instead

TIME_AND_CHANCE = (r'\b(?:steady_clock|system_clock|high_resolution_clock)::now\b|\bgettimeofday\b'
                   r'|=\s*std::chrono::(?:steady|system|high_resolution)_clock\s*;'
                   r'|\bclock_gettime\s*\(\s*CLOCK_(?:REALTIME|MONOTONIC)|(?<![\w.>])time\s*\(\s*(?:nullptr|NULL|0|&)'
                   r'|\brandom_device\b|(?<![\w.>])s?rand\s*\(|\bgetrandom\b')
BANNED = [
    ('detached', r'\bdetached\b|\.detach\s*\(\s*\)', lambda s: True,
     'every coroutine and thread has an owner that waits for it: runtime/scope.h, or join the thread'),
    ('asio', r'#\s*include\s*[<"]boost/asio|\bboost::asio\b', lambda s: not s.within(
        'core/runtime', 'core/net', 'tests/runtime', 'tests/net'),
     'Asio stays within runtime/ and net/: use runtime/shard.h, net/stream.h'),
    ('sleep', r'\bthis_thread::sleep_(?:for|until)\b|\bu?sleep\s*\(|\bnanosleep\s*\(', lambda s: True,
     'wait for a signal (runtime/scope.h), or move the clock of the test'),
    ('print', r'\bstd::c(?:out|err)\b|\b[fv]?printf\s*\(|\bfputs\s*\(|\bputs\s*\(|\bfmt::print\b',
     lambda s: s.within('core') and not s.within('core/base'), 'core prints nothing: base/log.h, or return it to cmd/'),
    ('time', TIME_AND_CHANCE, lambda s: not s.within('core/base') and not re.fullmatch(r'tests/.*bench\.cc', s.path),
     'time and randomness are handed in: base/clock.h, base/random.h'),
]


def check_banned(source):
    for rule, pattern, applies, instead in BANNED:
        if not applies(source): continue
        for match in re.finditer(pattern, source.code):
            yield source.line_of(match.start()), rule, f'{match[0].strip()}: {instead}'
        if rule != 'asio': continue
        for number, line in enumerate(source.lines, 1):  # The name in "..." is blanked in the code.
            if re.match(r'\s*#\s*include\s*"boost/asio', line): yield number, rule, f'{line.strip()}: {instead}'


def check_co_await(source):
    """`co_await f(T{...})`: g++ 12 destroys the temporary twice. Tests are compiled by clang only."""
    code = source.code
    if source.within('tests'): return
    for match in re.finditer(r'(?<!operator )\bco_await\b', code):
        i = match.end()
        while i < len(code) and code[i] not in ';':
            c = code[i]
            before = code[match.end():i].rstrip()[-1:] or ' '
            if c == '[' and not re.match(r'[\w)\]]', before):  # A lambda: its body is no temporary.
                i = closing(code, i) + 1
                while i < len(code) and code[i] not in '{;': i = closing(code, i) + 1 if code[i] == '(' else i + 1
                i = closing(code, i)
            elif c == '{' and before in '(,' and code[i + 1] == '}': i += 1  # A default, as of a std::function.
            elif c == '{':
                yield source.line_of(i), 'co-await', 'a braced temporary within co_await: name it, then std::move it'
                break
            elif c in ')}':
                depth = code.count('(', match.end(), i) - code.count(')', match.end(), i)
                if depth <= 0: break
            i += 1


# What a coroutine may hold by const reference: it outlives every scope, by the design of its owner.
LONG_LIVED = re.compile(r'(?:\w+::)*(?:Clock|Store|Runtime|Network)')


def check_coroutine_parameters(source):
    """References to what may be a temporary or a caller's local: const, rvalue, or of the standard library."""
    lines = source.code.splitlines()
    for first, last, head in functions(source):
        if not re.search(r'\bTask\s*<', head): continue
        if not re.search(r'\bco_(?:await|return)\b', '\n'.join(lines[first - 1:last])): continue
        opening = head.find('(', head.find('Task'))
        parameters = head[opening + 1:closing(head, opening)]
        for match in re.finditer(r'(const\s+)?((?:\w+::)*\w+)(\s*<[^()]*?>)?\s*(&&?)\s*\w*\s*(?=[,=]|$)', parameters):
            const, type_name, _, reference = match.groups()
            if (const and not LONG_LIVED.fullmatch(type_name)) or reference == '&&' or type_name.startswith('std::'):
                yield first, 'coroutine-reference', f'{match[0].strip()}: a coroutine owns its arguments: by value'


# --- iteration in an order that shows

HASHED = re.compile(r'\b(?:std::unordered_(?:multi)?(?:map|set)'
                    r'|boost::(?:unordered::)?unordered_(?:flat_|node_|multi)?(?:map|set)'
                    r'|(?<!:)unordered_(?:flat_|node_)?(?:map|set))\s*<')
ORDERED = re.compile(r'\bstd::(?:multi)?(?:map|set)\s*<')


def unordered_names(code):
    """What is declared with a type that has no order of its own: hashed, or ordered by pointers. Aliases count."""
    types, names = [], set()
    for match in HASHED.finditer(code): types.append((match.start(), template_end(code, match.end() - 1)))
    for match in ORDERED.finditer(code):
        end = template_end(code, match.end() - 1)
        key = re.match(r'(?:[^<>,]|<[^<>]*>)*', code[match.end():end - 1])[0].strip()
        if key.endswith('*') or re.match(r'(?:std::)?(?:shared|unique)_ptr\b|std::coroutine_handle\b', key):
            types.append((match.start(), end))
    for start, end in types:
        alias = re.search(r'\busing\s+(\w+)\s*=\s*$', code[:start])
        if alias:
            names.update(re.findall(rf'\b{alias[1]}\s*[&*]?\s+(\w+)\s*[;,)={{]', code))
        declared = re.match(r'\s*[&*]?\s*(?:const\s+)?(\w+)\s*[;,)={(]', code[end:])
        if declared: names.add(declared[1])
    return names


def check_order(source, own_header='', other_headers=()):
    """Range-for and begin() over such names. Those of other headers count when they are members by their looks."""
    names = unordered_names(source.code) | unordered_names(own_header)
    members = set().union(*map(unordered_names, other_headers)) if other_headers else set()
    if not names and not members: return
    for match in re.finditer(r'\bfor\s*\(', source.code):
        inside = source.code[match.end():closing(source.code, match.end() - 1)]
        ranged = re.search(r'(?<!:):(?!:)\s*([^;|]*)[^;]*$', inside)
        begun = re.search(r'=\s*([\w.\->]+?)(?:\.|->)c?begin\(\)', inside)
        over = ranged[1] if ranged else begun[1] if begun else ''
        over = re.sub(r'^\s*(?:std::as_const|std::views::\w+)?\s*\((.*)\)\s*$', r'\1', over)
        last = re.search(r'(\.|->)?(\w+)\s*$', over)
        if last and (last[2] in names or (last[2] in members and (last[1] or last[2].endswith('_')))):
            words = f'{last[2]} has no order of its own: sort, use std::map, or say `// order does not show: why`'
            yield source.line_of(match.start()), 'order', words


CPP_RULES = [check_header, check_lengths, check_functions, check_banned, check_co_await,
             check_coroutine_parameters]
SCRIPT_RULES = [check_header]


def check(source, own_header='', other_headers=()):
    """All faults of one file as (line, rule, words), in order."""
    found = [fault for rule in (CPP_RULES if source.is_cpp else SCRIPT_RULES) for fault in rule(source)]
    if source.is_cpp and not source.within('tests'): found += check_order(source, own_header, other_headers)
    return sorted(fault for fault in found if not source.allows(fault[0], fault[1]))
